"""Which rules each release follows: expectations are what its own mm/memblock.c says."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bootmap.boot.memblock import MemblockDeath
from bootmap.boot.memblock.rules import memblock_rules
from bootmap.boot.memblock.script import NEEDS, run_script
from bootmap.facts.features.table import ROWS_BY_NAME
from bootmap.facts.linux.memblock import MemblockRules, Overlap
from bootmap.inputs.memblock_script import PARAMETERS, ScriptOp


class Release:
    def __init__(self, version, sublevel=0):
        self.version, self.sublevel = version, sublevel

    def has(self, name):
        return any(row.covers(self.version, self.sublevel) for row in ROWS_BY_NAME[name] if not row.kconfig)


V6_12 = MemblockRules()
V6_6 = replace(V6_12, resize_panics=False)
V6_1 = replace(V6_6, room_off_by_one=True, merge_whole_array=True)
V5_15 = replace(V6_1, room_off_by_one=False)
V5_12 = replace(V5_15, cap_ignores_empty=False)
V5_4 = replace(V5_12, bottom_up_above_kernel=True)
V3_13 = replace(V5_4, round_size_to_align=True, region_flags=False, zero_align=0)
V3_12 = replace(V3_13, bottom_up_above_kernel=False)
V3_4 = replace(V3_12, array_whole_pages=False)
V3_2 = replace(V3_4, overlap=Overlap.EXTEND)
V2_6_38 = replace(V3_2, overlap=Overlap.COALESCE)
V2_6_37 = replace(V2_6_38, region_memory_asks_reserved=True)


@pytest.mark.parametrize(
    ("version", "sublevel", "expected"),
    [
        ((2, 6, 36), 0, replace(V2_6_37, as_lmb=True, width=64)),
        ((2, 6, 37), 0, V2_6_37),
        ((2, 6, 38), 0, V2_6_38),
        ((2, 6, 39), 0, V3_2),
        ((3, 2), 0, V3_2),
        ((3, 3), 0, V3_4),
        ((3, 4), 111, V3_4),
        ((3, 6), 0, V3_12),
        ((3, 12), 0, V3_12),
        ((3, 13), 0, V3_13),
        ((3, 14), 0, V5_4),
        ((5, 4), 0, V5_4),
        ((5, 4), 286, V5_12),  # back-ported
        ((5, 10), 223, V5_12),  # back-ported
        ((5, 12), 0, V5_12),
        ((5, 15), 0, V5_15),
        ((6, 1), 0, V6_1),
        ((6, 3), 0, V6_6),
        ((6, 6), 9, V6_6),
        ((6, 8), 0, V6_12),
        ((6, 12), 0, V6_12),
        ((6, 17), 0, replace(V6_12, rsrv_kern=True)),
        ((7, 2), 12, replace(V6_12, rsrv_kern=True)),
    ],
)
def test_memblock_rules_release(version, sublevel, expected):
    assert memblock_rules(Release(version, sublevel), 32) == expected


def test_memblock_rules_width_from_the_configuration():
    class Lpae(Release):
        def has(self, name):
            return name == "lpae" or super().has(name)

    assert memblock_rules(Release((6, 1))).width == 32
    assert memblock_rules(Lpae((6, 1))).width == 64
    assert memblock_rules(Release((6, 1)), 64).region_size == 24
    assert memblock_rules(Release((6, 1)), 32).region_size == 12
    assert memblock_rules(Release((3, 10)), 32).region_size == 8
    assert memblock_rules(Release((6, 1)), cache_line=32).zero_align == 32


EDGES = [0, 1, 0xFFF, 0x1000, 0x40000000, 0x40001000, 0x7FFFFFFF, 0xFFFFF000, 0xFFFFFFFE, 0xFFFFFFFF]
numbers = st.sampled_from(EDGES) | st.integers(0, 0xFFFFFFFF) | st.integers(0, 64).map(lambda n: n << 12)
alignments = st.integers(0, 31).map(lambda bit: 1 << bit)


@st.composite
def calls(draw):
    name = draw(st.sampled_from(sorted(PARAMETERS)))
    by_kind = {"ALIGN": alignments, "0|1": st.integers(0, 1)}
    return ScriptOp(1, name, tuple(draw(by_kind.get(kind, numbers)) for kind in PARAMETERS[name]))


@settings(max_examples=400, deadline=None)
@given(st.lists(calls(), max_size=30), st.sampled_from([V2_6_37, V2_6_38, V3_2, V3_4, V3_13, V6_1, V6_12]))
def test_run_script_any_calls_any_release(ops, rules):
    """Whatever is called, the kernel lives with ordered regions, or dies for a reason that is told."""
    if not rules.region_flags:
        ops = [op for op in ops if op.name not in NEEDS]
    with suppress(MemblockDeath):
        for _, result, memblock in run_script(ops, rules):
            assert -12 <= result <= 0xFFFFFFFF
            for regions in (memblock.memory, memblock.reserved):
                assert regions.starts == sorted(regions.starts)
                assert all(start < end for start, end in zip(regions.starts, regions.ends, strict=True))
                if rules.overlap is not Overlap.COALESCE:
                    assert all(e <= s for e, s in zip(regions.ends, regions.starts[1:], strict=False))
                    pairs = zip(regions.regions, regions.regions[1:], strict=False)
                    unmerged = [a for a, b in pairs if a[0] + a[1] == b[0] and a[2] == b[2]]
                    assert not unmerged or regions.unmerged
