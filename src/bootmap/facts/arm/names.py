"""Names that users give: of the registers that decide a walk, and of the versions of the architecture."""

from __future__ import annotations

REGISTERS = ("ttbr0", "ttbr1", "ttbcr", "sctlr", "dacr", "prrr", "nmrr", "mair0", "mair1")
ARCH_NAMES = ("v4", "v5", "xscale", "v6", "v6k", "v6kz", "v7", "v7lpae", "lpae")
"""Versions of the architecture; ``lpae`` is any with long descriptors."""
