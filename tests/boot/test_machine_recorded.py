"""Real kernels that made the static mappings of machines, and took their areas, word by word.

Debian's 6.1 was booted under QEMU with the device trees of real boards, on whatever machine has RAM where the board has
it (and so with that machine's CPU): up to the end of paging_init a kernel asks the machine's devices nothing, except
MMP's for its chip id.  The memory node is the QEMU machine's; the rest of the tree is as Debian ships it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.machines import cpu
from support.recordings import DATA, fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import Replay, boot
from bootmap.image.recording import Recording, read_recording
from bootmap.inputs.fdt import parse
from bootmap.verify.compare import ComparedAs, compare

BOOTS = Path(DATA) / "machines" / "boots"
# Which row each tree must pick, and where one of its mappings is, worked out by hand from arch/arm/mach-*.
BOARDS = {
    "am335x-boneblack-6.1": ("AM33XX", 0xF9C00000),
    "am335x-boneblack-lpae-6.1": ("AM33XX", 0xF9C00000),
    "am57xx-beagle-x15-lpae-6.1": ("DRA7", 0xFA210000),
    "dm8148-evm-6.1": ("TI81xx", 0xFA000000),
    "exynos4412-odroidu3-6.1": ("Exynos", 0xF8000000),
    "exynos5250-arndale-lpae-6.1": ("Exynos", 0xF8000000),
    "imx6q-sabrelite-6.1": ("i.MX6 Quad/DualLite", 0xF4000000),
    "mmp2-olpc-xo-1-75-lpae-6.1": ("MMP2 device tree", 0xFE000000),
    "omap3-beagle-6.1": ("OMAP3", 0xFA000000),
    "omap4-panda-6.1": ("OMAP4", 0xFC000000),
    "omap5-uevm-6.1": ("OMAP5", 0xFC000000),
    "tegra124-jetson-tk1-6.1": ("NVIDIA Tegra", 0xFE200000),
    "tegra124-jetson-tk1-lpae-6.1": ("NVIDIA Tegra", 0xFE200000),
}


def both(name: str) -> tuple[Recording, Replay]:
    recording = read_recording(str(BOOTS / f"{name}.json.gz"))
    core = cpu(recording.qemu.cpu)
    handover = Handover(parse(recording.handover()), recording.entry.r2, recording.phys_offset, core)
    return recording, boot(fresh_kernel(recording.kernel.key), handover)


def test_recorded_machines_are_all_there() -> None:
    assert sorted(path.name.removesuffix(".json.gz") for path in BOOTS.iterdir()) == sorted(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_recorded_machine(name: str) -> None:
    recording, prediction = both(name)
    machine, virtual = BOARDS[name]
    picked = prediction.state.machine.machine
    assert picked is not None
    assert picked.name == machine
    assert prediction.state.machine.unknown == ""
    assert virtual in [area.start for area in prediction.state.static_vms]
    compared = compare(recording, prediction)
    assert compared.finding is ComparedAs.EQUAL
    assert compared.words["after"] > 4000
