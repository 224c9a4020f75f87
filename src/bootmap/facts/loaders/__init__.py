"""Facts about boot loaders: what they do by version and board, with the source of each."""
