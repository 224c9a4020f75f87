"""bootmap: how Linux will map a 32-bit ARM board's memory, before it boots."""

__version__ = "0.1.0"
