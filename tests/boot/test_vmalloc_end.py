"""VMALLOC_END by version and platform, as mach/vmalloc.h of 2.6.38 to 3.2 and asm/pgtable.h since have it."""

from __future__ import annotations

import pytest
from support.recordings import fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.state import BootState
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs.kconfig import parse

VIRT = fresh_kernel("v7")


def kernel(version: tuple[int, ...], options: bytes) -> KernelModel:
    return KernelModel(version, None, parse(b"CONFIG_MMU=y\nCONFIG_VMSPLIT_3G=y\n" + options), VIRT.symbols)


@pytest.mark.parametrize(
    ("version", "options", "end", "known"),
    [
        ((2, 6, 38), b"CONFIG_ARCH_VERSATILE=y\n", 0xD8000000, True),
        ((3, 0), b"CONFIG_ARCH_OMAP2PLUS=y\n", 0xF8000000, True),
        ((3, 2), b"CONFIG_ARCH_KIRKWOOD=y\n", 0xFE800000, True),
        ((3, 2), b"CONFIG_ARCH_MXC=y\n", 0xF4000000, True),
        ((3, 2), b"", 0xFF000000, False),
        ((3, 3), b"CONFIG_ARCH_VERSATILE=y\n", 0xFF000000, True),
        ((4, 3), b"", 0xFF000000, True),
        ((4, 4), b"", 0xFF800000, True),
    ],
)
def test_vmalloc_end(version: tuple[int, ...], options: bytes, end: int, known: bool) -> None:
    found = kernel(version, options)
    assert (found.vmalloc_end, found.vmalloc_end_known) == (end, known)


@pytest.mark.parametrize(
    ("version", "options", "said"),
    [
        ((3, 1), b"", ["as from 3.3 on"]),
        ((3, 1), b"CONFIG_ARCH_OMAP2PLUS=y\n", ["0xf8000000, as mainline has it"]),  # vendors had other ones
        ((3, 3), b"CONFIG_ARCH_OMAP2PLUS=y\n", []),
    ],
)
def test_vmalloc_end_is_said_where_it_is_assumed(version: tuple[int, ...], options: bytes, said: list[str]) -> None:
    cpu = cpu_by_name("cortex-a9")
    assert cpu is not None
    state = BootState(kernel(version, options), Handover(None, 0, 0x80000000, cpu), smp=False)
    state.assume_unknown()
    found = [each for each in state.assumptions if "VMALLOC_END" in each.text]
    assert [each.option for each in found] == ["--vmalloc-end"] * len(said)
    assert all(words in each.text for words, each in zip(said, found, strict=True))
