"""What the lines of a log claim, by subject, and what is predicted instead."""
