"""The table of memory types for the page: Linux's bits, the hardware's, and what TEX remap or MAIR makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.analysis.overview import hardware_words
from bootmap.mmu.describe import memory_text
from bootmap.mmu.memory_types import long_index, short_index
from bootmap.report.words import linux_pte_text, pmd_text

if TYPE_CHECKING:
    from bootmap.boot.records import MemType
    from bootmap.boot.sequence import Replay
    from bootmap.facts.linux.linux_prot import LinuxFormat
    from bootmap.mmu.regs import Regime

_MAIR_BYTES = 8


def mem_types(replay: Replay, regime: Regime) -> dict[str, Any] | None:
    """The adjusted table and the remapping behind it; None where the boot ends before build_mem_type_table."""
    table, form = replay.state.mem_types, replay.state.kernel.format
    if table is None:
        return None
    hardware = hardware_words(replay)
    return {
        "policy": table.policy,
        "shared": table.shared,
        "types": [_row(row, hardware[row.name], form, regime) for row in table.types.values()],
        "adjustments": [[s.field, s.bits, s.set, list(s.types), s.why] for s in table.adjustments],
        "remap": _remap(regime),
    }


def _row(row: MemType, hardware: int, form: LinuxFormat, regime: Regime) -> dict[str, Any]:
    digits = 2 + 2 * form.word_bytes
    pages = bool(row.prot_l1)
    level, first = regime.roots[0].level, form.pmd.sect | row.prot_sect
    if regime.long:
        level = next(kind.table for kind in level.descriptors if kind.table is not None)
    section = None
    if row.prot_sect:
        kind = level.descriptor(first)
        section = _memory(kind.layout.decode(first), regime)
    return {
        "name": row.name,
        "purpose": row.purpose,
        "domain": row.domain,
        "pte": [f"{row.prot_pte:#0{digits}x}", linux_pte_text(row.prot_pte, form)] if pages else None,
        "hardware": f"{hardware:#0{digits}x}" if pages else None,
        "l1": [f"{row.prot_l1:#0{digits}x}", pmd_text(row.prot_l1, form)] if pages else None,
        "sect": [f"{row.prot_sect:#0{digits}x}", pmd_text(row.prot_sect, form)] if row.prot_sect else None,
        "memory": section,
    }


def _memory(fields: dict[str, int], regime: Regime) -> dict[str, Any]:
    """The memory attributes behind a descriptor's fields, and the place in the table of remapping that gives them."""
    if regime.long:
        index = fields["AttrIndx"]
        return {"index": index, "text": memory_text(regime.memory[long_index(index, fields["SH"])])}
    place = short_index(fields.get("TEX", 0), fields["C"], fields["B"], fields.get("S", 0))
    index = place >> 1 & 7 if regime.remap else place >> 1
    return {"index": index, "text": memory_text(regime.memory[place])}


def _remap(regime: Regime) -> dict[str, Any]:
    """Every row of the remapping: [index, its bits, what it means]."""
    if regime.long:
        mair = regime.regs.mair1 << 32 | regime.regs.mair0
        rows = [
            [n, f"AttrIndx {n}", f"{mair >> 8 * n & 255:#04x}", memory_text(regime.memory[long_index(n, 0)])]
            for n in range(_MAIR_BYTES)
        ]
        return {"by": "MAIR", "rows": rows}
    if regime.remap:
        prrr, nmrr = regime.regs.prrr, regime.regs.nmrr
        rows = [
            [
                n,
                f"TEX[0] {n >> 2}, C {n >> 1 & 1}, B {n & 1}",
                f"TR{n} {prrr >> 2 * n & 3:02b}, IR{n} {nmrr >> 2 * n & 3:02b}, OR{n} {nmrr >> 16 + 2 * n & 3:02b}",
                memory_text(regime.memory[short_index(n >> 2, n >> 1 & 1, n & 1, 0)]),
            ]
            for n in range(8)
        ]
        return {"by": "PRRR/NMRR", "rows": rows}
    rows = [
        [n, f"TEX {n >> 2:03b}, C {n >> 1 & 1}, B {n & 1}", "", memory_text(regime.memory[n << 1])] for n in range(32)
    ]
    return {"by": "TEX", "rows": rows}
