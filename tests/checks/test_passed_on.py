"""The rules that pass a hazard on, on boards whose fate with a real kernel is known; then the whole catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.boards import kernel
from support.passed_on import PASSED_ON, PassedOn, booted, placed_below_4g, recorded
from support.recordings import NAMES, Case
from support.rule_rows import ROWS

import bootmap
from bootmap.facts.check_rules import RULE_OF_HAZARD, RULES, RULES_BY_ID

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("row", PASSED_ON, ids=lambda row: f"{row.rule}-{row.id}")
def test_rule_passes_its_hazard_on(row: PassedOn) -> None:
    result = bootmap.check(*row.made(), prove=False)
    found = [each for each in result.findings if each.id == row.rule]
    assert bool(found) is not row.quiet, (row.because, [each.message for each in result.findings])
    if row.hazard:
        assert RULE_OF_HAZARD[row.hazard].id == row.rule
        assert row.quiet or any(each.hazard is not None and each.hazard.id == row.hazard for each in found), row.because


@pytest.mark.parametrize(
    ("name", "key", "rule", "change"),
    [
        ("nomap-in-last-section-6.1", "deb-6.1", "kernel-unmapped", "leave no-map out"),
        ("nomap-in-last-section-6.12", "deb-6.12", "kernel-unmapped", "leave no-map out"),
        ("nomap-at-start", "deb-6.12", "kernel-unmapped", "leave no-map out"),
        ("pool-over-kernel", "deb-6.12", "kernel-unmapped", "reg = <0x44000000 0x800000>"),
        ("pool-refused", "deb-6.12", "static-mapping", "size = <0x800000>"),
        ("vmalloc-all", "deb-6.12", "mem-map", "leave vmalloc= out"),
        ("mem-far-above", "v7", "mem-map", "leave mem= out"),
    ],
)
def test_map_that_kills_has_a_cure(name: str, key: str, rule: str, change: str) -> None:
    """What boards/findings says avoids it is what is proposed, and proven; those of Debian's kernels are booted too."""
    result = bootmap.check(*booted(name, key)())
    found = next(each for each in result.findings if each.id == rule)
    one = next(each for each in found.changes if each.recommended)
    assert one.text.endswith(change)
    assert one.cures


def test_area_without_an_alignment_has_a_cure() -> None:
    """The change was booted: 6.1.176 comes to its root file system with it."""
    result = bootmap.check(*placed_below_4g()())
    (found,) = [each for each in result.findings if each.id == "last-page"]
    (change,) = found.changes
    assert (change.text, change.cures) == ("/reserved-memory/area0: alignment = <0x1000>", True)


@pytest.mark.parametrize(("name", "key"), [("nomap-on-both-sides", "deb-6.12")])
def test_map_that_kills_twice_is_cured_together(name: str, key: str) -> None:
    """Two areas in the kernel's way, each of which kills alone."""
    result = bootmap.check(*booted(name, key)())
    assert result.together == "boots"
    assert sum(change.recommended for found in result.findings for change in found.changes) == 2


@pytest.mark.parametrize("id", [rule.id for rule in RULES])
def test_rule_has_a_board_that_fires_and_one_that_does_not(id: str) -> None:
    """No rule of the catalogue without both: a new one fails here until it has them."""
    rows = [row for row in (*ROWS, *PASSED_ON) if row.rule == id]
    assert any(not row.quiet for row in rows), f"no board makes {id} fire"
    assert any(row.quiet for row in rows), f"no board says where {id} must be silent"


NOT_ON_A_BOARD_HERE = {
    "mapping-needs-pages": "no type that a user can name is without pages",
    "memblock-stops": "what follows is not modelled: memory at the very end of the address space",
}


def test_hazard_of_a_rule_is_seen_on_a_board() -> None:
    """On one of the rows, on a recording, or by name in the tests of the boot; else it says here why not."""
    seen = {row.hazard for row in PASSED_ON}
    for name in NAMES:
        seen |= {hazard.id for hazard in Case(name).prediction.hazards}
    words = "".join(path.read_text() for path in (TESTS / "boot").glob("*.py"))
    words += (TESTS / "assemble" / "test_verdicts.py").read_text()
    for row in ROWS:
        key, version, options = row.kernel
        board = bootmap.Board.parse(row.tree, "board.dtb", **row.more)
        seen |= {hazard.id for hazard in bootmap.predict(kernel(key, version, **options), board).hazards}
    missing = {id for id in RULE_OF_HAZARD if id not in seen and f'"{id}"' not in words}
    assert missing == NOT_ON_A_BOARD_HERE.keys()


def test_rows_name_rules_that_there_are() -> None:
    assert {row.rule for row in (*ROWS, *PASSED_ON)} == RULES_BY_ID.keys()
    assert {row.hazard for row in PASSED_ON} - RULE_OF_HAZARD.keys() == {""}


@pytest.mark.parametrize("name", [name for name in NAMES if Case(name).doc.get("outcome")])
def test_recorded_death_is_found_by_a_rule(name: str) -> None:
    """Whatever a real kernel died of, the finding that decides the verdict comes first and is an error."""
    result = bootmap.check(*recorded(name)(), prove=False)
    assert result.failed()
    first = result.findings[0]
    assert first.decides
    assert first.level == "error" or result.outcome.verdict is bootmap.Verdict.UNCERTAIN
