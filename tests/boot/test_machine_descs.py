"""The machine descriptions in a kernel's image.

With Debian's 6.1.0-50-armmp, vmlinuz and vmlinux both give 45: the same as ``grep -c __mach_desc_`` in its System.map,
__mach_desc_BCM2835 with "brcm,bcm2836" and "brcm,bcm2837" as in arch/arm/mach-bcm/board_bcm2835.c.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from support.recordings import DATA, fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.setup.machine_descs import MachineDesc, machine_descs
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs import fdt
from bootmap.inputs.atags import parse as parse_atags
from bootmap.inputs.kernel_file import KernelFile
from bootmap.inputs.symbols import Symbols

TEXT = 0xC0208000
TREE = fdt.parse((Path(DATA) / "dtb" / "virt.dtb").read_bytes())  # linux,dummy-virt
SPITZ = parse_atags((Path(DATA) / "atags" / "spitz.bin").read_bytes())
DESC_BYTES = 0x6C


def with_machines(
    machines: dict[str, tuple[int, tuple[str, ...]]], *, generic: bool = False, cut: int = 0
) -> KernelModel:
    """A kernel whose image holds these descriptions, their lists of strings, and nothing else."""
    image = bytearray(0x1000)
    free = DESC_BYTES * len(machines) + 0x20
    symbols = {"__arch_info_begin": TEXT, "__arch_info_end": TEXT + DESC_BYTES * len(machines)}
    if generic:
        symbols["__mach_desc_GENERIC_DT.4"] = TEXT
    for index, (name, (number, compatible)) in enumerate(machines.items()):
        pointers = []
        for text in compatible:
            raw = text.encode() + b"\0"
            image[free : free + len(raw)] = raw
            pointers.append(TEXT + free)
            free += len(raw)
        free = (free + 3) & ~3
        table = struct.pack(f"<{len(pointers) + 1}I", *pointers, 0) if pointers else b""
        image[free : free + len(table)] = table
        at = DESC_BYTES * index
        struct.pack_into("<4I", image, at, number, 0, 0x100, TEXT + free if table else 0)
        free += len(table)
        symbols[f"__mach_desc_{name}"] = TEXT + at
    parsed = fresh_kernel("deb-6.1")
    names = {name: parsed.symbols[name] for name in parsed.symbols} | symbols
    table_of_symbols = Symbols(list(names), list(names.values()), ["T"] * len(names))
    file = KernelFile(kind="Image", path="Image", image=bytes(image[: len(image) - cut]))
    return KernelModel(parsed.version, parsed.sublevel, parsed.config, table_of_symbols, file=file)


BOARDS = {"VIRT": (0xFFFFFFFF, ("arm,other", "Linux,Dummy-Virt")), "SPITZ": (0x2E7, ())}


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
