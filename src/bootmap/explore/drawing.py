"""The memory map of one stage as an SVG drawing: physical memory, what it is mapped to, the virtual layout.

Text stays text, so that it can be searched, copied and translated.  Colours are classes: with the theme ``auto`` the
drawing follows the reader's light or dark, and a page that holds it inline may set them (``--bootmap-rw`` and so on).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct, field

from bootmap.analysis.overview import memory_rows, reserved_rows, virtual_layout
from bootmap.analysis.registers import linux_registers, stage_memory
from bootmap.explore.colours import style
from bootmap.explore.scale import Axis, by_parts, straight
from bootmap.explore.sides import base_name
from bootmap.facts.arm.memory_attrs import MemoryType
from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.bulk import snapshot
from bootmap.mmu.describe import rights_text
from bootmap.output import one_line
from bootmap.units import GIB, KIB, MIB, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.api.prediction import Prediction
    from bootmap.api.prediction import Stage as PublicStage
    from bootmap.mmu.bulk import Range

Theme = Literal["auto", "light", "dark"]

_WIDTH, _TOP, _LENGTH = 800, 74, 620
_BAR = 62
_PA, _VA = 262, 536
_LINE, _LETTER = 14, 6.2
_LABEL_WIDTH = 232


class _Label(Struct):
    """A name beside a bar, near ``y``."""

    y: float
    at: float
    text: str
    note: str


class _Drawing(Struct):
    """Elements from back to front."""

    back: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)

    def rect(self, look: str, x: float, y: float, width: float, height: float, title: str = "") -> None:
        tip = f"<title>{_text(title)}</title>" if title else ""
        size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 1.5):.1f}"'
        self.bars.append(f'<rect class="{look}" {size}>{tip}</rect>')

    def text(self, look: str, x: float, y: float, text: str) -> None:
        self.front.append(f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{_text(text)}</text>')


def draw(
    prediction: Prediction,
    stage: str | None = None,
    *,
    to_scale: bool = False,
    theme: Theme = "auto",
    inline: bool = True,
) -> str:
    """The drawing as the text of an SVG file.

    Args:
        prediction: the boot.
        stage: the stage; the end of paging_init, or the last that was reached, where not given.
        to_scale: every byte has the same room; else small things have room for their names.
        theme: the colours.
        inline: let a page set the colours (CSS variables, which some converters do not know).

    Raises:
        UsageError: there is no such stage.
        KeyError: the boot does not come so far.
    """
    shown = prediction.last if stage is None else prediction[stage]
    replay, snapshot_ = prediction.replay, shown.snapshot
    ranges = list(_ranges(shown))
    physical, virtual = _axes(shown, ranges, to_scale)
    drawing = _Drawing()
    _ribbons(drawing, physical, virtual, ranges)
    left = _physical(drawing, physical, shown)
    right = _virtual(drawing, virtual, ranges)
    for area in virtual_layout(replay, snapshot_):
        if virtual.holds(area.start, area.end):
            middle = _TOP + (virtual.y(area.start) + virtual.y(min(area.end, 4 * GIB))) / 2
            right.append(_Label(middle, middle, area.name, _size(area.end - area.start)))
    height = _TOP + max(physical.length, virtual.length) + 24
    _names(drawing, left, _PA - 14, _PA - 3, "end", height - 16)
    _names(drawing, right, _VA + _BAR + 14, _VA + _BAR + 3, "start", height - 16)
    _ticks(drawing, physical, _PA + _BAR + 4, "start")
    _ticks(drawing, virtual, _VA - 4, "end")
    _head(drawing, prediction, shown)
    body = "\n".join([*drawing.back, *drawing.bars, *drawing.front])
    title = f"Memory of {base_name(prediction.board.name)} after {shown.name}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label={quoteattr(one_line(title))} class="bootmap-map">\n'
        f"<style>{style(theme, inline=inline)}</style>\n"
        f'<rect class="paper" width="{_WIDTH}" height="{height:.0f}"/>\n{body}\n</svg>\n'
    )


def _size(size: int) -> str:
    """A size as people say it: exact where a unit divides it, else with one decimal."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit and size % unit:
            return f"{size / unit:.1f} {name}"
        if size >= unit:
            break
    return size_text(size)


