"""The zImage: where it unpacks to, and what it overwrites."""
