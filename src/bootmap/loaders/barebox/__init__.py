"""barebox: ``bootm`` on 32-bit ARM, and what it writes into the kernel's tree, by release."""
