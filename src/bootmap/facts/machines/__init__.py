"""What the kernel's machine descriptions do to memory, by maker; QEMU's machines."""
