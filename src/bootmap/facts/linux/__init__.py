"""Linux: its bits, its constants, its log lines."""
