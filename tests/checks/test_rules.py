"""Every rule on its boards: where it fires, and where it must not; and every hazard has a rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.boards import checked, kernel
from support.rule_rows import ROWS, Row

import bootmap
from bootmap.facts.check_rules import RULE_OF_HAZARD


def words(finding: bootmap.Finding) -> str:
    """Everything that a finding says."""
    changes = [f"{change.text} {change.note} {change.after}" for change in finding.changes]
    places = [place.text for place in finding.where]
    return "\n".join([finding.message, *changes, *places, *finding.advice, *(" ".join(row) for row in finding.table)])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule}{'-quiet' if row.quiet else ''}")
def test_rule_fires_where_it_should_and_not_beside(row: Row) -> None:
    key, version, options = row.kernel
    result = checked(row.tree, kernel(key, version, **options), **row.more)
    found = [each for each in result.findings if each.id == row.rule]
    assert bool(found) is not row.quiet, [words(each) for each in result.findings]
    said = "\n".join(map(words, found))
    for part in row.says:
        assert part in said, said


def test_every_hazard_has_a_rule() -> None:
    """Ids that are put together at run time are written out in the rules."""
    source = Path(bootmap.__file__).parent / "boot"
    text_of_boot = "\n".join(path.read_text() for path in source.rglob("*.py"))
    ids = set(re.findall(r'(?:hazard|die|_fatal)\(\s*(?:state,\s*)?"([a-z0-9-]+)"', text_of_boot))
    assert len(ids) > 50
    assert ids <= set(RULE_OF_HAZARD)
