"""What runs before the kernel and decides where things are: pure functions from what it was told to placements."""
