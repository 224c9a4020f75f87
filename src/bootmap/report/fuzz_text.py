"""What ``bootmap fuzz`` prints: for each kernel what was found how often, and each class of failures with its board."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import msgspec

from bootmap.output import text_width
from bootmap.report.differences import difference_lines
from bootmap.verify.compare import ComparedAs
from bootmap.verify.fuzz.campaign import UNTESTABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.verify.fuzz.campaign import Campaign, Result
    from bootmap.verify.fuzz.trial import Trial

SCHEMA = "bootmap.fuzz/1"
_COLUMNS = (
    ("equal", ComparedAs.EQUAL.name),
    ("dies, known", ComparedAs.KNOWN_DEATH.name),
    ("uncertain", ComparedAs.LUCK.name),
    ("DIFFERS", ComparedAs.DIFFERS.name),
    ("dies, UNKNOWN", ComparedAs.UNKNOWN_DEATH.name),
    ("untestable", UNTESTABLE),
)


def failure_lines(trial: Trial) -> Sequence[str]:
    """The first differences of a trial that failed."""
    if trial.comparison is None:
        return ()
    form = trial.prediction.state.kernel.format
    return tuple(difference_lines(trial.comparison.differences, form, shown=3))[:24]


def campaign_text(campaign: Campaign) -> str:
    """The whole report, lines ended."""
    return "\n".join([*_table(campaign), *_deaths(campaign), *_classes(campaign)]) + "\n"


def _table(campaign: Campaign) -> Iterator[str]:
    counts = campaign.counts()
    name_width = max([len(name) for name in counts] + [6])
    widths = [max(len(title), 6) for title, _ in _COLUMNS]
    head = "  ".join(title.rjust(width) for (title, _), width in zip(_COLUMNS, widths, strict=True))
    yield f"{'kernel':<{name_width}}  boards  {head}"
    for name, found in counts.items():
        row = "  ".join(f"{found[key]:{width}}" for (_, key), width in zip(_COLUMNS, widths, strict=True))
        yield f"{name:<{name_width}}  {found.total():6}  {row}"


def _deaths(campaign: Campaign) -> Iterator[str]:
    deaths = campaign.deaths()
    if deaths:
        yield ""
        yield "What kernels died of, as predicted:"
        yield from (f"  {count:5}  {signature}" for signature, count in deaths.most_common())


def _classes(campaign: Campaign) -> Iterator[str]:
    for signature, results in campaign.classes():
        kernels = ", ".join(sorted({result.kernel for result in results}))
        yield ""
        finding = ComparedAs[results[0].finding].value
        yield from textwrap.wrap(f"{len(results)} times, on {kernels}: {finding}", text_width())
        yield from textwrap.wrap(signature, text_width(), initial_indent="  ", subsequent_indent="  ")
        shown = next((result for result in results if result.minimal), results[0])
        yield from (f"  {line}" for line in shown.notes)
        yield from _board(shown)


def _board(result: Result) -> Iterator[str]:
    board = result.minimal or result.board
    if board is None:
        return
    yield (
        f"  {'the smallest board' if result.minimal else 'the board'}, seed {result.seed}, PHYS_OFFSET "
        f"{board.phys_offset:#010x}, device tree at {board.dtb_at:#010x}:"
    )
    yield from (f"    {line}" for line in board.source().splitlines())


def campaign_json(campaign: Campaign) -> str:
    """The document as text."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "counts": {name: dict(found) for name, found in campaign.counts().items()},
        "deaths": dict(campaign.deaths()),
        "classes": [
            {"signature": signature, "count": len(results), "results": [msgspec.to_builtins(r) for r in results]}
            for signature, results in campaign.classes()
        ],
    }
    return msgspec.json.encode(document).decode()
