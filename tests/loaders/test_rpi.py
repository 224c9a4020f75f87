"""The Raspberry Pi's firmware against what public logs show, and config.txt against its documentation's examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bootmap.errors import InputError
from bootmap.facts.loaders.rpi import GPU_MEM, OLD_TOTAL, PI_MODELS, PI_MODELS_BY_NAME
from bootmap.inputs.config_txt import ConfigTxt, parse
from bootmap.loaders.rpi import PiSizes, arm_memory, place, starts_64
from bootmap.units import KIB, MIB, PAGE_SIZE, Span, merged

DOC: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "loads" / "rpi-firmware.json").read_text())
LOGS: list[dict[str, Any]] = DOC["logs"]
KERNEL = 6 * MIB


def config_of(text: str, model: str = "pi3") -> ConfigTxt:
    return parse(text, PI_MODELS_BY_NAME[model])


def number(text: str, name: str, model: str) -> int | None:
    return config_of(text, model).number(name)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log['model']}-{log['source'].rpartition('/')[2]}")
def test_firmware_in_logs(log: dict[str, Any]) -> None:
    """RAM to the page, and to the byte where initramfs and tree were loaded."""
    config = config_of(log["config"], log["model"])
    banks = arm_memory(config, PI_MODELS_BY_NAME[log["model"]], log["memory"])
    if "ram" in log:
        assert merged(banks) == tuple(Span(*row) for row in log["ram"])
    if "pages" in log:
        assert sum(bank.size for bank in banks) == log["pages"] * PAGE_SIZE
    disk, tree = log.get("initramfs"), log.get("tree")
    text = "initramfs initrd followkernel\n" if disk else ""
    sizes = PiSizes(KERNEL, disk[0] if disk else 0, tree[0] if tree else 24 * KIB)
    placed = place(config_of(log["config"] + text, log["model"]), banks[0], sizes)
    assert placed.failed == ""
    assert placed.entry == 0x8000
    if disk is not None:
        assert placed.ramdisk == Span(disk[1], disk[1] + disk[0])
    if tree is not None:
        assert placed.dtb == Span(tree[1], tree[1] + tree[0])


def test_firmware_logs_have_what_is_told() -> None:
    assert len(LOGS) == 12
    assert sum("initramfs" in log for log in LOGS) == 3
    assert sum("tree" in log for log in LOGS) == 3
    assert sum("ram" in log or "pages" in log for log in LOGS) == 9
    assert all(row["pages"] * PAGE_SIZE == OLD_TOTAL - GPU_MEM * MIB for row in DOC["of_2016"])


def test_filters() -> None:
    """conditional.adoc: filters of a kind replace each other, [all] drops them, several kinds add up."""
    text = "[pi1]\ngpu_mem=16\n[pi2]\ngpu_mem=32\n[all]\nkernel_address=0x10000\n[none]\nkernel_old=1\n[all]\n"
    assert [number(text, "gpu_mem", model) for model in ("pi1", "pi2", "pi3")] == [16, 32, None]
    assert number(text, "kernel_address", "pi3") == 0x10000
    assert number(text, "kernel_old", "pi3") is None
    both = "[pi3]\ngpu_mem=1\n[pi3+]\ngpu_mem=2\n"
    assert [number(both, "gpu_mem", model) for model in ("pi3", "pi3+")] == [1, 2]
    assert [number("[pi0w]\ngpu_mem=9\n", "gpu_mem", m) for m in ("pi0", "pi0w", "pi02")] == [None, 9, 9]
    assert number("[board-type=0x11]\ngpu_mem=9\n", "gpu_mem", "pi4") == 9
    assert number("[board-type=0x11]\ngpu_mem=9\n", "gpu_mem", "cm4") is None


def test_what_the_file_does_not_tell() -> None:
    config = config_of("[gpio4=1]\ngpu_mem=16\n[pi2]\ngpu_mem=32\n[all]\n[0x12345678]\nkernel_old=1\n", "pi3")
    assert [(name, setting.when, setting.line) for name, setting in config.maybe] == [
        ("gpu_mem", "gpio4=1", 2),
        ("kernel_old", "0x12345678", 7),
    ]
    assert config.number("gpu_mem") is None


@pytest.mark.parametrize(
    ("text", "memory", "left"),
    [
        ("", 256, 192),
        ("", 512, 448),
        ("", 1024, 948),
        ("gpu_mem=128\ngpu_mem_256=64\ngpu_mem_512=16\n", 512, 496),
        ("gpu_mem=128\ngpu_mem_1024=256\n", 1024, 768),
        ("gpu_mem=128\ngpu_mem_1024=256\n", 512, 384),
        ("gpu_mem=8\n", 512, 496),
        ("total_mem=512\n", 1024, 448),
        ("total_mem=64\n", 1024, 64),
        ("total_mem=2048\n", 1024, 948),
    ],
)
def test_gpu_mem(text: str, memory: int, left: int) -> None:
    """memory.adoc: the defaults, which setting wins, and what total_mem is clamped to."""
    assert arm_memory(config_of(text), PI_MODELS_BY_NAME["pi3"], memory) == (Span(0, left * MIB),)


def test_gpu_mem_leaves_nothing() -> None:
    assert arm_memory(config_of("gpu_mem=512\n"), PI_MODELS_BY_NAME["pi0"], 512) == ()


def test_places_that_are_set() -> None:
    """boot.adoc: kernel_address, kernel_old, an address of the initramfs; device-tree.adoc: the tree's."""
    ram, sizes = Span(0, 448 * MIB), PiSizes(KERNEL, MIB, 20 * KIB)
    placed = place(config_of("kernel_address=0x1000000\ninitramfs initramf.gz 0x00800000\n"), ram, sizes)
    assert (placed.entry, placed.ramdisk) == (0x1000000, Span(0x800000, 0x900000))
    assert place(config_of("kernel_old=1\n"), ram, sizes).entry == 0
    wanted = place(config_of("device_tree_address=0x03000000\n"), ram, sizes)
    assert wanted.dtb == Span(0x3000000, 0x3000000 + 20 * KIB)
    ended = place(config_of("device_tree_address=0x100\ndevice_tree_end=0x4000\n"), ram, sizes)
    assert "device_tree_end" in ended.failed
    told = place(config_of("device_tree_address=0x100\n"), ram, sizes, 0x2FF0000)
    assert told.dtb is not None
    assert told.dtb.start == 0x2FF0000
    full = place(config_of("initramfs x followkernel\n"), ram, PiSizes(KERNEL, 445 * MIB, 20 * KIB))
    assert "do not fit" in full.failed


