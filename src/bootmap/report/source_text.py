"""A source's name, registers and assumptions, as every command that reads tables prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.report.explain_text import wrapped
from bootmap.units import hex_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bootmap.mmu.regs import Regs


def assumptions_text(assumptions: Sequence[str]) -> str:
    """The assumptions as a list under a heading; empty where there are none."""
    if not assumptions:
        return ""
    return "\n".join(["Assumptions", *(line for text in assumptions for line in wrapped(text, "  "))])


def registers_text(regs: Regs, registers: Mapping[str, int]) -> str:
    """The registers on a line: ``ARMv7, TTBR0 0x40004000, SCTLR 0x10c5387d, ...``."""
    return ", ".join([f"ARM{regs.arch}", *(f"{name} {hex_address(value)}" for name, value in registers.items())])


def source_document(
    name: str, kind: str, regs: Regs, registers: Mapping[str, int], assumptions: Sequence[str]
) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "source": {"name": name, "kind": kind},
        "registers": {"arch": regs.arch, **registers},
        "assumptions": list(assumptions),
    }
