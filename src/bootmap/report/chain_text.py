"""What ``bootmap verify --loader`` prints."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from bootmap.units import hex_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.verify.loader.chain import ChainBoot

WIDTH = 100
_WHEN = {"before": "on entry to paging_init", "after": "on its return"}


def chain_text(name: str, boot: ChainBoot) -> str:
    """One boot: a verdict, what was compared, what differs."""
    lines = [f"{'EQUAL' if boot.equal else 'DIFFERENT'}: {name}, U-Boot {boot.uboot.version}"]
    placed = boot.placed
    count = f"{len(placed.said)} lines of U-Boot's"
    if placed.failed:
        lines += textwrap.wrap(f"{count}; it starts no kernel: {placed.failed}", WIDTH, initial_indent="  ")
    elif placed.dtb is not None:
        lines.append(f"  {count}; the tree at {hex_address(placed.dtb.start)}, byte for byte")
    if boot.comparison is not None:
        for moment, words in boot.comparison.words.items():
            wrong = boot.comparison.wrong_words[moment]
            lines.append(
                f"  {_WHEN[moment]:<26} {words} words of page tables, {f'{wrong} differ' if wrong else 'all equal'}"
            )
        lines.append(f"  {boot.comparison.lists} lists and limits of memblock: {boot.comparison.finding.value}")
    for text in boot.loader_differences:
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def chain_json(rows: Sequence[tuple[str, ChainBoot]]) -> str:
    """All boots as one document (bootmap.verify-loader/1)."""
    return json.dumps({"schema": "bootmap.verify-loader/1", "boots": [_row(*row) for row in rows]}, indent=1)


def _row(name: str, boot: ChainBoot) -> dict[str, Any]:
    comparison = boot.comparison
    return {
        "board": name,
        "uboot": boot.uboot.version,
        "equal": boot.equal,
        "says": boot.placed.said,
        "failed": boot.placed.failed,
        "dtb": boot.placed.dtb.start if boot.placed.dtb is not None else None,
        "loader_differences": list(boot.loader_differences),
        "finding": comparison.finding.value if comparison is not None else None,
        "words": comparison.words if comparison is not None else {},
        "wrong_words": comparison.wrong_words if comparison is not None else {},
    }
