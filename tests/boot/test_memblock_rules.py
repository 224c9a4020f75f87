"""Which rules each release follows: expectations are what its own mm/memblock.c says."""

from dataclasses import replace

import pytest

from bootmap.boot.memblock_rules import memblock_rules
from bootmap.spec.features import ROWS_BY_NAME
from bootmap.spec.memblock import MemblockRules, Overlap


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
