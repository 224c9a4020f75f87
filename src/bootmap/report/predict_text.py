"""What ``bootmap predict`` prints for people: the verdict in one line, then the maps.  At most 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bootmap.output import text_width
from bootmap.units import KIB, MIB, PAGE_SHIFT, mem_range, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.analysis.overview import Overview, VirtualArea
    from bootmap.boot.sequence import Replay
    from bootmap.checks.finding import Finding


def predict_text(prediction: Replay, overview: Overview, findings: Sequence[Finding] = ()) -> str:
    """The whole report, lines ended.

    Args:
        prediction: the boot.
        overview: its maps.
        findings: what the rules of check say; those that only repeat a hazard are left out.
    """
    lines = [*_verdict(prediction), ""]
    for title, body in (
        ("Memory", _memory(overview)),
        ("Lost RAM", _lost(overview)),
        ("Reserved", _reserved(overview)),
        ("Virtual kernel memory layout:", _layout(overview)),
        ("Page tables", _tables(prediction, overview)),
        ("Zones", _zones(prediction)),
        ("Hazards", _hazards(prediction)),
        ("Findings (bootmap check says what to change)", _findings(findings)),
        ("If a guess is wrong", _bullets([str(each) for each in prediction.alternatives])),
        ("Assumptions", _bullets([str(each) for each in prediction.state.assumptions])),
    ):
        rows = list(body)
        if rows:
            lines += [title, *rows, ""]
    return "\n".join(lines)


def _verdict(prediction: Replay) -> Iterator[str]:
    state, outcome = prediction.state, prediction.outcome
    kernel = state.kernel
    who = (
        f"Linux {kernel.version_text}, {state.handover.cpu.name}{', SMP' if state.smp else ''}, {kernel.format.name} "
        f"descriptors, PAGE_OFFSET {kernel.page_offset:#010x}, PHYS_OFFSET {state.handover.phys_offset:#010x}"
    )
    if outcome.all_well:
        yield from textwrap.wrap(f"{outcome.headline.lower()}: {who}", text_width())
        return
    reason, stage = outcome.reason or "", outcome.stage or ""
    where = "" if reason.startswith(stage) else f"{stage}: "
    yield from textwrap.wrap(f"{outcome.headline}: {where}{reason}", text_width())
    yield from textwrap.wrap(who, text_width())


def _row(start: int, end: int, note: str) -> Iterator[str]:
    """One range, its size, and a note that goes on below itself."""
    head = f"  {mem_range(start, end)} {size_text(end - start):>10}  "
    first, *more = textwrap.wrap(note, text_width() - len(head)) or [""]
    yield (head + first).rstrip()
    for text in more:
        yield " " * len(head) + text


def _memory(overview: Overview) -> Iterator[str]:
    for row in overview.memory:
        origin = row.origin.root if row.origin else None
        yield from _row(row.start, row.end, f"{row.kind:<8} {origin or ''}")
    values = overview.stage.vars
    if values.high_memory:
        yield (
            f"  lowmem ends at {values.arm_lowmem_limit:#010x} (virtual {values.high_memory:#010x}), early "
            f"allocations below {values.memblock_limit:#010x}"
        )


def _lost(overview: Overview) -> Iterator[str]:
    for row in overview.lost:
        origin = f" ({row.origin.root})" if row.origin else ""
        yield from _row(row.start, row.end, row.reason + origin)


def _reserved(overview: Overview) -> Iterator[str]:
    for row in overview.reserved:
        root = row.origin.root if row.origin else None
        extra = f" ({root})" if root is not None and root is not row.origin and root.offset is not None else ""
        yield from _row(row.start, row.end, row.owner + extra)


def _layout(overview: Overview) -> Iterator[str]:
    """The form of the block that mem_init printed up to Linux 5.0, with what each area is."""
    for area in overview.layout:
        yield layout_line(area, text_width())


def layout_line(area: VirtualArea, width: int | None = None) -> str:
    """One line of the layout block; with ``width`` what the area is stands behind it."""
    size = area.end - area.start
    unit, name = (MIB, "MB") if area.name in ("vmalloc", "lowmem", "pkmap", "modules") else (KIB, "kB")
    text = f"    {area.name:>7} : 0x{area.start:08x} - 0x{area.end:08x}   ({size // unit:4d} {name})"
    return f"{text}  {area.what}"[:width] if width else text


def _tables(prediction: Replay, overview: Overview) -> Iterator[str]:
    cost = overview.tables
    if cost is None:
        return
    root = prediction.state.tables.root
    directory = f"page directory at {root:#010x} ({size_text(cost.root_bytes)})"
    yield f"  {directory}, {cost.tables} page tables: {size_text(cost.bytes)}"
    mapped = cost.sections * cost.section_bytes
    size = size_text(cost.section_bytes)
    yield f"  {cost.sections} sections of {size} map {size_text(mapped)}; {cost.pages} small pages"
    yield (
        f"  by pages only it would take {cost.page_only_tables} page tables: {size_text(cost.page_only_bytes)}, "
        f"{cost.page_only_bytes / cost.bytes:.0f} times as much"
    )


def _zones(prediction: Replay) -> Iterator[str]:
    for zone in prediction.state.zones:
        if zone.start_pfn == zone.end_pfn:
            yield f"  {zone.name:<8} empty"
            continue
        span = mem_range(zone.start_pfn << PAGE_SHIFT, zone.end_pfn << PAGE_SHIFT)
        yield f"  {zone.name:<8} {span} {zone.present} pages present, {zone.managed} free for use"


def _hazards(prediction: Replay) -> Iterator[str]:
    for hazard in prediction.hazards:
        mark = "fatal" if hazard.fatal else "luck" if hazard.luck else "initrd" if hazard.loses_initrd else "note"
        yield from _bullets([f"[{mark}] {hazard.id} in {hazard.stage}: {hazard.message}"])


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    for found in findings:
        told = found.hazard is not None and found.hazard.message in found.cause
        own = not told and found.id != "guess-decides"  # which has a part of its own
        if own:
            yield from _bullets([f"[{found.level}] {found.id}: {found.message}"])


def _bullets(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(
            text, text_width(), initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
        )
