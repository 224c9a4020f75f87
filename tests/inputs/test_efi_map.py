"""UEFI's memory map as three programs print it."""

from __future__ import annotations

import pytest

from bootmap.errors import InputError
from bootmap.inputs.efi_map import EfiDescriptor, parse

SHELL = """Shell> memmap
Type       Start            End              # Pages          Attributes
Available  0000000040000000-0000000043FFFFFF 0000000000004000 000000000000000F
BS_Data    0000000044000000-000000004401FFFF 0000000000000020 000000000000000F
RT_Code    000000005FC17000-000000005FDA6FFF 0000000000000190 800000000000000F
MMIO       0000000004000000-0000000007FFFFFF 0000000000004000 8000000000000001

  Reserved  :              0 Pages (0 Bytes)
"""
UBOOT = """=> efidebug memmap
Type             Start            End              Attributes
================ ================ ================ ==========
CONVENTIONAL     0000000040000000-000000005ddf3000 WB
BOOT DATA        000000005ddf3000-000000005ddf7000 WB
RUNTIME DATA     000000005ddf7000-000000005ddf8000 WB|RT
"""


def test_parse_the_shells() -> None:
    assert parse(SHELL).rows == (
        EfiDescriptor(7, 0x40000000, 0x4000000, 15),
        EfiDescriptor(4, 0x44000000, 0x20000, 15),
        EfiDescriptor(5, 0x5FC17000, 0x190000, 0x800000000000000F),
        EfiDescriptor(11, 0x4000000, 0x4000000, 0x8000000000000001),
    )


def test_parse_u_boots() -> None:
    rows = parse(UBOOT).rows
    assert [(row.name, row.start, row.end) for row in rows] == [
        ("Conventional", 0x40000000, 0x5DDF3000),
        ("Boot Data", 0x5DDF3000, 0x5DDF7000),
        ("Runtime Data", 0x5DDF7000, 0x5DDF8000),
    ]
    assert rows[2].attributes == 8 | 1 << 63


def test_parse_nothing_and_nonsense() -> None:
    with pytest.raises(InputError, match="no UEFI memory map"):
        parse("hello")
    with pytest.raises(InputError, match=r"line 1.*are not 3 pages"):
        parse("Available  0000000040000000-0000000040000FFF 0000000000000003 000000000000000F")
    with pytest.raises(InputError, match="no range of whole pages"):
        parse("BOOT DATA        000000005ddf3100-000000005ddf7000 WB")
    with pytest.raises(InputError, match="'Strange' is no type"):
        parse("Strange  0000000040000000-0000000040000FFF 0000000000000001 000000000000000F")