@pytest.mark.parametrize(
    ("text", "model", "wide"),
    [
        ("", "pi3", False),
        ("", "pi4", True),
        ("arm_64bit=0\n", "pi4", False),
        ("arm_64bit=1\n", "pi3", True),
        ("arm_control=0x200\n", "pi3", True),
        ("kernel=kernel7l.img\n", "pi4", False),
        ("kernel=kernel8.img\narm_64bit=0\n", "pi3", True),
        ("kernel=zImage\n", "pi4", True),
    ],
)
def test_starts_64(text: str, model: str, wide: bool) -> None:
    assert starts_64(config_of(text, model), PI_MODELS_BY_NAME[model]) == wide


def test_file_format() -> None:
    """what_is_config_txt.adoc: comments, characters that do not count, the last one holds."""
    assert number("#gpu_mem=1\n  gpu_mem=2  \ngpu_mem=3\n", "gpu_mem", "pi3") == 3
    long = "kernel_address=0x8000" + " " * 77 + "0"
    assert number(long, "kernel_address", "pi3") == 0x8000
    assert [each.value for each in config_of("include extraconfig.txt\n").includes] == ["extraconfig.txt"]
    with pytest.raises(InputError, match="expected a number"):
        number("gpu_mem=much\n", "gpu_mem", "pi3")
    with pytest.raises(InputError, match=r"no config\.txt"):
        config_of("\0" * 9)


def test_models_are_apart() -> None:
    names = [name for model in PI_MODELS for name in model.compatible]
    assert len(names) == len(set(names))
