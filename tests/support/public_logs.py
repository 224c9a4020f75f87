"""Boot logs of real boards from public places, cut down to the lines about memory, and what each comes to.

``data/logs/index.json`` names for each log its board, its kernel, where it was found, what is to be told besides it,
how many of its lines are matched, and the cause of every contradiction, with what makes it vanish.

    PYTHONPATH=tests python -m support.public_logs      writes the lists into the documentation's pages
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from bootmap.api.logs import verify_log as check_logs
from bootmap.bootlog.judgement import Judgement, LogReport
from bootmap.facts.features.releases import NEWEST
from support.recordings import NAMES, Case, fresh_kernel

FOLDER = Path(__file__).parents[1] / "data" / "logs"
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text())
OPTION = {"version": "kernel_version", "image": "kernel"}
"""Arguments whose option has another name."""
DOCS = Path(__file__).parents[2] / "docs"

# Spans of versions, and what they are called.
SPANS = (
    ("2.6.35 to 2.6.39", (2, 6), (3, 0)),
    ("3.0 to 3.19", (3, 0), (4, 0)),
    ("4.0 to 4.20", (4, 0), (5, 0)),
    ("5.0 to 5.19", (5, 0), (6, 0)),
    ("6.0 to 6.19", (6, 0), (7, 0)),
    (f"7.0 to {'.'.join(map(str, NEWEST))}", (7, 0), (8, 0)),
)
# What is predicted -> the kinds of lines that tell it.
PREDICTIONS = {
    "virtual layout": ("layout",),
    "memory policy": ("policy",),
    "memblock, call by call": ("call",),
    "memblock's lists": ("dump_row", "dump_totals", "dump_count"),
    "RAM given up": ("ignoring", "truncating", "said", "dt_range"),
    "contiguous memory": ("cma", "cma_failed"),
    "zones and nodes": ("zone", "nodes", "initmem"),
    "pages counted": ("total", "memmap", "zone_pages", "dma_reserve", "all_pages"),
    "totals of memory": ("memory", "memory_k", "memory_mb"),
}


def path(name: str) -> str:
    return str(FOLDER / f"{name}.log")


@cache
def report(name: str) -> LogReport:
    """The verdicts on one log, with nothing but what its entry says to be told."""
    return check_logs(None, (path(name),), **INDEX[name].get("options", {}))


def explained(name: str, text: str) -> dict[str, Any] | None:
    """The entry that explains why the line ``text`` is contradicted."""
    for entry in INDEX[name].get("contradicted", ()):
        if any(text.startswith(start) for start in entry["lines"]):
            found: dict[str, Any] = entry
            return found
    return None


def version(text: str) -> tuple[int, int]:
    major, minor = re.findall(r"\d+", text)[:2]
    return int(major), int(minor)


# -- pages ---------------------------------------------------------------------------------------------------------


def _link(source: str) -> str:
    address, _, rest = source.partition(" ")
    if not address.startswith("https://"):
        return source
    shown = "/".join(address.removeprefix("https://").split("/")[:3]).removesuffix("/r")
    if "lore.kernel.org" in address:
        subject = re.search(r'"(.*)"', rest)
        shown = subject[1].replace("|", "\\|").replace("[", "(").replace("]", ")") if subject else "lore.kernel.org"
    return f"[{shown}](<{address}>)"


def logs_table() -> str:
    """One row a log, by version."""
    lines = [
        "| board | Linux | matched | contradicted | not modelled | told | source |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for name in sorted(INDEX, key=lambda name: (version(INDEX[name]["kernel"]), name)):
        entry, found = INDEX[name], report(name)
        counts = [
            found.count(verdict)
            for verdict in (Judgement.MATCHED, Judgement.CONTRADICTED, Judgement.UNMODELLED, Judgement.INPUT)
        ]
        kernel = entry["kernel"].split("-")[0]
        row = [entry["soc"], kernel, *map(str, counts), _link(entry["source"])]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def causes_list() -> str:
    """Every contradiction and its cause."""
    lines = []
    for name, entry in INDEX.items():
        for cause in entry.get("contradicted", ()):
            judged = [row for row in report(name).all(Judgement.CONTRADICTED) if explained(name, row.text) is cause]
            options = " ".join(
                f"`--{OPTION.get(key, key).replace('_', '-')} {_value(value)}`" for key, value in cause["with"].items()
            )
            lines.append(
                f"**{entry['soc']}, {entry['kernel']}**: {cause['cause']}. With {options} every line matches.\n"
            )
            lines += [f"- line {row.line}, `{row.text}`: predicted {row.ours}" for row in judged]
            lines.append("")
    return "\n".join(lines)


def _value(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) else str(value)


@cache
def _recorded_versions() -> tuple[tuple[int, ...], ...]:
    """The version of each recorded boot."""
    return tuple(fresh_kernel(Case(name).key).version for name in NAMES)


def _recorded(low: tuple[int, int], high: tuple[int, int]) -> str:
    """The recorded versions of a span, in words; "" for none."""
    found = sorted({number for number in _recorded_versions() if low <= number[:2] < high})
    return ", ".join(".".join(map(str, number)) for number in found)


SINCE = {"memblock, call by call": (3, 3), "contiguous memory": (3, 5)}
"""What no kernel says before: memblock=debug names calls since 3.3, there is CMA since 3.5."""


def versions_table() -> str:
    """What each prediction was held against, by span of versions."""
    spans = [(title, _recorded(low, high), low, high) for title, low, high in SPANS]
    lines = [f"| prediction | {' | '.join(title for title, *_ in spans)} |", f"| --- |{' --- |' * len(spans)}"]
    tables = [f"recordings of {versions}" if versions else "-" for _, versions, *_ in spans]
    lines.append(f"| page tables, word by word | {' | '.join(tables)} |")
    for what, kinds in PREDICTIONS.items():
        cells = []
        for _, versions, low, high in spans:
            parts = []
            if what not in ("virtual layout", "totals of memory") and versions and high > SINCE.get(what, (0, 0)):
                parts.append("recordings" if what == "memblock's lists" else "recorded logs")
            matched = [
                sum(row.kind in kinds for row in report(name).all(Judgement.MATCHED))
                for name in INDEX
                if low <= version(INDEX[name]["kernel"]) < high
            ]
            if sum(matched):
                logs = sum(bool(count) for count in matched)
                parts.append(f"{_many(sum(matched), 'line')} of {_many(logs, 'log')}")
            cells.append(", ".join(parts) or "-")
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number > 1 else ''}"


def captures_table() -> str:
    """One row a capture of a board that did not boot."""
    index = json.loads((FOLDER.parent / "captures" / "index.json").read_text())
    rows = ["| capture | board | what its thread found | source |", "| --- | --- | --- | --- |"]
    for name, entry in index.items():
        shown = "/".join(entry["source"].split("/")[2:5])
        rows.append(f"| {name} | {entry['board']} | {entry['cause']} | [{shown}](<{entry['source']}>) |")
    return "\n".join(rows) + "\n"


PAGES = {
    "silent-board.md": {"captures": captures_table},
    "logs.md": {"logs": logs_table, "causes": causes_list},
    "versions.md": {"versions": versions_table},
}


def block(page: str, name: str) -> tuple[int, int]:
    """Where the generated part ``name`` of a page begins and ends."""
    text = (DOCS / page).read_text()
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return text.index(first) + len(first), text.index(last)


def write_pages() -> None:
    """Make the generated parts anew."""
    for page, parts in PAGES.items():
        for name, make in parts.items():
            start, end = block(page, name)
            text = (DOCS / page).read_text()
            (DOCS / page).write_text(f"{text[:start]}\n{make()}\n{text[end:]}")


if __name__ == "__main__":
    write_pages()
