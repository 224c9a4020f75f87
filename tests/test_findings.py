"""The maps that kill kernels, boards/findings: what bootmap says of each is what came of it when it was booted.

booted.json holds what real kernels did under QEMU; the page's table must say the same.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.recordings import fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs.fdt import parse
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text

REPOSITORY = Path(__file__).parent.parent
FOLDER = REPOSITORY / "boards" / "findings"
PAGE = (REPOSITORY / "docs" / "findings.md").read_text()
BOOTED: dict[str, Any] = json.loads((FOLDER / "booted.json").read_text())
BOOTS = [(name, key) for name, row in BOOTED.items() for key in row["boots"]]
COLUMNS = ("deb-5.10", "deb-6.1", "deb-6.1-lpae", "deb-6.12", "deb-7.2", "v7")


@cache
def predicted(name: str, key: str) -> Replay:
    row, cpu = BOOTED[name], cpu_by_name("cortex-a15")
    assert cpu is not None
    board = parse((FOLDER / f"{name}.dtb").read_bytes())
    return boot(fresh_kernel(key), Handover(board, int(row["dtb_at"], 16), int(row["phys_offset"], 16), cpu))


def dies_later(prediction: Replay) -> bool:
    """Behind paging_init: the boots were watched up to its return."""
    return prediction.outcome.verdict is Verdict.DIES and prediction.stage("paging_init") is not None


@pytest.mark.parametrize(("name", "key"), BOOTS)
def test_finding_is_predicted(name: str, key: str) -> None:
    """Who came back was not said to die, and who died was not said to boot."""
    came_back, prediction = "returned" in BOOTED[name]["boots"][key], predicted(name, key)
    if not came_back:
        assert prediction.outcome.verdict is not Verdict.BOOTS
        assert not dies_later(prediction)
    else:
        assert prediction.outcome.verdict is not Verdict.DIES or dies_later(prediction)


@pytest.mark.parametrize("name", BOOTED)
def test_finding_is_in_the_page(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| [{name}]("))
    said = dict(zip(COLUMNS, row.split(" | ")[1:], strict=True))
    for key, outcome in BOOTED[name]["boots"].items():
        prediction = predicted(name, key)
        word = "boots" if prediction.outcome.verdict is Verdict.BOOTS else "luck"
        if "never_reached" in outcome:
            word = "dies"
        elif dies_later(prediction):
            word = "dies later"
        assert said[key].strip(" |*") == word
    assert f"\n## {name}\n" in PAGE


def test_findings_are_all_there() -> None:
    """Every device tree has its source, its boots and its section, and nothing else has."""
    names = set(BOOTED)
    assert names == {path.stem for path in FOLDER.glob("*.dtb")} == {path.stem for path in FOLDER.glob("*.dts")}
    assert names == set(re.findall(r"^## ([\w.-]+)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", BOOTED)
def test_finding_is_one(name: str) -> None:
    """Some kernel dies of it, or survives on stale TLB entries."""
    assert any(predicted(name, key).outcome.verdict is not Verdict.BOOTS for key in BOOTED[name]["boots"])


@pytest.mark.parametrize(("key", "last"), [("deb-5.10", 0x577FFFFF), ("deb-6.1", 0x56FFFFFF)])
def test_lowmem_with_vmalloc_is_what_the_kernel_printed(key: str, last: int) -> None:
    """2 GiB on QEMU's virt with vmalloc=640M: the end of the DMA zone in the boot's log."""
    tree = MadeNode(properties={"#address-cells": cells(1), "#size-cells": cells(1)})
    tree.add("chosen", {"bootargs": text("vmalloc=640M")})
    tree.add("memory@40000000", {"device_type": text("memory"), "reg": cells(0x40000000, 0x80000000)})
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    replay = boot(fresh_kernel(key), Handover(parse(flatten(tree)), 0x48000000, 0x40000000, cpu))
    assert replay.state.zones[0].name == "DMA"
    assert (replay.state.zones[0].end_pfn << 12) - 1 == last
    assert f"`DMA [mem 0x40000000-{last:#010x}]`" in PAGE


def test_boot_rom_at_the_start_of_ram() -> None:
    """The areas of meson8-fernsehfee3 in the RAM of QEMU's virt: 7.2.12 came back, and nobody can know beforehand."""
    tree = MadeNode(properties={"#address-cells": cells(1), "#size-cells": cells(1)})
    tree.add("memory@40000000", {"device_type": text("memory"), "reg": cells(0x40000000, 0x40000000)})
    areas = tree.add("reserved-memory", {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""})
    areas.add("hwrom@40000000", {"reg": cells(0x40000000, 0x200000), "no-map": b""})
    areas.add("power-firmware@44f00000", {"reg": cells(0x44F00000, 0x100000), "no-map": b""})
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    outcome = boot(fresh_kernel("deb-7.2"), Handover(parse(flatten(tree)), 0x48000000, 0x40000000, cpu)).outcome
    assert outcome.verdict is Verdict.UNCERTAIN
    assert (outcome.stage, outcome.reason and outcome.reason[:56]) == (
        "prepare_page_table",
        "prepare_page_table() unmaps 25 MiB of the running kernel",
    )


