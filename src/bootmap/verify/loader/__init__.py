"""Real boot loaders, run under QEMU: what they were told, what they said, and where they put things."""
