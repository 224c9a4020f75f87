"""Facts only, as tables: each names its source.  No logic lives here."""
