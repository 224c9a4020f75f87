"""Strict readers of what a user has.  A bad file is an error with an offset, never a guess."""
