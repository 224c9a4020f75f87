"""Comparing a boot log with a prediction, line by line.

Each kind of line has a judge under ``claims``, which compares what the line claims with what is predicted.  Besides,
lines that are predicted and that a log which goes on for long enough has not are contradictions too.

Not here: what follows from equal and unequal claims (``judgement``).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.trace import Verdict
from bootmap.bootlog.claims import given_up, kasan, layout, reserved, totals, zones
from bootmap.bootlog.claims.context import Basis, Context, told, unmodelled
from bootmap.bootlog.claims.memblock import MemblockChecker
from bootmap.bootlog.claims.pages import PageCounts
from bootmap.bootlog.judgement import Judged, Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.log import Log, Said
    from bootmap.units import Span

    Judge = Callable[[Context, Said], Judged]

INPUTS = frozenset(
    {
        "banner",
        "release",
        "cpu",
        "cache",
        "machine",
        "model",
        "cmdline",
        "dtb",
        "ramdisk",
        "ramdisk_at",
        "slub",
        "nosmp",
        "load",
        "payload_load",
        "payload_size",
        "kernel_at",
        "blob",
        "started",
        "bootargs",
        "image_size",
        "arm_image",
        "cpu_unknown",
        "idmap",
        "dram",
        "dram_bank",
        "bd_start",
        "bd_size",
        "pgd",
        "efi_row",
        "efi_map",
        "efi_table",
        "image_name",
        "fixup",
        "ion",
        "cut_off",
        "taken",
        "vendor_reserve",
        "vendor_remove",
        "persistent",
        "cma_found",
        "fault",
        "pc_at",
        "control",
    }
)
"""Kinds of lines that tell what board and kernel are."""
_COUNTED = ("total", "memmap", "zone_pages", "all_pages", "memory_mb")
_JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        "layout": layout.area,
        "layout_other": layout.other_area,
        "policy": layout.policy,
        "tcm_moved": layout.tcm_moved,
        "zone": zones.zone,
        "zone_pfn": zones.zone_pfn,
        "nodes": zones.node,
        "initmem": zones.initmem,
        "memory_mb": totals.megabytes,
        "memory_k": totals.kilobytes_old,
        "memory": totals.kilobytes,
        "cma": reserved.cma,
        "cma_failed": reserved.cma_failed,
        "cma_limit": reserved.cma_limit,
        "pool": reserved.pool,
        "node": reserved.node,
        "region": reserved.region,
        "removed": reserved.region,
        "rmem": reserved.trouble,
        "freed_initrd": reserved.freed_initrd,
        "said": given_up.verbatim,
        "dt_range": given_up.verbatim,
        "dt_block": given_up.dt_block,
        "kasan": kasan.block,
        "kasan_skip": kasan.skipped,
        "ignoring": given_up.ignoring,
        "truncating": given_up.truncating,
    }
)
_LOST_RAM = ("Ignoring RAM at", "Truncating RAM at")
# Lines that are predicted and missed where a log has none of them: how they begin -> how those that say the same do.
_MISSED = {**dict.fromkeys(_LOST_RAM, _LOST_RAM), "INITRD: ": ("INITRD: ",)}
# The same where board and kernel are not made of the log itself.
_MISSED_WHOLE = {
    **_MISSED,
    **dict.fromkeys(("cma: Reserved", "cma: Failed", "cma: CMA: "), ("cma: ",)),
    **{head: (head,) for head in ("Ignoring memory", "Truncating memory", "BUG: ", "Reserved memory: created")},
}


class Checker(Struct):
    """Judges the lines of one log against one prediction.

    Attributes:
        context: the log and the prediction.
        pages: the counts of pages, which must agree on one size of struct page.
        memblock: the judge of memblock's own lines.
    """

    context: Context
    pages: PageCounts
    memblock: MemblockChecker

    def judge(self, said: Said) -> Judged:
        """The verdict on one line."""
        if self.memblock.knows(said):
            return self.memblock.judge(said)
        if said.kind in INPUTS:
            return told(said)
        if self.context.uncountable and said.kind in _COUNTED:
            return unmodelled(said, self.context.uncountable)
        if said.row.unmodelled:
            return unmodelled(said, said.row.unmodelled)
        if self.pages.knows(said):
            return self.pages.judge(said)
        judge = _JUDGES.get(said.kind)
        return judge(self.context, said) if judge else unmodelled(said, "no rule for this line")


def checker_of(prediction: Replay, areas: Mapping[str, Span], log: Log, basis: Basis | None = None) -> Checker:
    """The judge of ``log``, held against ``prediction``.

    Args:
        prediction: the prediction.
        areas: the virtual areas by name.
        log: the log.
        basis: what the prediction was made of.
    """
    context = Context(prediction, areas, basis or Basis())
    if context.basis.from_log:
        context.uncountable = _uncountable(log, context.basis)
        context.own_areas = frozenset(said.line for said in log.all("cma")[:-1])
        context.cmdline_known = log.first("cmdline") is not None
    return Checker(context, PageCounts(context), MemblockChecker(context, log))


def check_log(prediction: Replay, areas: Mapping[str, Span], log: Log, basis: Basis | None = None) -> list[Judged]:
    """Judge every line of ``log``, and what the prediction has besides; see :func:`checker_of`."""
    checker = checker_of(prediction, areas, log, basis)
    judged = [checker.judge(said) for said in log.said]
    return [*judged, *_missing(log, checker.context), *_outcome(log, checker.context)]


def _uncountable(log: Log, basis: Basis) -> str:
    """Why the pages of a board made from a log cannot be counted; "" where they can."""
    lists = log.first("all_pages")
    if lists is not None and lists.number("cpus") > 1:
        return "memory is in several nodes (DISCONTIGMEM)"
    if "machine.took" in basis.taken:
        return "the machine's reserve callback took RAM away, the log does not say where"
    if "banks.unknown" in basis.taken:
        return "the log does not say where the banks are"
    return ""


def _missing(log: Log, context: Context) -> Iterator[Judged]:
    """What the kernel gives up by the prediction, while a log that goes on for long enough does not say so."""
    if not log.first("banner") or not log.all("memory", "memory_k", "zone"):
        return
    whole = not context.basis.from_log and not context.basis.kernel_from_log
    for line in context.state.dmesg:
        for head, same in (_MISSED_WHOLE if whole else _MISSED).items():
            if head in line and not any(said.text.startswith(same) for said in log.said):
                yield Judged(0, "missing", line, Judgement.CONTRADICTED, "nothing of the kind", line)


_BEHIND_SETUP_ARCH = ("memory", "memory_k", "percpu", "all_pages")
_BEHIND = {"memblock_free_all": ("memory", "memory_k"), "populate_rootfs": ()}
"""Where a boot ends -> kinds of lines that come later (init/main.c start_kernel)."""


def _outcome(log: Log, context: Context) -> list[Judged]:
    """Whether the boot comes as far as the log."""
    outcome = context.prediction.outcome
    later = log.all(*_BEHIND.get(outcome.stage or "", _BEHIND_SETUP_ARCH))
    if outcome.verdict is not Verdict.DIES or not later:
        return []
    ours = f"the boot ends in {outcome.stage}: {outcome.reason}"
    return [Judged(later[-1].line, "outcome", later[-1].text, Judgement.CONTRADICTED, "it goes on", ours)]