def _text(text: str) -> str:
    """Text of a board as text of XML: no markup, and none of the characters that XML does not have."""
    return escape(one_line(text))


def _ranges(stage: PublicStage) -> Iterable[Range]:
    replay = stage.prediction.replay
    if not replay.tables_at(stage.snapshot):
        return ()
    return snapshot(stage_memory(replay, stage.snapshot), linux_registers(replay)).ranges()


def _axes(stage: PublicStage, ranges: list[Range], to_scale: bool) -> tuple[Axis, Axis]:
    replay, kernel = stage.prediction.replay, stage.prediction.replay.state.kernel
    ram = [(row.start, row.end) for row in memory_rows(replay, stage.snapshot)]
    owned = [(row.start, row.end) for row in reserved_rows(stage.snapshot)]
    if to_scale:
        spans = ram + owned or [(row.pa, row.pa + row.size) for row in ranges]
        ends = [end for _, end in spans]
        pa = straight(min((start for start, _ in spans), default=0), max(ends, default=0), _LENGTH)
        return pa, straight(kernel.task_size & -(16 << 20), 4 * GIB, _LENGTH)
    mapped_pa = [(row.pa, row.pa + row.size) for row in ranges]
    mapped_va = [(row.va, row.end) for row in ranges]
    areas = [(area.start, min(area.end, 4 * GIB)) for area in virtual_layout(replay, stage.snapshot)]
    edges = {edge for span in ram + owned + mapped_pa for edge in span}
    virtual = {edge for span in areas + mapped_va for edge in span} | {kernel.page_offset, 4 * GIB}
    return (
        by_parts(edges, _not_in(ram + owned + mapped_pa), _LENGTH),
        by_parts(virtual, _not_in(mapped_va), _LENGTH),
    )


