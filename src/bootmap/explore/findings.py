"""What `check` says, as the page gets it: findings with what to change, the load map, the lowmem budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

if TYPE_CHECKING:
    from bootmap.analysis.layout import LoadMap
    from bootmap.boot.sequence import Replay
    from bootmap.checks.engine import CheckResult
    from bootmap.explore.pool import Pool

_MOST_LOADS = 200
"""Rows of the load map; each is compared with every other."""


def hazard_rows(replay: Replay, pool: Pool) -> list[dict[str, Any]]:
    """The boot's own hazards, where the rules were not asked."""
    return [
        {
            "id": hazard.id,
            "stage": hazard.stage,
            "severity": "error" if hazard.fatal else "uncertain" if hazard.luck else "warning",
            "title": "",
            "message": hazard.message,
            "address": hazard.address,
            "origin": pool.origin(hazard.origin),
            "where": [],
            "changes": [],
            "advice": [],
            "table": [],
        }
        for hazard in replay.hazards
    ]


def finding_rows(checked: CheckResult, pool: Pool) -> list[dict[str, Any]]:
    """The findings that count, the worst first; each change was predicted."""
    return [
        {
            "id": found.id,
            "stage": found.hazard.stage if found.hazard is not None else None,
            "severity": found.level,
            "title": found.title,
            "message": found.cause,
            "address": found.address,
            "origin": pool.origin(found.hazard.origin) if found.hazard is not None else -1,
            "where": [[where.kind, where.text, str(where)] for where in found.where],
            "changes": [[change.text, change.note, change.after, change.recommended] for change in found.changes],
            "advice": list(found.advice),
            "table": [list(row) for row in found.table],
        }
        for found in checked.counted
    ]


def load_rows(found: LoadMap) -> list[list[Any]]:
    """What lies in RAM at the start: [name, start, end, kind, gap, [[overlapping, bytes], ...], outside RAM]."""
    if len(found.objects) > _MOST_LOADS:  # what a board reserves is in memblock's lists as well
        found = replace(found, objects=tuple(each for each in found.objects if each.kind != "reserved")[:_MOST_LOADS])
    return [
        [
            row.placed.name,
            row.placed.start,
            row.placed.end,
            row.placed.kind,
            row.gap,
            [[overlap.second.name, overlap.span.size] for overlap in row.overlaps],
            row.outside_ram,
        ]
        for row in found.rows()
    ]


def budget_row(checked: CheckResult) -> dict[str, Any] | None:
    """Who takes of lowmem, in bytes; None where the boot ends before lowmem is known."""
    budget = checked.budget
    if budget is None:
        return None
    return {
        "lowmem": budget.lowmem,
        "highmem": budget.highmem,
        "items": [list(item) for item in budget.items],
        "left": budget.left,
    }
