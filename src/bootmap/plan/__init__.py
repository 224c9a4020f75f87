"""From the boot loader's first byte to the kernel's verdict, and addresses that are safe for both."""