def bmc_with_pools(key: str, ram: int, video: int) -> Replay:
    """The two pools of aspeed-bmc-facebook-anacapa, in so much RAM."""
    tree = MadeNode(properties={"#address-cells": cells(1), "#size-cells": cells(1)})
    tree.add("memory@80000000", {"device_type": text("memory"), "reg": cells(0x80000000, ram)})
    areas = tree.add("reserved-memory", {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""})
    pool = {"compatible": text("shared-dma-pool"), "reusable": b""}
    areas.add("video", {**pool, "size": cells(video), "alignment": cells(0x100000)})
    areas.add("framebuffer", {**pool, "size": cells(0x1000000), "alignment": cells(0x1000000)})
    cpu = cpu_by_name("cortex-a7")
    assert cpu is not None
    return boot(fresh_kernel(key), Handover(parse(flatten(tree)), 0x88000000, 0x80000000, cpu))


@pytest.mark.parametrize("key", ["deb-5.10", "deb-6.1", "deb-6.12", "deb-7.2"])
def test_bmc_loses_its_video_pool(key: str) -> None:
    """Booted with its own tree on QEMU's fuji-bmc: 44 MiB are refused, the other pool is made."""
    replay = bmc_with_pools(key, 2 << 30, 44 << 20)
    assert replay.outcome.verdict is Verdict.BOOTS
    assert "OF: reserved mem: node video compatible matching fail" in replay.state.dmesg
    assert [(area.name, area.base) for area in replay.state.reserved_areas] == [("framebuffer", 0xFE000000)]


def test_bmc_with_a_video_pool_of_48_mib() -> None:
    """Booted likewise, the size changed in its tree."""
    state = bmc_with_pools("deb-7.2", 2 << 30, 48 << 20).state
    assert [(area.name, area.base) for area in state.cma_areas] == [
        ("video", 0xFC800000),
        ("framebuffer", 0xFB000000),
        ("reserved", 0xF3000000),
    ]


@pytest.mark.parametrize(("key", "lives"), [("deb-6.1", True), ("deb-6.12", False), ("deb-7.2", False)])
def test_bmc_with_less_ram_dies_of_its_video_pool(key: str, lives: bool) -> None:
    """Booted likewise with 512 MiB: 6.1.176 comes up, the newer ones print nothing behind their default area."""
    outcome = bmc_with_pools(key, 512 << 20, 44 << 20).outcome
    assert (outcome.verdict is Verdict.BOOTS) == lives
    assert outcome.verdict is Verdict.BOOTS or outcome.stage == "dma_contiguous_remap"
