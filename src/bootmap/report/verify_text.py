"""What ``bootmap verify`` prints of boots under QEMU: what was compared, and what is not equal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import msgspec

from bootmap.output import text_width
from bootmap.report.differences import difference_lines
from bootmap.units import hex_address, size_text
from bootmap.verify.compare import ComparedAs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.verify.compare import Comparison
    from bootmap.verify.session import Booted

SCHEMA = "bootmap.verify/1"
_WHEN = {"before": "on entry to paging_init", "after": "on its return", "late": "when init is about to run"}
_VERDICTS = {
    ComparedAs.EQUAL: "EQUAL",
    ComparedAs.KNOWN_DEATH: "EQUAL, and the kernel dies as predicted",
    ComparedAs.LUCK: "EQUAL: the kernel survives on stale TLB entries, which was predicted as uncertain",
    ComparedAs.DIFFERS: "DIFFERENT",
    ComparedAs.UNKNOWN_DEATH: "DIFFERENT: the kernel dies, and that was not predicted",
}
_BAD_LUCK = "EQUAL, and the kernel dies; the prediction left open whether it would"


def verify_text(booted: Booted, comparison: Comparison) -> str:
    """One board: a verdict, what was compared, what differs with who wrote ours, and what was taken for granted."""
    prediction, setup = booted.prediction, booted.setup
    state = prediction.state
    outcome = booted.recording.outcome
    died = not isinstance(outcome, msgspec.UnsetType)
    verdict = _BAD_LUCK if died and comparison.finding is ComparedAs.LUCK else _VERDICTS[comparison.finding]
    lines = textwrap.wrap(
        f"{verdict}: {booted.request.name} on QEMU's {setup.machine.name}, "
        f"{size_text(setup.memory)}, {state.handover.cpu.name}: Linux {state.kernel.version_text}, "
        f"PHYS_OFFSET {hex_address(state.handover.phys_offset)}",
        text_width(),
    )
    for moment, count in comparison.words.items():
        wrong = comparison.wrong_words[moment]
        equal = "all equal" if not wrong else f"{wrong} differ"
        lines.append(f"  {_WHEN[moment]:<26} {count} words of page tables, {equal}")
    lines.append(f"  {comparison.lists} lists and limits of memblock, {comparison.values} variables of the kernel")
    if not prediction.outcome.all_well:
        lines += _wrapped(f"predicted: {prediction.outcome.stage}: {prediction.outcome.reason}")
    if not isinstance(outcome, msgspec.UnsetType):
        lines += _wrapped(
            f"the kernel never reached {outcome.never_reached}: it was at {outcome.pc}, from {outcome.lr}"
        )
        if not isinstance(outcome.first_exceptions, msgspec.UnsetType):
            lines += [f"    {exception}" for exception in outcome.first_exceptions]
        lines += [f"    last words: {line}" for line in outcome.log[-3:]]
    if comparison.finding.is_wrong:
        lines += [f"  {line}" for line in difference_lines(comparison.differences, state.kernel.format)]
    for note in booted.notes:
        lines += _wrapped(note)
    return "\n".join(lines)


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")


def verify_json(rows: Sequence[tuple[Booted, Comparison]]) -> str:
    """All boards as one document."""
    return msgspec.json.encode({"schema": SCHEMA, "boards": [_row(*row) for row in rows]}).decode()


def _row(booted: Booted, comparison: Comparison) -> dict[str, Any]:
    outcome = booted.recording.outcome
    return {
        "board": booted.request.name,
        "machine": booted.setup.machine.name,
        "memory": booted.setup.memory,
        "cpu": booted.prediction.state.handover.cpu.name,
        "kernel": booted.prediction.state.kernel.version_text,
        "finding": comparison.finding.name,
        "predicted": booted.prediction.outcome.verdict.boots,
        "words": comparison.words,
        "wrong_words": comparison.wrong_words,
        "lists": comparison.lists,
        "variables": comparison.values,
        "outcome": None if isinstance(outcome, msgspec.UnsetType) else msgspec.to_builtins(outcome),
        "differences": list(difference_lines(comparison.differences, booted.prediction.state.kernel.format)),
        "notes": list(booted.notes),
    }
