"""What is wrong with a board before its first boot, what to change, and the proof: each change is predicted again."""
