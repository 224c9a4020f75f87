"""A sweep as one HTML page: a table to sort and filter, what changed, and a link by which each board opens in explore.

The page is self-contained and asks nothing of the network.  Rows travel as JSON in a script element that no browser
runs; everything that is shown is put there as text, never as markup.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bootmap.sweep.changes import Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bootmap.sweep.compare import SweepComparison
    from bootmap.sweep.row import Row

_SLOT = "<!--bootmap-data-->"
MOST = 20_000
"""Rows that a page holds; more is a matter for Parquet."""


def sweep_page(
    rows: Iterable[Row],
    comparisons: Sequence[SweepComparison] = (),
    pages: Mapping[tuple[str, str, str], str] | None = None,
) -> str:
    """The page.

    Args:
        rows: at most `MOST` of them are shown, and the page says so.
        comparisons: what changed.
        pages: addresses of boards' own pages, by trees, board and kernel.
    """
    shown: list[dict[str, Any]] = []
    total = 0
    for row in rows:
        total += 1
        if len(shown) < MOST:
            shown.append(_row(row) | {"page": (pages or {}).get(row.place, "")})
    document = {"total": total, "rows": shown, "changes": [_changes(each) for each in comparisons]}
    data = json.dumps(document, ensure_ascii=True).replace("<", "\\u003c")
    template = files("bootmap.report").joinpath("sweep_page.html").read_text("utf-8")
    before, slot, after = template.partition(_SLOT)
    assert slot, "sweep_page.html has no place for the data"
    return f'{before}<script type="application/json" id="rows">{data}</script>{after}'


def _row(row: Row) -> dict[str, Any]:
    errors = sum(found.count for found in row.findings if found.severity == "error")
    warnings = sum(found.count for found in row.findings if found.severity == "warning")
    return {
        "board": row.board,
        "trees": row.trees,
        "kernel": row.kernel,
        "release": row.release,
        "verdict": row.headline,
        "where": row.stage or ("" if row.answered else str(row.status)),
        "cause": row.cause or "",
        "reason": row.reason or row.error,
        "cpu": row.cpu or "",
        "ram": row.ram,
        "lowmem": row.lowmem,
        "highmem": row.highmem,
        "lost": row.lost,
        "free": row.free,
        "cma": row.cma_size,
        "tables": row.table_bytes,
        "errors": errors,
        "warnings": warnings,
        "findings": [f"{found.severity} {found.rule}" for found in row.findings],
        "assumptions": list(row.assumptions),
        "model": row.model,
        "compatible": list(row.compatible),
        "given": row.ram_given,
        "physOffset": row.phys_offset,
    }


def _changes(comparison: SweepComparison) -> dict[str, Any]:
    weights = {Weight.WORSE: "worse", Weight.OTHER: "other", Weight.BETTER: "better"}
    return {
        "old": str(comparison.old),
        "new": str(comparison.new),
        "same": comparison.same,
        "groups": [
            {
                "weight": weights[group.weight],
                "text": group.text,
                "due": group.due,
                "boards": [each.board for each in group.boards],
            }
            for group in comparison.groups
        ],
    }
