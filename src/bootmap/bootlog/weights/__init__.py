"""The numbers of a board, each with every line that bears on it, weighed."""
