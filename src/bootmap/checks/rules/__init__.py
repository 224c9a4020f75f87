"""The rules, one file a subject: each takes a case and yields findings with changes that are still to be proven."""
