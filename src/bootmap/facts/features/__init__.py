"""What each kernel does differently, by subject."""
