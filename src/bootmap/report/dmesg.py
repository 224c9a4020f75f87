"""The kernel's own lines about memory, as this kernel would log them, without time stamps.

With memblock=debug the calls of memblock stand between them; callers are named without offsets, and the lines that
announce an allocation before it is made are left out: the reservation that follows says where it went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.boot.trace import Origin, Verdict
from bootmap.report.predict_text import layout_line
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, align_down, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.analysis.overview import VirtualArea
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.memblock import MemblockOp
    from bootmap.boot.sequence import Replay

_CALLS = {
    "add": "memblock_add",
    "remove": "memblock_remove",
    "reserve": "memblock_reserve",
    "alloc_range": "memblock_reserve",
    "free": "memblock_free",
}
_LATER = {"add": "memblock_log_adds", "remove": "memblock_log_removes"}
"""Calls that are logged from a later version on."""


def dmesg_text(prediction: Replay, layout: Sequence[VirtualArea]) -> str:
    """The log, one line each; ``layout`` is printed by the kernels that did."""
    state = prediction.state
    lines: list[str] = []
    done = state.memblock_debug_from
    log = state.memblock.log
    for mark, line in zip(state.dmesg_marks, state.dmesg, strict=True):
        if state.memblock_debug:
            lines += [_call(prediction, op) for op in list(log[done:mark]) if _printed(state.kernel, op)]
            done = max(done, mark)
        lines.append(line)
    calls = list(log[done:]) if state.memblock_debug else []
    before = max(state.zones_mark - done, 0) if state.zones else len(calls)
    lines += [_call(prediction, op) for op in calls[:before] if _printed(state.kernel, op)]
    lines += _zones(prediction)
    lines += [_call(prediction, op) for op in calls[before:] if _printed(state.kernel, op)]
    if state.kernel.has("layout_message") and prediction.outcome.verdict is not Verdict.DIES:
        lines.append("Virtual kernel memory layout:")
        lines += [layout_line(_as_printed(area)) for area in layout if area.name not in ("PCI I/O", "fdt")]
    return "\n".join(lines)


def _as_printed(area: VirtualArea) -> VirtualArea:
    """The message counts one page of vectors also where there are two (arch/arm/mm/init.c ``mem_init``)."""
    return replace(area, end=area.start + PAGE_SIZE) if area.name == "vector" else area


def _printed(kernel: KernelModel, op: MemblockOp) -> bool:
    if op.name not in _CALLS or not kernel.has("memblock_log_calls"):
        return False
    if op.name in _LATER and not kernel.has(_LATER[op.name]):
        return False
    return op.name != "alloc_range" or op.result != 0


def _call(prediction: Replay, op: MemblockOp) -> str:
    kernel, last = prediction.state.kernel, op.base + op.size - 1
    name = "memblock_phys_free" if op.name == "free" and kernel.has("memblock_phys_free") else _CALLS[op.name]
    caller = op.origin.rule if isinstance(op.origin, Origin) else ""
    if kernel.has("memblock_log_wide"):
        last += kernel.has("memblock_log_open")
        flags = f" flags {op.flags:#x}" if kernel.has("memblock_flags") and op.name != "free" else ""
        return f"{name}: [{op.base:#016x}-{last:#016x}]{flags} {caller}"
    width = 18 if kernel.has("lpae") else 10
    span = f"[{op.base:#0{width}x}-{last:#0{width}x}]"
    if kernel.has("memblock_log_flags") and name == "memblock_reserve":
        return f"__{name}: {span} nid=-1 flags={op.flags:x} {caller}"
    indent = "   " if name == "memblock_free" and kernel.has("memblock_log_free_indented") else ""
    return f"{indent}{name}: {span} {caller}"


def _zones(prediction: Replay) -> Iterator[str]:
    zones = prediction.state.zones
    if not zones:
        return
    if not prediction.state.kernel.has("log_zone_ranges"):
        yield f"On node 0 totalpages: {sum(zone.present for zone in zones)}"
        return
    yield "Zone ranges:"
    for zone in zones:
        if zone.start_pfn == zone.end_pfn:
            yield f"  {zone.name:<8} empty"
        else:
            start, end = zone.start_pfn << PAGE_SHIFT, zone.end_pfn << PAGE_SHIFT
            yield f"  {zone.name:<8} [mem {start:#018x}-{end - 1:#018x}]"
    yield "Early memory node ranges"
    for base, size, _ in prediction.state.memblock.memory.regions:
        start = align_up(base, PAGE_SIZE) & prediction.state.phys_mask  # for_each_mem_pfn_range: PFN_UP() may wrap to 0
        end = align_down(base + size, PAGE_SIZE)
        if start < end:
            yield f"  node   0: [mem {start:#018x}-{end - 1:#018x}]"