class _not_in:  # noqa: N801 - reads as a function where it is used
    """Whether nothing of a range lies in the spans."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._spans = spans

    def __call__(self, start: int, end: int) -> bool:
        return not any(low < end and start < high for low, high in self._spans)


def _look(row: Range) -> str:
    rights = row.attributes.rights
    if row.attributes.memory.type in (MemoryType.DEVICE, MemoryType.STRONGLY_ORDERED):
        return "device"
    write, execute = bool(rights & Rights.PRIV_WRITE), bool(rights & Rights.PRIV_EXECUTE)
    return {(True, True): "rwx", (True, False): "rw", (False, True): "rx"}.get((write, execute), "ro")


def _ribbons(drawing: _Drawing, physical: Axis, virtual: Axis, ranges: list[Range]) -> None:
    x1, x2 = _PA + _BAR, _VA
    middle = (x1 + x2) / 2
    for row in ranges:
        if not (physical.holds(row.pa, row.pa + row.size) and virtual.holds(row.va, row.end)):
            continue
        a1, b1 = (_TOP + physical.y(at) for at in (row.pa, row.pa + row.size))
        a2, b2 = (_TOP + virtual.y(at) for at in (row.va, row.end))
        b1, b2 = max(b1, a1 + 1), max(b2, a2 + 1)
        drawing.back.append(
            f'<path class="ribbon {_look(row)}" d="M{x1} {a1:.1f} C{middle} {a1:.1f} {middle} {a2:.1f} {x2} {a2:.1f} '
            f'L{x2} {b2:.1f} C{middle} {b2:.1f} {middle} {b1:.1f} {x1} {b1:.1f} Z"/>'
        )


def _physical(drawing: _Drawing, axis: Axis, stage: PublicStage) -> list[_Label]:
    """RAM by kind, on it what is reserved; returns the names."""
    labels: list[_Label] = []
    for part in axis.parts:
        drawing.rect("hole" if part.hole else "ground", _PA, _TOP + part.y, _BAR, part.height)
    for row in memory_rows(stage.prediction.replay, stage.snapshot):
        top, bottom = _TOP + axis.y(row.start), _TOP + axis.y(row.end)
        size = _size(row.end - row.start)
        drawing.rect(row.kind, _PA, top, _BAR, bottom - top, f"{row.kind}, {size}: {row.origin or ''}")
        labels.append(_Label((top + bottom) / 2, (top + bottom) / 2, row.kind, size))
    for owned in reserved_rows(stage.snapshot):
        top, bottom = _TOP + axis.y(owned.start), _TOP + axis.y(owned.end)
        size, owner = _size(owned.end - owned.start), owned.owner.removeprefix("the ")
        span = f"{hex_address(owned.start)}-{hex_address(owned.end - 1)}"
        drawing.rect("reserved", _PA + _BAR * 0.25, top, _BAR * 0.75, bottom - top, f"{owner}, {size}: {span}")
        labels.append(_Label((top + bottom) / 2, (top + bottom) / 2, owner, size))
    limit = stage.vars.arm_lowmem_limit
    if axis.parts and axis.parts[0].start < limit < axis.parts[-1].end:
        y = _TOP + axis.y(limit)
        drawing.front.append(f'<path class="limit" d="M{_PA - 8} {y:.1f}H{_PA + _BAR + 8}"/>')
    return labels


def _virtual(drawing: _Drawing, axis: Axis, ranges: list[Range]) -> list[_Label]:
    for part in axis.parts:
        drawing.rect("hole" if part.hole else "ground", _VA, _TOP + part.y, _BAR, part.height)
    for row in ranges:
        if not axis.holds(row.va, row.end):
            continue
        top, bottom = _TOP + axis.y(row.va), _TOP + axis.y(row.end)
        rights = rights_text(row.attributes.rights)
        span = f"{hex_address(row.va)}-{hex_address(row.end - 1)}"
        drawing.rect(_look(row), _VA, top, _BAR, bottom - top, f"{span} at physical {hex_address(row.pa)}: {rights}")
        if bottom - top >= _LINE:
            drawing.text("inside", _VA + _BAR / 2, (top + bottom) / 2 + 4, rights.split()[0])
    return []


def _names(drawing: _Drawing, labels: list[_Label], x: float, edge: float, anchor: str, bottom: float) -> None:
    """Names, none over another, with a line to what they name; those for which there is no room are left out."""
    room = int((bottom - _TOP) // _LINE)
    labels = sorted(labels, key=lambda label: label.at)[:room]
    for before, label in itertools.pairwise(labels):
        label.y = max(label.y, before.y + _LINE)
    limit = bottom - _LINE / 2
    for label in reversed(labels):
        label.y = min(label.y, limit)
        limit = label.y - _LINE
    for label in labels:
        letters = int(_LABEL_WIDTH / _LETTER) - len(label.note) - 1
        shown = label.text if len(label.text) <= letters else label.text[: letters - 1] + "…"
        drawing.back.append(f'<path class="leader" d="M{edge:.1f} {label.at:.1f}L{x:.1f} {label.y:.1f}"/>')
        inset = -4 if anchor == "end" else 4
        drawing.front.append(
            f'<text class="name {anchor}" x="{x + inset:.1f}" y="{label.y + 4:.1f}">{_text(shown)} '
            f'<tspan class="note">{_text(label.note)}</tspan></text>'
        )


def _ticks(drawing: _Drawing, axis: Axis, x: float, anchor: str) -> None:
    last = -float(_LINE)
    for part in axis.parts:
        if part.y - last >= _LINE - 1:
            drawing.text(f"tick {anchor}", x, _TOP + part.y + 8, f"{part.start:08x}")
            last = part.y


def _head(drawing: _Drawing, prediction: Prediction, stage: PublicStage) -> None:
    kernel, state = prediction.kernel, prediction.replay.state
    drawing.text("title", 20, 28, f"{base_name(prediction.board.name)}, Linux {kernel.release}")
    verdict = prediction.outcome.verdict.value
    where = f" ({prediction.outcome.stage})" if prediction.outcome.stage else ""
    about = f"{verdict}{where} · after {stage.name} · {state.handover.cpu.name}"
    drawing.text("about", 20, 46, about)
    drawing.text("axis", _PA + _BAR / 2, _TOP - 8, "physical")
    drawing.text("axis", _VA + _BAR / 2, _TOP - 8, "virtual")
