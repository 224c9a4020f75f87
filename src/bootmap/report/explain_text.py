"""What ``bootmap explain`` prints: the chain of an address, link by link, and its descriptors with their writers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bootmap.boot.trace import Origin
from bootmap.mmu.walk import Mapped
from bootmap.output import text_width
from bootmap.report.words import attributes_words, linux_pte_text, pmd_text
from bootmap.units import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.analysis.explain import PhysicalFacts
    from bootmap.analysis.translation import Translation, Word
    from bootmap.api.prediction import Explanation
    from bootmap.boot.tables import Cause
    from bootmap.facts.linux.linux_prot import LinuxFormat

_TWINS = (
    "The same page is described twice because ARM's hardware pte has no room for what Linux must remember (young, "
    "dirty): the page table page holds Linux's 512 ptes in front and the hardware's two tables of 256 behind them."
)


def explanation_text(found: Explanation) -> str:
    """Everything that is known of an address: as a physical one, as a virtual one, and of what that maps to."""
    sections = [
        physical_text(found.physical) if found.physical is not None else "",
        virtual_text(found.virtual) if found.virtual is not None else "",
        physical_text(found.target) if found.target is not None else "",
    ]
    return "\n\n".join(filter(None, sections))


def physical_text(facts: PhysicalFacts) -> str:
    """The section of a physical address."""
    lines = [f"physical {facts.address:#010x}: {facts.kind}"]
    if facts.linear is not None:
        lines.append(f"  in the linear map at {facts.linear:#010x}")
    if facts.bank is not None:
        lines += _chain(facts.bank, "  ")
    for row in facts.lost:
        lines += wrapped(f"lost: {row.reason}{f' ({row.origin.root})' if row.origin else ''}", "  ")
    if facts.operations:
        lines.append("  memblock:")
        for op in facts.operations:
            origin = op.origin if isinstance(op.origin, Origin) else None
            span = f"[{op.base:#010x}-{op.base + op.size - 1:#010x}]"
            lines += wrapped(f"{op.name} {span} {origin.rule + ': ' + origin.text if origin else ''}", "    ")
    return "\n".join(lines)


def virtual_text(facts: Translation) -> str:
    """The section of a virtual address."""
    where = f" ({', '.join(facts.areas)})" if facts.areas else ""
    outcome = facts.walk.outcome
    if isinstance(outcome, Mapped):
        head = f"virtual {facts.address:#010x}{where} -> physical {outcome.pa:#010x}, {size_text(outcome.size)}"
        lines = [head, *wrapped(attributes_words(outcome.attributes), "  ")]
    else:
        kind = outcome.kind.name.lower().replace("_", " ")
        lines = [f"virtual {facts.address:#010x}{where}: {kind} fault at level {outcome.level}"]
    for word in facts.words:
        lines += _word(word, facts.form)
    if any(word.half == "Linux" for word in facts.words):
        lines += wrapped(_TWINS, "  ")
    return "\n".join(lines)


def _word(word: Word, form: LinuxFormat) -> Iterator[str]:
    width = 2 + 2 * form.word_bytes
    half = {"both": "", "hardware": " (hardware)", "Linux": " (Linux)"}[word.half]
    yield f"  {word.level}[{word.index}]{half} at {word.address:#010x} = {word.value:#0{width}x}"
    if word.half == "Linux" or (word.level == "pte" and word.half == "both"):
        yield from wrapped(linux_pte_text(word.value, form), "    ")
    elif word.level != "pte":
        yield from wrapped(pmd_text(word.value, form), "    ")
    last = len(word.writers) - 1
    for i, (cause, value) in enumerate(word.writers):
        yield f"    {'now' if i == last else 'was'} {value:#0{width}x}: {cause.stage}, {cause.kind}"
        if i == last:
            yield from cause_lines(cause)


def cause_lines(cause: Cause, indent: str = "      ") -> Iterator[str]:
    """Where a write comes from: its map_desc, and the chain back to the device tree."""
    md = cause.map_desc
    if md is not None:
        yield from wrapped(
            f"map_desc virtual {md.virtual:#010x} pfn {md.pfn:#x} length {md.length:#x} MT_{md.type}: {md.what}",
            indent,
        )
        if md.origin is not None:
            yield from _chain(md.origin, indent)
    elif cause.origin is not None:
        yield from _chain(cause.origin, indent)


def _chain(origin: Origin, indent: str) -> Iterator[str]:
    for link in origin.chain():
        yield from wrapped(f"<- {link.rule}: {link}", indent)


def wrapped(text: str, indent: str) -> list[str]:
    """``text`` in lines of at most the terminal's columns, those after the first further in."""
    return textwrap.wrap(text, text_width(), initial_indent=indent, subsequent_indent=indent + "  ")
