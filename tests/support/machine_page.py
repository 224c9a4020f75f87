"""The page of the documentation that lists the machines, written from the table.

python tests/support/machine_page.py      writes today's lists into docs/machines.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bootmap.facts.machines.table import CALLBACKS, MACHINES
from bootmap.units import GIB, MIB

if TYPE_CHECKING:
    from bootmap.facts.machines.machine import Machine

PAGE = Path(__file__).parents[2] / "docs" / "machines.md"
_LIST = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)
Version = tuple[int, ...] | None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def releases(windows: set[tuple[Version, Version]]) -> str:
    """Windows of releases in words, those that touch joined; the second of a window is the first release without."""
    joined: list[tuple[Version, Version]] = []
    for since, until in sorted(windows, key=lambda window: (window[0] or (), window[1] or (99,))):
        if joined and (joined[-1][1] is None or (since or ()) <= joined[-1][1]):
            last = joined.pop()
            until = None if None in (last[1], until) else max(last[1] or (), until or ())
            since = last[0]
        joined.append((since, until))
    return ", ".join(_window(since, until) for since, until in joined)


def _window(since: Version, until: Version) -> str:
    if since is None:
        return f"before {_text(until)}" if until else "all"
    if until is None:
        return f"{_text(since)} on"
    alone = until == (since[0], since[1] + 1)
    return _text(since) if alone else f"{_text(since)} to before {_text(until)}"


def _what(machines: list[Machine]) -> str:
    words = ["static maps"] if any(any(machine.maps or ()) for machine in machines) else []
    if any(machine.map_io_debug_ll for machine in machines):
        words.append("the debug UART")
    words += sorted({area.what for machine in machines for area in machine.reserve})
    sizes = sorted({machine.dma_zone_size for machine in machines} - {0})
    words += [f"ZONE_DMA {f'{size // GIB} GiB' if size >= GIB else f'{size // MIB} MiB'}" for size in sizes]
    return "; ".join(words) or "no callbacks"


def known() -> str:
    """The machines whose callbacks are known: a row for each name."""
    names = dict.fromkeys(machine.name for machine in MACHINES)
    lines = [
        "| machine | device tree | numbers | releases | what its callbacks do |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in names:
        machines = [machine for machine in MACHINES if machine.name == name]
        trees = dict.fromkeys(text for machine in machines for text in machine.compatible)
        numbers = sorted({number for machine in machines for number in machine.machine_ids})
        windows = releases({(machine.since, machine.until) for machine in machines})
        tree = ", ".join(f"`{text}`" for text in trees)
        lines.append(f"| {name} | {tree} | {', '.join(map(str, numbers))} | {windows} | {_what(machines)} |")
    return "\n".join(lines)


def assumed() -> str:
    """The machines with callbacks that are not modelled, or not in every release: a row for each option."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for text, callback in CALLBACKS.items():
        window = _window(callback.since, callback.until)
        rows.setdefault((callback.option, callback.callbacks, window), []).append(text)
    lines = ["| option | device tree | releases with callbacks | which |", "| --- | --- | --- | --- |"]
    for (option, callbacks, window), texts in sorted(rows.items()):
        tree = ", ".join(f"`{text}`" for text in texts)
        lines.append(f"| {option} | {tree} | {window} | {callbacks} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """``page`` with today's lists between its marks."""
    lists = {"known": known(), "assumed": assumed()}
    return _LIST.sub(lambda match: f"<!-- {match[1]} -->\n{lists[match[1]]}\n<!-- end -->", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
