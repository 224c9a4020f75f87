"""Evidence, weighed: who is believed, and who is shown to disagree; PHYS_OFFSET as public boards have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bootmap.api.logs import verify_log
from bootmap.bootlog.board import board_from_log
from bootmap.bootlog.evidence import Confidence, Evidence, exact, weigh
from bootmap.bootlog.given import Given
from bootmap.bootlog.log import read_log
from bootmap.bootlog.weights import kernel
from bootmap.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """Linux version 5.10.0 (builder) (gcc) #1 SMP
CPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=10c5387d
"""


def test_weightiest_value_is_taken_and_the_others_are_shown() -> None:
    found = weigh("X", [exact(1, Confidence.LIKELY, 1, "a"), exact(2, Confidence.STRONG, 2, "b")])
    assert (found.value, found.lines, [row.line for row in found.against]) == (2, (2,), [1])


def test_two_hints_do_not_outweigh_the_kernels_word() -> None:
    rows = [exact(1, Confidence.LIKELY, line, "") for line in range(20)] + [exact(2, Confidence.CERTAIN, 99, "")]
    assert weigh("X", rows).value == 2


def test_bounds_decide_between_values() -> None:
    rows = [
        exact(0x40000000, Confidence.LIKELY, 1, ""),
        exact(0x42000000, Confidence.HINT, 2, ""),
        Evidence(0x41200000, 0x42200000, Confidence.STRONG, 3, ""),
    ]
    assert weigh("X", rows).value == 0x42000000


def test_bounds_alone_give_the_roundest_value() -> None:
    assert weigh("X", [Evidence(0x81724810, 0x81AAF810, Confidence.STRONG, 1, "")]).value == 0x81800000
    assert weigh("X", [Evidence(0, 0xC0000000, Confidence.STRONG, 1, "")]).value is None


@pytest.mark.parametrize(
    ("lines", "phys_offset", "line"),
    [
        ("Ignoring memory below PHYS_OFFSET: 0x00000000-0x10000000\nOn node 0 totalpages: 4096", 0x10000000, 3),
        ("OF: fdt: Ignoring memory range 0x40000000 - 0x41000000\nOn node 0 totalpages: 4096", 0x41000000, 3),
        ("   Load Address: 0x17000000\nOn node 0 totalpages: 4096", 0x10000000, 3),
        (
            "CPU: 0 PID: 0 Comm: swapper Not tainted 5.10.0 #1\nControl: 30c5383d  Table: 40003000  DAC: fffffffd\n"
            "On node 0 totalpages: 4096",
            0x40000000,
            4,
        ),
        ("Kernel image @ 0x82000000 [ 0x000000 - 0x5b2f88 ]\nOn node 0 totalpages: 4096", 0x80000000, 3),
        ("Kernel command line: initrd=0x62000000,0x3C0000\nOn node 0 totalpages: 4096", 0x60000000, 3),
        ("cma: Reserved 16 MiB at 0xc7000000\nOn node 0 totalpages: 32768", 0xC0000000, 3),
        ("Truncating RAM at 0x00000000-0x3b000000 to -0x30000000", 0, 3),
        ("Normal [mem 0x0000000080000000-0x000000009fffffff]\nOn node 0 totalpages: 131072", 0x80000000, 3),
    ],
)
def test_phys_offset_by_one_witness(lines: str, phys_offset: int, line: int) -> None:
    made = board_from_log(read_log(f"{HEAD}{lines}\n"))
    assert made.phys.value == phys_offset
    assert line in made.phys.lines


def test_kernels_own_word_beats_where_things_were_loaded() -> None:
    """A Tegra20: the device tree lies in the first 256 MiB, the zImage does not (tamonten, 5.2.6)."""
    lines = "   Load Address: 0x17000000\n   Loading Device Tree to 0fff6000, end 0ffff02f ... OK\n"
    made = board_from_log(
        read_log(f"{lines}{HEAD}OF: fdt: Ignoring memory range 0x0 - 0x10000000\nOn node 0 totalpages: 65536\n")
    )
    assert made.phys.value == 0x10000000
    assert made.places.params == 0x0FFF6000
    assert any("device tree" in row.text for row in made.phys.against)


def test_totals_are_better_witnesses_than_mem() -> None:
    """An Anyka: mem=64M, and the machine takes 24 MiB of it for its camera."""
    log = read_log(
        f"{HEAD}Kernel command line: mem=64M\nOn node 0 totalpages: 10240\n"
        "Setting up static identity map for 0x81ab7810 - 0x81ab7868"
    )
    made = board_from_log(log)
    assert sum(bank.size for bank in made.banks) == 40 * MIB
    assert any("reserve callback took RAM" in text for text in made.assumptions)
    ram = next(each for each in made.weights if each.quantity == "RAM")
    assert sum(bank.size for bank in ram.value) == 40 * MIB
    assert [bank.size for row in ram.against for bank in row.low] == [64 * MIB]


def test_log_that_ends_early_has_ram_enough_for_what_lies_in_it() -> None:
    made = board_from_log(read_log(f"{HEAD}cma: Reserved 64 MiB at 0x5b800000\n"))
    assert made.phys.value == 0x40000000
    assert made.banks[-1].end >= 0x5F800000


def test_pool_of_less_than_a_mib_is_no_contradiction() -> None:
    log = read_log(
        f"{HEAD}Reserved memory: created DMA memory pool at 0x10040000, size 0 MiB\n"
        "Reserved memory: created DMA memory pool at 0x10041000, size 0 MiB\n"
        "node   0: [mem 0x00000000c0000000-0x00000000dfffffff]\n"
    )
    made = board_from_log(log)
    assert made.phys.value == 0xC0000000
    assert b"area@10040000" in made.description


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("CPU: VIPT aliasing data cache, unknown instruction cache", "vipt-aliasing"),
        ("CPU: PIPT / VIPT nonaliasing data cache, PIPT instruction cache", "vipt-nonaliasing"),
        ("CPU: VIVT data cache, VIVT instruction cache", "vivt"),
        ("CPU: div instructions available: patching division code", None),
    ],
)
def test_kind_of_cache(line: str, kind: str | None) -> None:
    assert kernel.cache(read_log(HEAD + line), Given()).value == kind


def test_cache_that_aliases_rules_out_highmem(tmp_path: Path) -> None:
    """An AST2500: lowmem ends on a multiple of 2 MiB, and what lies above is not used, with HIGHMEM set."""
    lines = (
        "Linux version 5.15.69 (builder) (gcc) #1\n"
        "CPU: ARMv6-compatible processor [410fb767] revision 7 (ARMv7), cr=00c5387d\n"
        "CPU: {} data cache, unknown instruction cache\nKernel command line: console=ttyS4\n"
        "  Normal   [mem 0x0000000080000000-0x00000000afffffff]\n  HighMem  {}\n"
        "  node   0: [mem 0x0000000080000000-0x00000000bfffffff]\n"
    )
    for cache, zone, contradicted in (
        ("VIPT nonaliasing", "[mem 0x00000000b0000000-0x00000000bfffffff]", 0),
        ("VIPT aliasing", "[mem 0x00000000b0000000-0x00000000bfffffff]", 2),
    ):
        log = tmp_path / "log"
        log.write_text(lines.format(cache, zone))
        assert (verify_log(None, [str(log)]).contradicted > 0) == (contradicted > 0)


def test_totals_before_3_0_may_be_those_of_what_is_used(tmp_path: Path) -> None:
    """2.6.38 on an S5PV310: a bank is cut behind memblock, and the total is that of the cut bank."""
    log = tmp_path / "log"
    log.write_text(
        "Linux version 2.6.38 (builder) (gcc) #1\n"
        "CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d\nMachine: SMDKC110\n"
        "Truncating RAM at 40000000-5fffffff to -57ffffff (vmalloc region overlap).\n"
        "Memory: 384MB = 384MB total\nVirtual kernel memory layout:\n"
        "    vmalloc : 0xd8800000 - 0xe0000000   ( 120 MB)\n    lowmem  : 0xc0000000 - 0xd8000000   ( 384 MB)\n"
    )
    report = verify_log(None, [str(log)], machine_id=2815)
    assert report.contradicted == 0
    log.write_text(log.read_text().replace("384MB = 384MB", "380MB = 380MB"))
    assert verify_log(None, [str(log)], machine_id=2815).contradicted == 1


def test_table_of_a_process_is_only_above_the_start_of_ram() -> None:
    lines = (
        "CPU: 0 PID: 77 Comm: cat Not tainted 5.10.0 #1\nControl: 10c5387d  Table: 6df3006a  DAC: 00000051\n"
        "On node 0 totalpages: 4096\n"
    )
    made = board_from_log(read_log(HEAD + lines))
    assert made.phys.value is None
    made = board_from_log(read_log(f"   Load Address: 0x17000000\n{HEAD}{lines}"))
    assert made.phys.value == 0x10000000
    assert 5 in made.phys.lines
