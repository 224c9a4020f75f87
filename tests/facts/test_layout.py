from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootmap.facts.arm import long_desc, regs, short_desc
from bootmap.facts.arm.descriptors import Descriptor, Level, Role, block, invalid
from bootmap.facts.arm.layout import Layout, address, bits, fixed, ignored, reserved

EXAMPLE = Layout("example", 8, bits("A", 3, "first"), reserved(1), ignored("SW", 2), fixed("type", 2, 0b10))


def test_layout_places_rows_from_the_top() -> None:
    assert [(row.name, row.high, row.low, row.place) for row in EXAMPLE] == [
        ("A", 7, 5, "[7:5]"),
        ("SW", 3, 2, "[3:2]"),
        ("type", 1, 0, "[1:0]"),
    ]
    assert EXAMPLE["A"].mask == 0b1110_0000
    assert EXAMPLE["A"].meaning == "first"
    assert "SW" in EXAMPLE
    assert "B" not in EXAMPLE


def test_layout_decodes_and_encodes() -> None:
    assert EXAMPLE.decode(0b1011_0110) == {"A": 0b101, "SW": 0b01, "type": 0b10}
    assert EXAMPLE.encode(A=0b101, SW=1) == 0b1010_0110
    assert EXAMPLE.matches(0b0000_0010)
    assert not EXAMPLE.matches(0b0000_0011)
    assert EXAMPLE.attribute_mask == 0b1110_0000


def test_layout_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="has 7 bits, not 8"):
        Layout("bad", 8, bits("A", 7))
    with pytest.raises(ValueError, match="a name twice"):
        Layout("bad", 8, bits("A", 4), bits("A", 4))


def test_encode_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"A\[7:5\] holds 3 bits, not 0x8"):
        EXAMPLE.encode(A=8)
    with pytest.raises(KeyError):
        EXAMPLE.encode(B=1)


def test_address_joins_parts_that_lie_apart() -> None:
    # A supersection at 0x8_4100_0000 (DDI 0406C B3.5.1): PA[35:32] in bits [23:20], PA[39:36] in [8:5].
    word = 0x4100_0000 | 8 << 20 | 1 << 18 | 2
    assert short_desc.SUPERSECTION.address(word) == 0x8_4100_0000
    assert short_desc.SUPERSECTION.address(word | 0xA << 5) == 0xA8_4100_0000


# Bit positions as the manuals' figures have them (DDI 0406C B3.5.1 and B3.6.1, DDI 0100I B4.7).
POSITIONS = {
    short_desc.SECTION: {"base": 20, "NS": 19, "nG": 17, "S": 16, "AP[2]": 15, "TEX": 12, "AP[1:0]": 10, "domain": 5},
    short_desc.SECTION_PXN: {"XN": 4, "C": 3, "B": 2, "PXN": 0},
    short_desc.COARSE_PXN: {"base": 10, "IMP": 9, "domain": 5, "NS": 3, "PXN": 2},
    short_desc.LARGE_PAGE: {"base": 16, "XN": 15, "TEX": 12, "nG": 11, "S": 10, "AP[2]": 9, "AP[1:0]": 4},
    short_desc.SMALL_PAGE: {"base": 12, "nG": 11, "S": 10, "AP[2]": 9, "TEX": 6, "AP[1:0]": 4, "C": 3, "B": 2, "XN": 0},
    short_desc.SMALL_PAGE_V5: {"base": 12, "AP3": 10, "AP2": 8, "AP1": 6, "AP0": 4, "C": 3, "B": 2},
    short_desc.EXTENDED_SMALL_PAGE: {"base": 12, "TEX": 6, "AP[1:0]": 4},
    short_desc.TINY_PAGE: {"base": 10, "AP[1:0]": 4},
    short_desc.FINE_V5: {"base": 12, "domain": 5},
    long_desc.TABLE: {"NSTable": 63, "APTable": 61, "XNTable": 60, "PXNTable": 59, "base": 12},
    long_desc.PAGE: {"XN": 54, "PXN": 53, "contiguous": 52, "base": 12, "nG": 11, "AF": 10, "SH": 8, "AP[2:1]": 6},
    long_desc.BLOCK_2M: {"base": 21, "NS": 5, "AttrIndx": 2},
    long_desc.BLOCK_1G: {"base": 30},
    regs.SCTLR: {"AFE": 29, "TRE": 28, "EE": 25, "XP": 23, "UWXN": 20, "WXN": 19, "V": 13, "R": 9, "S": 8, "M": 0},
    regs.TTBCR: {"EAE": 31, "PD1": 5, "PD0": 4, "N": 0},
    regs.TTBCR_LONG: {"EPD1": 23, "A1": 22, "T1SZ": 16, "EPD0": 7, "T0SZ": 0, "SH0": 12, "SH1": 28},
    regs.PRRR: {"NOS7": 31, "NOS0": 24, "NS1": 19, "NS0": 18, "DS1": 17, "DS0": 16, "TR7": 14, "TR0": 0},
    regs.NMRR: {"OR7": 30, "OR0": 16, "IR7": 14, "IR0": 0},
    regs.MAIR0: {"Attr3": 24, "Attr0": 0},
    regs.MAIR1: {"Attr7": 24, "Attr4": 0},
    regs.FSR_SHORT: {"CM": 13, "ExT": 12, "WnR": 11, "FS[4]": 10, "LPAE": 9, "domain": 4, "FS[3:0]": 0},
    regs.FSR_LONG: {"CM": 13, "ExT": 12, "WnR": 11, "LPAE": 9, "STATUS": 0},
    regs.DACR: {"D15": 30, "D0": 0},
    regs.MIDR: {"implementer": 24, "variant": 20, "architecture": 16, "part": 4},
}


