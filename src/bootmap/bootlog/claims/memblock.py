"""What memblock=debug prints, against the prediction: each call, and the lists at the end of arm_memblock_init.

A call is matched by its range, in any order of calls: vendors add some of their own.  Up to 3.7 the end of a range that
is reserved was printed as the address behind it (mm/memblock.c).  Not here: any other line.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import contradicted, matched, told, unmodelled
from bootmap.bootlog.judgement import Claim, judge
from bootmap.facts.linux.memblock import Flags

if TYPE_CHECKING:
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Log, Said

_KINDS = ("call", "dump_totals", "dump_count", "dump_row")
_PRINTED_AS = {
    "add": "add",
    "remove": "remove",
    "reserve": "reserve",
    "alloc_range": "reserve",
    "free": "free",
    "phys_free": "free",
}
_EFI = re.compile(r"efi_|reserve_regions")
# Callers whose calls are all predicted; allocations by others are made for what is not modelled.
_OURS = re.compile(
    r"arm_memblock_init|arm_mm_memblock_reserve|early_init_dt|early_init_fdt|fdt_init_reserved|cma_declare|"
    r"arm_dt_memblock|setup_arch|early_alloc|__reserved_mem|fdt_scan_reserved|adjust_lowmem|sanity_check"
)


def _after_paging_init(said: Said) -> bool:
    """Whether a line is of bootmem_init or later: zones, or resources, the first to be aligned to a cache line."""
    return said.kind in ("zone", "nodes", "total") or (said.kind == "announced" and said.text.endswith("align=0x40"))


class MemblockChecker:
    """Judges memblock's lines of one log."""

    def __init__(self, context: Context, log: Log) -> None:
        self.context = context
        state = context.state
        self._left = Counter(
            (_PRINTED_AS[op.name], op.base, op.base + op.size - 1)
            for op in state.memblock.log
            if op.name in _PRINTED_AS and (op.name != "alloc_range" or op.result)
        )
        stage = context.prediction.stage("arm_memblock_init")
        memblock = stage.memblock if stage else state.memblock
        self.lists = {"memory": memblock.memory.regions, "reserved": memblock.reserved.regions}
        self.open_ends = log.open_ends
        without = context.basis.from_log and state.handover.efi is None
        self.efi = without and any(_EFI.search(said.word("rest")) for said in log.all("call"))
        self.paging_init_ends = 0
        """The line before which every allocation is one of paging_init's or earlier; 0 where callbacks are unknown."""
        if not context.basis.kernel_from_log and not state.machine.unknown:
            self.paging_init_ends = next((said.line for said in log.said if _after_paging_init(said)), 0)
        totals = [said.line for said in log.all("dump_totals")]
        self._last_dump = totals[-1] if totals else 0

    def knows(self, said: Said) -> bool:
        """Whether the line is memblock's."""
        return said.kind in _KINDS

    def judge(self, said: Said) -> Judged:
        """The verdict on one of memblock's lines."""
        if not self.context.basis.phys_known:
            return unmodelled(said, "where RAM begins is not known")
        if self.efi:
            return unmodelled(said, "EFI's memory map replaces the banks")
        if said.kind == "call":
            return self._call(said)
        if said.line < self._last_dump:
            return unmodelled(said, "a list from an earlier moment")
        return self._dump(said)

    def _call(self, said: Said) -> Judged:
        name = _PRINTED_AS.get(said.word("name"), said.word("name"))
        last = said.number("last") - (1 if self.open_ends and name == "reserve" else 0)
        key = (name, said.number("start"), last)
        if self._left[key]:
            self._left[key] -= 1
            return told(said) if self.context.taken(f"call:{said.line}") else matched(said)
        if self.context.taken(f"call:{said.line}"):
            return told(said)
        if said.line >= self.paging_init_ends and not _OURS.search(said.word("rest")):
            why = "made for what is not modelled: the machine's own, or what comes after paging_init"
            return unmodelled(said, why)
        near = [f"{n} {first:#x}-{end:#x}" for n, first, end in self._left if n == name and first == key[1]]
        log = f"{name} {key[1]:#x}-{last:#x}"
        return contradicted(said, log, near[0] if near else "no such call")

    def _dump(self, said: Said) -> Judged:
        lists, state = self.lists, self.context.state
        if said.kind == "dump_totals":
            memory, reserved = (sum(size for _, size, _ in lists[name]) for name in ("memory", "reserved"))
            return judge(
                said,
                [Claim("memory", said.number("total"), memory), Claim("reserved", said.number("total2"), reserved)],
            )
        rows = list(lists[said.word("name")])
        if said.kind == "dump_count":
            return judge(said, [Claim("count", said.number("index"), max(len(rows), 1), False, True)])
        at, taken = said.number("index"), self.context.taken(f"dump_row:{said.line}")
        if not rows and state.kernel.has("memblock_dummy_region"):
            rows = [(0, 0, Flags.NONE)]
        if at >= len(rows):
            return contradicted(said, said.text, f"only {len(rows)} rows")
        base, size, flags = rows[at]
        claims = [Claim("start", said.number("start"), base, taken), Claim("size", said.number("size"), size, taken)]
        if "flags" in said:
            claims.append(Claim("flags", said.number("flags"), int(flags), taken))
        return judge(said, claims)
