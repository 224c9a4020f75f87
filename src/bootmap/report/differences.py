"""What differs between a real kernel and its prediction, in lines: addresses, both words decoded, who wrote ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.report.words import linux_pte_text, pmd_text
from bootmap.units import hex_address, mem_range
from bootmap.verify.compare import ListDifference, ValueDifference, WordDifference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.facts.linux.linux_prot import LinuxFormat
    from bootmap.verify.compare import Difference

SHOWN = 8
_WHEN = {"before": "on entry to paging_init", "after": "after paging_init", "late": "once init runs"}


def difference_lines(differences: Sequence[Difference], form: LinuxFormat, shown: int = SHOWN) -> Iterator[str]:
    """Each difference, the first ``shown`` words of each moment in full."""
    words = 0
    for difference in differences:
        match difference:
            case WordDifference():
                words += 1
                if words <= shown:
                    yield from _word(difference, form)
            case ListDifference():
                yield from _list(difference)
            case ValueDifference(name=name, kernel=kernel, predicted=predicted):
                yield f"variable {name}: kernel {kernel:#x}, predicted {predicted:#x}"
            case _:
                yield difference.message
    if words > shown:
        yield f"... and {words - shown} more words"


def _word(difference: WordDifference, form: LinuxFormat) -> Iterator[str]:
    place = f"{difference.level} word at {hex_address(difference.pa)}"
    if difference.va is not None:
        place += f" for {difference.va:#010x}"
    yield f"{_WHEN[difference.moment]}: {place}"
    yield f"  kernel    {_decoded(difference.level, difference.kernel, form)}"
    if difference.predicted is None:
        yield "  predicted no table there"
    else:
        yield f"  predicted {_decoded(difference.level, difference.predicted, form)}"
    for cause, word in difference.writers[-2:]:
        why = f": {cause.map_desc.what}" if cause.map_desc else f": {cause.origin.text}" if cause.origin else ""
        yield f"    {word:#x} by {cause.stage}, {cause.kind}{why}"
        origin = cause.map_desc.origin if cause.map_desc else cause.origin
        if origin is not None and origin.root is not origin:
            yield f"      from {origin.root.rule}: {origin.root}"


def _decoded(level: str, word: int, form: LinuxFormat) -> str:
    if not word:
        return "0: nothing"
    digits = f"{word:#0{2 + 2 * form.word_bytes}x}"
    if level == "Linux pte" or (level == "pte" and form.name == "long"):
        return f"{digits}: {linux_pte_text(word, form)}"
    if level in ("pgd", "pmd"):
        return f"{digits}: {pmd_text(word, form)}"
    return digits


def _list(difference: ListDifference) -> Iterator[str]:
    when = _WHEN[difference.moment]
    if difference.name == "current_limit":
        kernel, predicted = difference.kernel[0][0], difference.predicted[0][0]
        yield f"{when}: memblock's limit: kernel {hex_address(kernel)}, predicted {hex_address(predicted)}"
        return
    yield f"{when}: memblock's list {difference.name}"
    for who, rows in (("only the kernel has  ", difference.kernel), ("only predicted       ", difference.predicted)):
        for base, size, flags in rows[:SHOWN]:
            yield f"  {who} {mem_range(base, base + size)} flags {flags:#x}"
        if len(rows) > SHOWN:
            yield f"  {who} ... {len(rows) - SHOWN} more"
