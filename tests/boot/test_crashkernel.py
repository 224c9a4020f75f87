"""crashkernel= against what Debian's kernels said on QEMU's virt machine: their own lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recordings import fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.reserve.parse_crashkernel import Crashkernel, parse
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs import fdt
from bootmap.inputs.fdt_writer import cells, editable, flatten, text
from bootmap.units import MIB

VIRT = fdt.parse((Path(__file__).parent.parent / "data" / "dtb" / "virt.dtb").read_bytes())
IN_USE = "crashkernel reservation failed - memory is in use."


def booted(key: str, memory: int, value: str) -> Replay:
    """As QEMU starts it: the tree at 128 MiB into RAM."""
    root = editable(VIRT)
    node = next(child for child in root.children if child.name.startswith("memory"))
    node.properties["reg"] = cells(0x40000000, memory * MIB, width=2)
    root.child("chosen").properties["bootargs"] = text(f"console=ttyAMA0 crashkernel={value}")
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    return boot(fresh_kernel(key), Handover(fdt.parse(flatten(root)), 0x48000000, 0x40000000, cpu))


def said(size: int, at: int) -> str:
    return f"Reserving {size}MB of memory at {at}MB for crashkernel (System RAM: 496MB)"


# Linux, crashkernel= -> the line that it logged with 496 MiB
SEEN = [
    ("deb-6.1", "64M", said(64, 1408)),
    ("deb-6.1", "128M", said(128, 1280)),
    ("deb-6.1", "64M@0x50000000", said(64, 1280)),
    ("deb-6.1", "64M@0x50100000", said(64, 1281)),
    ("deb-6.1", "16M@0x40100000", IN_USE),
    ("deb-6.1", "256M-512M:16M,512M-:64M", said(64, 1408)),
    ("deb-6.1", "256M-:32M@0x48000000", IN_USE),
    ("deb-6.1", "256M-:32M@0x4c000000", said(32, 1216)),
    ("deb-6.1", "64Q", "crashkernel: unrecognized char: Q"),
    ("deb-6.1", "600M", "crashkernel reservation failed - No suitable area found."),
    ("deb-5.10", "256M-512M:16M,512M-:64M", said(16, 1408)),
    ("deb-5.10", "64M", said(64, 1408)),
    ("deb-5.10", "16M@0x40100000", IN_USE),
    ("deb-6.12", "256M-512M:16M,512M-:64M", said(64, 1408)),
    ("deb-6.12", "64M", said(64, 1408)),
    ("deb-7.2", "256M-512M:16M,512M-:64M", said(64, 1280)),
    ("deb-7.2", "64M", said(64, 1280)),
    ("deb-7.2", "16M@0x40100000", IN_USE),
]


@pytest.mark.parametrize(("key", "value", "line"), SEEN)
def test_reserve_crashkernel_says_what_the_kernel_said(key: str, value: str, line: str) -> None:
    replay = booted(key, 496, value)
    assert [text for text in replay.state.dmesg if "rashkernel" in text] == [line]
    assert replay.outcome.verdict is Verdict.BOOTS
    failed = [hazard.id for hazard in replay.hazards]
    assert failed == (["crashkernel-failed"] if "failed" in line else [])


def test_reserve_crashkernel_zero_is_nothing() -> None:
    """Nothing was logged."""
    assert not [text for text in booted("deb-6.1", 496, "0").state.dmesg if "rashkernel" in text]


def test_reserve_crashkernel_above_lowmem_before_4_12() -> None:
    """A public report: DRA74x, 1.5 GiB, Linux 4.11: the area lay in highmem, and kexec oopsed."""
    kernel = fresh_kernel("deb-6.1")
    kernel.overrides["crashkernel_in_lowmem"] = False
    root = editable(VIRT)
    node = next(child for child in root.children if child.name.startswith("memory"))
    node.properties["reg"] = cells(0x40000000, 1536 * MIB, width=2)
    root.child("chosen").properties["bootargs"] = text("crashkernel=64M")
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    replay = boot(kernel, Handover(fdt.parse(flatten(root)), 0x48000000, 0x40000000, cpu))
    (hazard,) = [hazard for hazard in replay.hazards if hazard.id == "crashkernel-above-lowmem"]
    assert hazard.address == 0x98000000
    assert "crashkernel=64M@0x68000000" in hazard.message


@pytest.mark.parametrize(
    ("value", "ram", "found"),
    [
        ("64M@16M", 512, Crashkernel(64 * MIB, 16 * MIB)),
        ("0-256M:8M,256M-:16M", 256, Crashkernel(16 * MIB, 0)),
        ("1G-:16M", 256, Crashkernel(0, 0, "crashkernel size resulted in zero bytes")),
        ("256M-128M:16M", 256, Crashkernel(0, 0, "crashkernel: end <= start")),
        ("256M-512M", 256, Crashkernel(0, 0, "crashkernel: unrecognized char: -")),
        ("M", 256, Crashkernel(0, 0, "crashkernel: memory value expected")),
        ("0-:300M", 256, Crashkernel(0, 0, "crashkernel: invalid size")),
    ],
)
def test_parse_by_the_source(value: str, ram: int, found: Crashkernel) -> None:
    assert parse(value, ram * MIB) == found
