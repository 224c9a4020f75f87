"""The load map as text: one line an object, in physical order, with the gap to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.units import GIB, KIB, MIB, hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.analysis.layout import LayoutRow, LoadMap

_HEAD = f"  {'start':<10}  {'end':<10}  {'':<38}{'size':>9}   gap to the next"


def amount(size: int) -> str:
    """A size for people: the largest unit of which there is one, one decimal where it is not whole."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}" if size % unit == 0 else f"{size / unit:.1f} {name}"
    return f"{size} B"


def layout_lines(load_map: LoadMap) -> Iterator[str]:
    """The map's lines, without a title: ends are those of the last byte, as the kernel prints them."""
    yield _HEAD
    limits = list(load_map.limits)
    for row in load_map.rows():
        while limits and limits[0].address <= row.placed.start:
            yield _limit_line(limits.pop(0).address, load_map)
        placed = row.placed
        yield (
            f"  {hex_address(placed.start)}  {hex_address(placed.end - 1)}  {placed.name[:37]:<38}"
            f"{amount(placed.size):>9}   {_note(row)}"
        ).rstrip()


def layout_text(load_map: LoadMap) -> str:
    """The map with its title, lines ended."""
    return "\n".join(["Load map", *layout_lines(load_map), ""])


def _limit_line(address: int, load_map: LoadMap) -> str:
    names = ", ".join(limit.name for limit in load_map.limits if limit.address == address)
    return f"  {hex_address(address)}  ---------- {names}"


def _note(row: LayoutRow) -> str:
    """What stands in the last column."""
    notes = ["OUTSIDE RAM"] if row.outside_ram else []
    if row.inside is not None:
        notes.append(f"INSIDE {row.inside.name}")
    notes += [f"OVERLAPS {o.second.name} by {amount(o.span.size)}" for o in row.overlaps]
    if not notes and row.gap is not None:
        notes.append(amount(row.gap) if row.gap else "0")
    return "; ".join(notes)


def margin_text(load_map: LoadMap) -> str:
    """How much larger the kernel may become before it meets what lies behind it; "" where nothing does."""
    margin = load_map.margin()
    if margin is None:
        return ""
    room, percent, name = margin
    return f"room before the {name}: {amount(room)}; a kernel {percent + 1} % larger overwrites it\n"
