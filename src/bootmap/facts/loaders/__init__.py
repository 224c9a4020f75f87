"""What boot loaders do before the kernel: facts, by loader."""
