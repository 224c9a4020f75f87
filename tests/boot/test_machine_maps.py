"""Static mappings of machines by version, as their io_desc arrays have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from recordings import DATA, fresh_kernel

from bootmap.boot.kernel import Kernel
from bootmap.boot.machine import pick_machine
from bootmap.inputs.atags import parse as parse_atags
from bootmap.inputs.kconfig import parse

TAGS = parse_atags((Path(DATA) / "atags" / "spitz.bin").read_bytes())
V2M = (0xF8000000, 0x10000000, 0x20000)


@pytest.mark.parametrize(
    ("version", "want"),
    [
        # mach-vexpress/v2m.c v2m_map_io, ct-ca9x4.c ct_ca9x4_map_io of 2.6.38, 3.2, 3.4 and 3.18: a call each
        ((2, 6, 38), [[V2M], [(0xF8E00000, 0x1E000000, 0x4000), (0xF80E4000, 0x100E4000, 0x1000),
                              (0xF8E0A000, 0x1E00A000, 0x1000)]]),
        ((3, 2), [[V2M], [(0xF8E00000, 0x1E000000, 0x4000), (0xF80E4000, 0x100E4000, 0x1000),
                          (0xF8E0A000, 0x1E00A000, 0x1000)]]),
        ((3, 4), [[V2M], [(0xF8200000, 0x1E000000, 0x2000)]]),
        ((3, 18), [[V2M], [(0xF8200000, 0x1E000000, 0x2000)]]),
    ],
)  # fmt: skip
def test_versatile_express_by_number(version: tuple[int, ...], want: list[list[tuple[int, int, int]]]) -> None:
    kernel = Kernel(version, None, parse(b"CONFIG_ARCH_VEXPRESS=y\n"), fresh_kernel("v7").symbols)
    picked = pick_machine(kernel, TAGS, 2272)
    assert picked.unknown == ""
    assert picked.machine is not None
    assert picked.machine.maps is not None
    assert [[(row.virtual, row.physical, row.length) for row in group] for group in picked.machine.maps] == want


def test_versatile_express_by_number_ends_with_3_18() -> None:
    """4.0 knows it by its device tree only."""
    kernel = Kernel((4, 1), None, parse(b"CONFIG_ARCH_VEXPRESS=y\n"), fresh_kernel("v7").symbols)
    assert "2272" in pick_machine(kernel, TAGS, 2272).unknown
