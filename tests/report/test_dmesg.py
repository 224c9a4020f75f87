"""The log that bootmap predicts, line for line in what real kernels wrote to their consoles."""

from __future__ import annotations

import re

import pytest
from support.recordings import NAMES, Case, case

from bootmap.analysis.overview import Overview
from bootmap.report.dmesg import dmesg_text

_CALL = re.compile(r"( *(?:__)?memblock_\w+: \[0x[0-9a-f]+-0x[0-9a-f]+\])")
_LOGGED = [name for name in NAMES if any(line.strip() for line in Case(name).doc.get("log", ()))]


def _plain(line: str) -> str:
    """A line without, for a memblock call, who called it."""
    call = _CALL.match(line)
    return call[1] if call else line.rstrip()


@pytest.mark.parametrize("name", _LOGGED)
def test_dmesg_is_what_the_kernel_logged(name: str) -> None:
    recorded = case(name)
    logged = [_plain(line) for line in recorded.log]
    layout = Overview(recorded.prediction).layout
    predicted = [_plain(line) for line in dmesg_text(recorded.prediction, layout).split("\n")]
    if "Virtual kernel memory layout:" in predicted:  # comes after the line that ends the recorded logs
        predicted = predicted[: predicted.index("Virtual kernel memory layout:")]
    if recorded.key == "old49":  # 4.9 logs reservations only
        predicted = [line for line in predicted if not line.startswith(("memblock_remove", "memblock_add"))]
    at = 0
    for line in predicted:
        assert line in logged[at:], f"not in the log, or not in this place: {line!r}"
        at = logged.index(line, at) + 1
