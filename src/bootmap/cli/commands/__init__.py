"""One file a subcommand: parse, call the public API, report."""
