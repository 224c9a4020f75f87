"""Changes as JSON Lines: schema ``bootmap.sweep-diff/1``, a line a board and change.

Keys may be added, never renamed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.sweep.compare import SweepComparison

SCHEMA = "bootmap.sweep-diff/1"


def change_lines(comparisons: Sequence[SweepComparison]) -> Iterator[str]:
    """The lines, the worst group first."""
    for comparison in comparisons:
        for group in comparison.groups:
            for each in group.boards:
                yield json.dumps(
                    {
                        "schema": SCHEMA,
                        "board": each.board,
                        "weight": group.weight.name.lower(),
                        "kind": group.kind.name.lower(),
                        "change": group.text,
                        "due": each.due,
                        "amount": each.change.amount,
                        "old": {"trees": each.old.trees, "kernel": each.old.kernel, "key": each.old.key},
                        "new": {"trees": each.new.trees, "kernel": each.new.kernel, "key": each.new.key},
                    }
                )
