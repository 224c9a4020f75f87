"""The machine table: its page is today's, and its rows are what the kernel could make."""

from __future__ import annotations

import pytest
from support import machine_page

from bootmap.facts.linux.mem_types import MEM_TYPES
from bootmap.facts.machines.machine import AreaTaken, NodeReg
from bootmap.facts.machines.table import CALLBACKS, MACHINES
from bootmap.units import PAGE_SIZE

TYPES = {row.name for row in MEM_TYPES}


def test_page_lists_the_machines_of_today() -> None:
    page = machine_page.PAGE.read_text()
    assert machine_page.written(page) == page, "python tests/support/machine_page.py"


@pytest.mark.parametrize(
    ("windows", "text"),
    [
        ({(None, None)}, "all"),
        ({(None, (3, 6))}, "before 3.6"),
        ({((3, 10), (3, 11))}, "3.10"),
        ({((3, 10), (3, 13)), ((3, 14), None)}, "3.10 to before 3.13, 3.14 on"),
        ({((3, 10), (3, 14)), ((3, 14), None)}, "3.10 on"),
        ({(None, (3, 6)), ((3, 4), (4, 1))}, "before 4.1"),
    ],
)
def test_releases_in_words(windows: set[tuple[machine_page.Version, machine_page.Version]], text: str) -> None:
    assert machine_page.releases(windows) == text


def test_rows_can_be_made() -> None:
    """Addresses of 32 bits in the kernel's space, types that there are, places that the same machine takes."""
    for machine in MACHINES:
        taken = {area.what for area in machine.reserve}
        for row in (row for group in machine.maps or () for row in group):
            assert 0xE0000000 <= row.virtual < 1 << 32, machine.name
            assert row.type in TYPES, machine.name
            if isinstance(row.physical, int):
                assert row.length
                assert row.virtual + row.length <= 1 << 32, machine.name
                assert row.virtual % PAGE_SIZE == row.physical % PAGE_SIZE or row.physical % PAGE_SIZE, machine.name
            if isinstance(row.physical, AreaTaken):
                assert row.physical.what in taken, machine.name
            assert (row.length is not None) or isinstance(row.physical, NodeReg)


def test_compatible_strings_are_lower_case() -> None:
    """The kernel compares without case; the table is looked up with lower case."""
    texts = {text for machine in MACHINES for text in machine.compatible} | set(CALLBACKS)
    assert texts == {text.lower() for text in texts}


def test_bounds_are_in_order() -> None:
    for machine in MACHINES:
        rows = [row for group in machine.maps or () for row in group]
        for bounded in (machine, *rows, *machine.reserve):
            assert bounded.since is None or bounded.until is None or bounded.since < bounded.until, machine.name
