"""What an oops says of the page tables."""
