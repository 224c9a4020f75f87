"""A sweep as text: what came of the boards, counted; and what changed between two kernels or sets of trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.units import GIB, KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bootmap.sweep.summary import Count, Summary

_MOST_NAMES = 3
_MOST_LINES = 12


def amount(size: int) -> str:
    """Bytes for people: ``16 MiB``, ``19.0 MiB``, ``1.5 GiB``."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if abs(size) >= unit:
            return f"{size // unit} {name}" if size % unit == 0 else f"{size / unit:.1f} {name}"
    return f"{size} B"


def names_text(names: Sequence[str], total: int) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(name.rpartition("/")[2].removesuffix(".dtb") for name in names[:_MOST_NAMES])
    return shown + (f" and {total - _MOST_NAMES} more" if total > _MOST_NAMES else "")


def summary_text(summary: Summary) -> str:
    """What came of the boards: for each kernel verdicts, causes, reasons without an answer, findings."""
    lines: list[str] = []
    for part in summary.parts:
        lines.append(
            f"{part.boards} boards, Linux {part.release} ({part.kernel})"
            + (f", trees {part.trees}" if part.trees else "")
        )
        lines += _counts(part.verdicts)
        for title, counts in (
            ("why not", part.causes),
            ("no answer", part.refused),
            ("findings", part.findings),
        ):
            if counts:
                lines += [f"  {title}", *_counts(counts, "    ")]
        if part.given:
            boards = f"{part.given} board has" if part.given == 1 else f"{part.given} boards have"
            lines.append(f"  {boards} no RAM size in the tree: RAM was given to them by --memory")
        lines.append("")
    return "\n".join(lines)


def _counts(counts: Iterable[Count], indent: str = "  ") -> list[str]:
    rows = list(counts)
    width = max((len(str(row.count)) for row in rows), default=0)
    lines = [
        f"{indent}{row.count:>{width}}  {row.what:<28}  {names_text(row.boards, row.count)}".rstrip()
        for row in rows[:_MOST_LINES]
    ]
    if len(rows) > _MOST_LINES:
        lines.append(f"{indent}and {len(rows) - _MOST_LINES} kinds more")
    return lines
