"""What is wrong with a set of page tables."""
