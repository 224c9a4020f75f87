"""The machine descriptions in a kernel's image.

With Debian's 6.1.0-50-armmp, vmlinuz and vmlinux both give 45: the same as ``grep -c __mach_desc_`` in its System.map,
__mach_desc_BCM2835 with "brcm,bcm2836" and "brcm,bcm2837" as in arch/arm/mach-bcm/board_bcm2835.c.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.machine_descs import BOARDS, with_machines
from support.recordings import DATA, fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.setup.machine_descs import MachineDesc, machine_descs
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs import fdt
from bootmap.inputs.atags import parse as parse_atags

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel

TREE = fdt.parse((Path(DATA) / "dtb" / "virt.dtb").read_bytes())  # linux,dummy-virt
SPITZ = parse_atags((Path(DATA) / "atags" / "spitz.bin").read_bytes())


def booted(kernel: KernelModel, board: object = TREE, machine_id: int | None = None) -> Replay:
    core = cpu_by_name("cortex-a7")
    assert core is not None
    return boot(kernel, Handover(board, 0x48000000, 0x40000000, core, machine_id=machine_id))  # type: ignore[arg-type]


def test_machine_descs_as_they_lie_in_the_image() -> None:
    assert machine_descs(with_machines(BOARDS)) == [
        MachineDesc("VIRT", 0xFFFFFFFF, ("arm,other", "Linux,Dummy-Virt")),
        MachineDesc("SPITZ", 0x2E7, ()),
    ]


def test_machine_descs_not_at_hand() -> None:
    assert machine_descs(fresh_kernel("deb-6.1")) is None
    assert machine_descs(with_machines(BOARDS, cut=0xFF0)) is None
    assert machine_descs(with_machines({})) is None


def test_check_machine_matches_without_regard_to_case() -> None:
    """of_compat_cmp is strcasecmp."""
    assert booted(with_machines(BOARDS)).outcome.verdict is Verdict.BOOTS


def test_check_machine_none_for_the_tree() -> None:
    others = {"OTHER": (1, ("arm,other",)), "SPITZ": BOARDS["SPITZ"]}
    prediction = booted(with_machines(others))
    assert prediction.outcome.verdict is Verdict.DIES
    assert (prediction.outcome.stage, prediction.hazards[-1].id) == ("setup_machine_fdt", "machine-not-found")
    assert booted(with_machines(others, generic=True)).outcome.verdict is Verdict.BOOTS


@pytest.mark.parametrize(("number", "found"), [(0x2E7, True), (0x2E8, False), (None, True)])
def test_check_machine_by_number(number: int | None, found: bool) -> None:
    prediction = booted(with_machines(BOARDS, generic=True), SPITZ, number)
    assert ("machine-not-found" not in [hazard.id for hazard in prediction.hazards]) is found
