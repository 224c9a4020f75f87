"""A short run of every fuzz target, and all inputs that were kept; ``make fuzz-inputs`` goes on for ten minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from support.fuzzing import EXAMPLES, KEPT, TARGETS, Example, Target, corpus, faults

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLES = 40


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_fuzz_target(target: Target, tmp_path: Path) -> None:
    if target.missing:
        pytest.skip(f"{target.missing} is not installed")

    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(EXAMPLES)
    def short(example: Example) -> None:
        assert faults(target, example, tmp_path) == []

    short()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_fuzz_kept_inputs(target: Target, tmp_path: Path) -> None:
    if target.missing:
        pytest.skip(f"{target.missing} is not installed")
    """As they are, to every command of their target."""
    names = [name for name, _ in corpus(target)]
    for path in KEPT.glob(f"{target.name}-*"):
        for line in range(len(target.lines)):
            example = Example(line, names.index(path.name), 0, (), (), "")
            assert faults(target, example, tmp_path) == []
