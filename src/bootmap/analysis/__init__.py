"""Questions over results."""
