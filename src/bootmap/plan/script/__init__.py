"""U-Boot's boot scripts, run as U-Boot runs them up to the command that boots."""
