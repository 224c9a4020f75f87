"""``--dtcm`` and ``--itcm``: the tightly coupled memory of a CPU, as the user knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import UsageError
from bootmap.facts.arm.tcm import BANK_SIZES, MAX_BANKS
from bootmap.units import memparse

if TYPE_CHECKING:
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.arm.tcm import TcmKind


def parse_tcm(text: str | None, kind: TcmKind, cpu: Cpu) -> tuple[int, ...] | None:
    """``16K`` or ``16K,8K`` as the bytes of each bank, ``0`` as none of them; None for None.

    Raises:
        UsageError: it is something else, or the CPU cannot have any.
    """
    if text is None:
        return None
    if text == "0":
        return ()
    parsed = [memparse(part) for part in text.split(",")]
    sizes = tuple(size for size, rest in parsed if size in BANK_SIZES and not rest)
    if len(sizes) != len(parsed) or len(sizes) > MAX_BANKS:
        raise UsageError(f"{kind.option} {text}: expected SIZE or SIZE,SIZE, each a power of two from 4K to 1M, or 0")
    if not cpu.tcm:
        raise UsageError(f"{kind.option} {text}: {cpu.name} has no tightly coupled memory")
    return sizes
