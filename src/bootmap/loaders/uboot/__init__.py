"""U-Boot: the commands that start a kernel, and its list of memory, by release."""
