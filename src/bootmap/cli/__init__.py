"""One file a subcommand: parse, call the public API, report."""

import gc

# A command lives for a moment: looking for garbage while it imports costs it a tenth of its time.
gc.set_threshold(100_000, 50, 50)