@pytest.mark.parametrize("layout", POSITIONS, ids=lambda layout: layout.name)
def test_fields_lie_where_the_manual_has_them(layout: Layout) -> None:
    assert {name: layout[name].low for name in POSITIONS[layout]} == POSITIONS[layout]


def every_descriptor(level: Level) -> list[tuple[Level, Descriptor]]:
    found = [(level, descriptor) for descriptor in level.descriptors]
    for descriptor in level.descriptors:
        if descriptor.table is not None:
            found += every_descriptor(descriptor.table)
    return found


FORMATS = (short_desc.V5, short_desc.XSCALE, short_desc.V6_SUBPAGES, short_desc.V6, short_desc.V7_PXN, long_desc.L1)
EVERY = [pair for level in FORMATS for pair in every_descriptor(level)]


@given(st.sampled_from(EVERY), st.integers(0, (1 << 64) - 1))
def test_every_word_is_of_exactly_one_kind(pair: tuple[Level, Descriptor], word: int) -> None:
    level, descriptor = pair
    word &= (1 << descriptor.layout.width) - 1
    kind = level.descriptor(word)
    assert [d for d in level.descriptors if d.layout.matches(word)] == [kind]
    assert kind.layout.encode(**kind.layout.decode(word)) == word & sum(row.mask for row in kind.layout)


def test_descriptors_cover_what_their_level_indexes() -> None:
    for level, descriptor in EVERY:
        assert descriptor.layout.width == 8 * level.entry_bytes
        if descriptor.role is Role.BLOCK:
            assert descriptor.size_bits >= level.index_low
            assert descriptor.layout.address_fields[0].address_at == descriptor.size_bits
        if descriptor.table is not None:
            assert descriptor.table.index_low + descriptor.table.index_bits == level.index_low
            # A table lies on a boundary of its own size.
            assert 1 << (descriptor.layout.address_fields[0].address_at or 0) == descriptor.table.table_bytes


def test_level_with_two_kinds_for_one_word_is_refused() -> None:
    one = Layout("one", 32, address("base", 20, at=12), reserved(10), fixed("type", 2, 1))
    two = Layout("two", 32, reserved(31), fixed("type", 1, 1))
    none = Layout("none", 32, reserved(31), fixed("type", 1, 0))
    with pytest.raises(ValueError, match=r"0x1 matches \['one', 'two'\]"):
        Level(1, 4, 20, 12, (invalid(none), block(one, 12), block(two, 12)))
    with pytest.raises(ValueError, match="0x0 matches nothing"):
        Level(1, 4, 20, 12, (block(two, 12),))
