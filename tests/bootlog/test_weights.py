"""Every number of the board is weighed, and the value that is shown is the one that the prediction used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.public_logs import INDEX, path

import bootmap
from bootmap.api.logs import read_given
from bootmap.boot.payload import initrd_span
from bootmap.bootlog.capture import read_boots
from bootmap.bootlog.evidence import Confidence, choose, exact
from bootmap.bootlog.fit import best_prediction
from bootmap.bootlog.log import messages_of
from bootmap.bootlog.weights.used import READERS
from bootmap.report.diagnose_text import diagnoses_text
from bootmap.units import MIB

if TYPE_CHECKING:
    from bootmap.bootlog.predict import FromLog

KERNELS = Path(__file__).parents[1] / "data" / "kernels"
HEAD = """Linux version 5.10.0 (builder) (gcc) #1 SMP
CPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=10c5387d
"""
OTHERS: tuple[dict[str, Any], ...] = (
    {},
    {"cmdline": "console=ttyS0 mem=96M"},
    {"phys_offset": 0x10000000},
    {"config": str(KERNELS / "v44" / "config.gz")},
    {"version": "5.4", "cpu": "cortex-a9"},
    {"system_map": str(KERNELS / "v44" / "System.map")},
    {"dtb_addr": 0x02000000, "initrd": "0x3000000,0x100000"},
)
"""What users say beside a log, each of which replaces what the log tells."""


def predicted(text: str, **options: Any) -> FromLog:
    return best_prediction(messages_of(read_boots(text)[0]), read_given(None, options))


@pytest.mark.parametrize("options", OTHERS, ids=lambda options: ",".join(options) or "nothing")
@pytest.mark.parametrize("name", list(INDEX)[::4])
def test_what_is_shown_was_used(name: str, options: dict[str, Any]) -> None:
    try:
        found = predicted(Path(path(name)).read_text(), **{**INDEX[name].get("options", {}), **options})
    except bootmap.BootmapError:  # what is given and what the log has do not go together
        return
    state = found.replay.state
    values = {each.quantity: each for each in found.values}
    assert values["PHYS_OFFSET"].value == state.handover.phys_offset
    assert values["PAGE_OFFSET"].value == state.kernel.page_offset
    assert values["VMALLOC_END"].value == state.kernel.vmalloc_end
    assert values["RAM"].value == tuple((bank.start, bank.end) for bank in state.banks)
    assert values["device tree"].value == state.handover.params
    assert values["command line"].value == state.cmdline
    assert values["CPU"].value == state.handover.cpu.midr
    span = initrd_span(state)
    shown = values["initrd"].value if "initrd" in values else None
    assert shown == ((span.start, span.size) if span else None)
    assert values["end of the kernel"].value == state.kernel.symbols.require("_end")[0]
    if "system_map" in options:
        assert values["end of the kernel"].confidence is Confidence.GIVEN
    for each in found.values:
        if each.quantity.startswith("CONFIG_"):
            assert each.value == state.kernel.config.get(each.quantity.removeprefix("CONFIG_"), "n")
        assert all(row.fits(each.value) for row in each.witnesses if not row.exact)
    for text in found.assumptions:  # a number that is told as assumed is the one that was used
        quantity = text.partition(" is ")[0]
        if quantity in values:
            assert text.startswith(f"{quantity} is {values[quantity].words(values[quantity].value)}: ")


def test_every_number_has_a_reader() -> None:
    made = predicted(Path(path("cubox-i-imx6q-3.14-rc6-a")).read_text())
    assert {each.quantity for each in made.board.weights if not each.quantity.startswith("CONFIG_")} == set(READERS)


def test_user_outweighs_any_number_of_lines() -> None:
    rows = [exact(1, Confidence.CERTAIN, line, "") for line in range(1000)]
    assert choose("X", [*rows, exact(2, Confidence.GIVEN, 0, "")]).value == 2


@pytest.mark.parametrize(
    ("lines", "options", "quantity", "value", "against"),
    [
        # The boot loader finds more than the kernel counts: the kernel is believed, and the boot loader is shown.
        ("DRAM:  1 GiB\n{}On node 0 totalpages: 131072\n", {}, "RAM", 512 * MIB, [1]),
        # What the kernel ignores belongs to the board.
        (
            "DRAM:  1 GiB\n{}Truncating RAM at 0x00000000-0x40000000 to -0x2f800000\nOn node 0 totalpages: 194560\n",
            {},
            "RAM",
            1024 * MIB,
            [],
        ),
        (
            "{}On node 0 totalpages: 4096\nmodules : 0x7f000000 - 0x80000000 ( 16 MB)\n",
            {},
            "PAGE_OFFSET",
            0x80000000,
            [],
        ),
        (
            "{}On node 0 totalpages: 4096\n lowmem  : 0x80000000 - 0x81000000   (  16 MB)\n",
            {"config": str(KERNELS / "v44" / "config.gz")},
            "PAGE_OFFSET",
            0xC0000000,
            [4],
        ),
        ("   Image Name:   Linux-4.4.0\n{}On node 0 totalpages: 4096\n", {}, "Linux", "5.10", [1]),
        ("{}On node 0 totalpages: 4096\n", {"cpu": "cortex-a9"}, "CPU", 0x410FC090, [2]),
        (
            "=> setenv bootargs console=ttyS0 root=/dev/sda1\n{}On node 0 totalpages: 4096\n",
            {},
            "command line",
            "console=ttyS0 root=/dev/sda1",
            [],
        ),
        (
            "bootargs=console=ttyS0 mem=64M\n{}On node 0 totalpages: 4096\nKernel command line: console=ttyAMA0\n",
            {},
            "command line",
            "console=ttyAMA0",
            [1],
        ),
        (
            "   Loading Ramdisk to 2f000000, end 2f100000 ... OK\n{}INITRD: 0x00800000+0x00900000 overlaps in-use "
            "memory region - disabling initrd\nOn node 0 totalpages: 131072\n",
            {},
            "initrd",
            (0x2F000000, 0x100000),
            [4],
        ),
        (
            "{}INITRD: 0x00800000+0x00900000 is not a memory region - disabling initrd\nOn node 0 totalpages: 4096\n",
            {},
            "initrd",
            (0x00800000, 0x00900000),
            [],
        ),
        ("=> bootz 0x1000000 - 0x3000000\n{}On node 0 totalpages: 65536\n", {}, "device tree", 0x3000000, []),
        (
            "{}Truncating RAM at 0x00000000-0x3b000000 to -0x2f800000\n  HighMem  [mem 0x2f800000-0x3b000000]\n",
            {},
            "CONFIG_HIGHMEM",
            "y",
            [3],
        ),
    ],
)
def test_who_is_believed_and_who_disagrees(
    lines: str, options: dict[str, Any], quantity: str, value: Any, against: list[int]
) -> None:
    found = next(each for each in predicted(lines.format(HEAD), **options).values if each.quantity == quantity)
    used = sum(bank.size for bank in found.value) if quantity == "RAM" else found.value
    assert used == value
    assert [row.line for row in found.against] == against


def test_dispute_is_printed_with_both_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"DRAM:  1 GiB\n{HEAD}On node 0 totalpages: 131072\nKernel command line: console=ttyS0\n")
    text = diagnoses_text("log", bootmap.diagnose(str(log)))
    assert "RAM                512 MiB at 0x00000000  (strong, line 4)" in text
    assert "against  line 1: the boot loader finds 1 GiB" in text
