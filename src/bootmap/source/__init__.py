"""Page tables to read, from wherever they are: predicted, dumped, recorded or live; and the questions about them."""
