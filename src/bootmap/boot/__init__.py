"""The straight line: what the kernel does to memory, one module a step, in kernel order and with kernel names."""
