"""The straight line: what the kernel does to memory, one module a step, in kernel order, with kernel names."""
