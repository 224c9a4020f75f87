"""No machine with callbacks passes for one without: what the kernels' sources have, against the two tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.machines import number
from support.recordings import DATA, fresh_kernel
from support.trees import Node, blob, text

from bootmap.boot.kernel import KernelModel
from bootmap.boot.setup.machine import pick_machine
from bootmap.facts.machines.numbers import NUMBERS_GONE
from bootmap.facts.machines.table import CALLBACKS, MACHINES
from bootmap.inputs.atags import parse as parse_atags
from bootmap.inputs.fdt import parse as parse_fdt
from bootmap.inputs.kconfig import parse

# What trees of these boards also name, behind the board: the kernel may know the board only.
FAMILY = {
    "mach-kirkwood": "marvell,kirkwood",
    "mach-spear": "st,spear",
    "mach-spear13xx": "st,spear",
    "mach-spear3xx": "st,spear",
    "mach-msm": "qcom,msm8660-surf",
}
SHMOBILE = {
    "renesas,armadillo800eva": "renesas,r8a7740",
    "renesas,kzm9d": "renesas,emev2",
    "renesas,kzm9g": "renesas,sh73a0",
    "renesas,mackerel": "renesas,sh7372",
    "renesas,marzen": "renesas,r8a7779",
    "renesas,lager": "renesas,r8a7790",
    "renesas,koelsch": "renesas,r8a7791",
}


def rows() -> list[tuple[str, str, str, str, str]]:
    lines = (Path(DATA) / "machines" / "callbacks.txt").read_text().splitlines()
    found = [tuple(line.split()) for line in lines if not line.startswith("#")]
    return [(folder, name, first, last, what) for folder, name, first, last, what in found]


def everything() -> bytes:
    """A configuration with every option that any machine needs, and none that any machine must not have."""
    asked = {option for machine in MACHINES for option in machine.options}
    asked |= {callback.option for callback in CALLBACKS.values()}
    wanted = {option for option in asked if not option.startswith("!") and f"!{option}" not in asked}
    return "".join(f"CONFIG_{option}=y\n" for option in sorted(wanted | {"ARM_LPAE"})).encode()


def names(folder: str, name: str) -> list[str]:
    family = FAMILY.get(folder, "")
    if family == "st,spear":
        family = name.removesuffix("-evb").removesuffix("-hmi")
    if folder == "mach-mxs":
        family = name.removesuffix("-evk")
    if folder == "mach-shmobile":
        family = SHMOBILE.get(name.removesuffix("-reference"), "")
    return [name, family] if family else [name]


def numbers() -> list[tuple[int, str, str]]:
    lines = (Path(DATA) / "machines" / "numbers.txt").read_text().splitlines()
    return [(int(line.split()[0]), line.split()[1], line.split()[2]) for line in lines if not line.startswith("#")]


def test_numbers_are_known_as_long_as_kernels_have_them() -> None:
    """The last release with a description is told what its callbacks do, or that they are unknown; later ones only
    that there is no description."""
    listed = {machine_id for machine in MACHINES for machine_id in machine.machine_ids}
    assert listed == {machine_id for machine_id, _, _ in numbers()}
    for machine_id, _, last in numbers():
        for version, there in ((number(last), True), ((9, 0), machine_id not in NUMBERS_GONE)):
            kernel = KernelModel(version, None, parse(everything()), fresh_kernel("v7").symbols)
            unknown = pick_machine(kernel, parse_atags((Path(DATA) / "atags" / "spitz.bin").read_bytes()), machine_id)
            assert ("has no description" in unknown.unknown) != there, machine_id
        assert last == "7.3" or number(last) < NUMBERS_GONE[machine_id], machine_id


@pytest.mark.parametrize(("folder", "name", "first", "last", "what"), rows(), ids=lambda text: text)
def test_machine_with_callbacks_is_known_or_said_unknown(
    folder: str, name: str, first: str, last: str, what: str
) -> None:
    root = Node("", {"compatible": text(*names(folder, name))})
    board = parse_fdt(blob(root))
    for release in {first, last}:
        kernel = KernelModel(number(release), None, parse(everything()), fresh_kernel("v7").symbols)
        picked = pick_machine(kernel, board, None)
        if picked.unknown:
            continue
        assert picked.machine is not None, f"{release}: {what} passes for nothing"
        assert ("map_io" in what) == (picked.machine.maps is not None), release
        assert ("reserve" in what) == bool(picked.machine.reserve), release
        assert ("dma_zone_size" in what) == bool(picked.machine.dma_zone_size), release
