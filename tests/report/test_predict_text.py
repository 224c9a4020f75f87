"""The text reports hold to their width on every recorded board, and say what the recordings say."""

from __future__ import annotations

import pytest
from support.recordings import NAMES, case

from bootmap.analysis.explain import explain_physical, explain_virtual
from bootmap.analysis.overview import Overview, hardware_words, memory_rows, reserved_rows, table_cost
from bootmap.report.explain_text import physical_text, virtual_text
from bootmap.report.mem_types import mem_types_text
from bootmap.report.predict_text import predict_text

_BOOTED = [name for name in NAMES if "after" in case(name).doc]


@pytest.mark.parametrize("name", NAMES)
def test_reports_fit_100_columns(name: str) -> None:
    prediction = case(name).prediction
    texts = [predict_text(prediction, Overview(prediction)), mem_types_text(prediction, hardware_words(prediction))]
    for address in (0, 0x80000000, 0xC0300000, 0xFF800000, 0xFFFF0000):
        texts.append(virtual_text(explain_virtual(prediction, address)))
        texts.append(physical_text(explain_physical(prediction, address)))
    assert [line for text in texts for line in text.split("\n") if len(line) > 100] == []


@pytest.mark.parametrize("name", _BOOTED)
def test_table_cost_counts_what_was_recorded(name: str) -> None:
    recorded = case(name)
    prediction = recorded.prediction
    cost = table_cost(prediction, prediction.usual_stage)
    tables = recorded.doc["after"]["tables"]
    width = 16 if recorded.long else 8
    first_level = "".join(tables["pmd"].values()) if recorded.long else tables["pgd"]["hex"]
    lowest = width - 2 if recorded.big_endian else 0
    low_bits = [int(first_level[at : at + 2], 16) & 3 for at in range(lowest, len(first_level), width)]
    assert cost.sections == low_bits.count(1 if recorded.long else 2)
    assert cost.tables == len(tables["pte"])


@pytest.mark.parametrize("name", _BOOTED)
def test_memory_rows_cover_what_was_recorded(name: str) -> None:
    recorded = case(name)
    prediction = recorded.prediction
    rows = memory_rows(prediction, prediction.usual_stage)
    roots = [row.origin.root for row in rows if row.origin is not None]
    assert len(roots) == len(rows)
    assert all(root.offset is not None or root.rule in ("machine", "default_tags") for root in roots)
    joined: list[tuple[int, int, bool]] = []
    for row in rows:
        if joined and joined[-1][1] == row.start and joined[-1][2] == (row.kind == "no-map"):
            joined[-1] = (joined[-1][0], row.end, joined[-1][2])
        else:
            joined.append((row.start, row.end, row.kind == "no-map"))
    told: list[tuple[int, int, bool]] = []
    for base, size, flags in recorded.regions("after", "memory"):  # what can be unplugged (1) is RAM like any other
        nomap = bool(flags & 4)
        if told and told[-1][1:] == (base, nomap):
            told[-1] = (told[-1][0], base + size, nomap)
        else:
            told.append((base, base + size, nomap))
    assert joined == told


@pytest.mark.parametrize("name", _BOOTED)
def test_reserved_rows_name_an_owner_for_every_byte(name: str) -> None:
    prediction = case(name).prediction
    stage = prediction.usual_stage
    rows = reserved_rows(stage)
    assert sum(row.end - row.start for row in rows) == sum(size for _, size, _ in stage.memblock.reserved.regions)
    assert all(row.origin is not None for row in rows)
