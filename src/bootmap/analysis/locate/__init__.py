"""Page tables in a dump of which nothing is known."""
