"""Every row of the table of hostile inputs, in a process that may use no more than what is promised.

Memory is bounded by the kernel, so that what asks for more fails; time is a bound of processor seconds, twice the
promise, for a busy machine.  ``tools/hostile-table`` measures both.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import hostile_rows, hostile_setup
from support.hostile import MEMORY, SECONDS, Hostile, run

ROWS = (*hostile_rows.ROWS, *hostile_setup.ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_hostile_input(row: Hostile) -> None:
    if row.missing:
        pytest.skip(f"{row.missing} is not installed")
    outcome = run(row, memory=MEMORY, seconds=2 * SECONDS)
    assert outcome.faults(row) == []


def test_rows_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) > 200


def test_page_has_every_row() -> None:
    """docs/hostile.md, made of what `make hostile` prints."""
    page = (Path(__file__).parent.parent / "docs" / "hostile.md").read_text()
    assert {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")} == {
        "input",
        "---",
        *(row.name for row in ROWS),
    }


def test_full_device_is_still_a_device() -> None:
    """The rows that write to /dev/full must not have replaced it."""
    assert os.stat("/dev/full").st_rdev == os.makedev(1, 7)
