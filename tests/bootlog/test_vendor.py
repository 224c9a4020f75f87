"""What vendors' code takes for itself, as far as its lines name it: it is evidence, and never a contradiction."""

from __future__ import annotations

from pathlib import Path

import pytest

import bootmap
from bootmap.api.logs import verify_log
from bootmap.bootlog.board import board_from_log
from bootmap.bootlog.judgement import Judgement
from bootmap.bootlog.log import read_log
from bootmap.bootlog.vendor import taken_areas
from bootmap.units import MIB, Span

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
HEAD = """Linux version 3.10.0 (builder) (gcc) #1 SMP
CPU: ARMv7 Processor [511f06f0] revision 0 (ARMv7), cr=10c5387d
Machine: Qualcomm MSM 8974 (Flattened Device Tree), model: X
"""


def capture(name: str) -> str:
    return (CAPTURES / f"{name}.txt").read_text()


def test_memory_that_is_cut_off_is_a_hole() -> None:
    """A Cubieboard: 960 of 1024 MiB are counted; the GPU's 64 MiB lie between two banks, and 1 GiB is there."""
    made = board_from_log(read_log(capture("cubieboard-3.4-mali-cut")))
    assert made.banks == (Span(0x40000000, 0x5C000000), Span(0x60000000, 0x80000000))


def test_memory_that_is_reserved_is_reserved() -> None:
    found = bootmap.diagnose(str(CAPTURES / "cubian-3.4-cma-sysmem.txt"))[0]
    assert found.report is not None
    assert found.report.contradicted == 0
    taken = taken_areas(read_log(capture("cubian-3.4-cma-sysmem")))
    assert taken.reserved == (Span(0x43000000, 0x43010000), Span(0x50000000, 0x51000000), Span(0x51000000, 0x53000000))
    assert taken.removed == ()


@pytest.mark.parametrize(
    ("line", "removed", "reserved"),
    [
        ("Node qcom,mdss_fb_primary memblock_reserve memory 3200000-5000000", (), (Span(0x3200000, 0x5000000),)),
        ("Node qcom,memory-reserve memblock_remove memory 8000000-d200000", (Span(0x8000000, 0xD200000),), ()),
        ("Initialized persistent memory from 60000000-600fffff", (), (Span(0x60000000, 0x60100000),)),
        (
            "cma: CMA: reserved 33 MiB at 0x05a00000 for peripheral_mem\ncma: CMA: reserved 16 MiB at 0x2e800000 for "
            "default region",
            (),
            (Span(0x05A00000, 0x05A00000 + 33 * MIB),),
        ),
    ],
)
def test_lines_of_qualcomm(line: str, removed: tuple[Span, ...], reserved: tuple[Span, ...]) -> None:
    assert taken_areas(read_log(f"{HEAD}{line}\n")) == (removed, reserved)


def test_area_that_is_removed_leaves_a_hole_of_ram(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        f"{HEAD}Node qcom,memory-reserve memblock_remove memory 8000000-d200000\nOn node 0 totalpages: 503296\n"
        "  Normal   [mem 0x00000000-0x2f7fffff]\n  HighMem  [mem 0x2f800000-0x7fffffff]\n"
    )
    report = verify_log(None, [str(log)])
    assert report.contradicted == 0
    assert [row.kind for row in report.all(Judgement.MATCHED)].count("zone") == 2


def test_machines_fixup_says_where_ram_begins() -> None:
    made = board_from_log(read_log(capture("bpi-m3-3.4-ion")))
    assert made.phys_offset == 0x40000000
    assert 2 in made.phys.lines
