"""The rules that pass a hazard on, on boards whose fate with a real kernel is known; then the whole catalogue."""

from __future__ import annotations

import pytest
from support.passed_on import PASSED_ON, PassedOn, recorded
from support.recordings import NAMES, Case
from support.rule_rows import ROWS

import bootmap
from bootmap.facts.check_rules import RULE_OF_HAZARD, RULES, RULES_BY_ID


@pytest.mark.parametrize("row", PASSED_ON, ids=lambda row: f"{row.rule}-{row.id}")
def test_rule_passes_its_hazard_on(row: PassedOn) -> None:
    result = bootmap.check(*row.made(), prove=False)
    found = [each for each in result.findings if each.id == row.rule]
    assert bool(found) is not row.quiet, (row.because, [each.message for each in result.findings])
    if row.hazard:
        assert RULE_OF_HAZARD[row.hazard].id == row.rule
        assert row.quiet or any(each.hazard is not None and each.hazard.id == row.hazard for each in found), row.because


@pytest.mark.parametrize("id", [rule.id for rule in RULES])
def test_rule_has_a_board_that_fires_and_one_that_does_not(id: str) -> None:
    """No rule of the catalogue without both: a new one fails here until it has them."""
    rows = [row for row in (*ROWS, *PASSED_ON) if row.rule == id]
    assert any(not row.quiet for row in rows), f"no board makes {id} fire"
    assert any(row.quiet for row in rows), f"no board says where {id} must be silent"


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
