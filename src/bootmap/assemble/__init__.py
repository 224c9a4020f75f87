"""From what a user has to what a boot is a function of: Kernel and Board, each derived value with its assumption."""
