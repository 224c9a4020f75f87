"""kexec and kdump against real ones: Debian's kernels and kexec-tools under QEMU, recorded with tools/record-kexec.

Each boot: the first kernel with its own tree, kexec in its userland, then the second kernel at the entry of paging_init
and at its return.  What the second was handed is compared byte for byte, its memblock and tables to the word.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.recordings import fresh_kernel

from bootmap.assemble.zimage import describe
from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.restart import RESTART_FEATURE, soft_restart
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.setup.standard_resources import system_ram
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.image.recording import Recording
from bootmap.inputs import fdt
from bootmap.inputs.fdt_writer import editable, flatten
from bootmap.loaders.kexec import KexecCall, KexecPlaced, load
from bootmap.units import MIB, Span
from bootmap.verify.compare import compare

DATA = Path(__file__).parent.parent / "data" / "kexec"
NAMES = sorted(path.name for path in DATA.glob("*.json.gz"))
RAM = 0x40000000


@cache
def boots(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.json.decode(gzip.decompress((DATA / name).read_bytes()))["boots"]
    return rows


ALL = [(name, i) for name in NAMES for i in range(len(boots(name)))]


def first(row: dict[str, Any]) -> tuple[bytes, Replay]:
    """The first kernel's tree, and its boot as predicted."""
    tree = zlib.decompress(base64.b64decode(row["first"][0]))
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    return tree, boot(fresh_kernel(row["key"]), Handover(fdt.parse(tree), row["first"][1], RAM, cpu))


def called(row: dict[str, Any], tree: bytes, replay: Replay) -> KexecCall:
    size, unpacked, bss = row["zimage"]
    version = row["version"]
    return KexecCall(
        (version[0], version[1], version[2]),
        size,
        unpacked,
        bss,
        fdt.parse(tree),
        system_ram(replay.state),
        row["cpus"],
        replay.state.crashk_res,
        row["on_crash"],
        row["ramdisk"],
        row["append"],
        row["image_size"],
        fresh_kernel(row["key"]).has("rng_seed_taken"),
    )


def placed(row: dict[str, Any]) -> KexecPlaced:
    return load(called(row, *first(row)))


def second(row: dict[str, Any], result: KexecPlaced) -> Replay:
    """The second kernel's boot, from what was predicted of kexec alone."""
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    assert result.dtb is not None
    tree, kernel = fdt.parse(result.blob), fresh_kernel(row["key"])
    offset, _ = phys_offset(kernel, tree, result.kernel.start)
    assert offset is not None
    zimage = describe(kernel, row["zimage"][0], result.kernel.start, offset, [])
    return boot(fresh_kernel(row["key"]), Handover(tree, result.dtb.start, offset, cpu, zimage=zimage))


@pytest.mark.parametrize(("name", "i"), ALL)
def test_load_places_as_kexec_does(name: str, i: int) -> None:
    row = boots(name)[i]
    result = placed(row)
    assert (result.failed == "") == row["loaded"]
    if row["recording"] is None:
        return
    recording = msgspec.convert(row["recording"], Recording)
    assert result.dtb is not None
    assert result.dtb.start == row["r2"]
    theirs = recording.handover()
    used = int.from_bytes(theirs[12:16], "big") + int.from_bytes(theirs[32:36], "big")
    assert result.blob[:used] == theirs[:used]
    assert len(result.blob) == len(theirs)


@pytest.mark.parametrize(("name", "i"), [(name, i) for name, i in ALL if boots(name)[i]["recording"]])
def test_second_kernel_memblock_and_tables_to_the_word(name: str, i: int) -> None:
    row = boots(name)[i]
    recording = msgspec.convert(row["recording"], Recording)
    comparison = compare(recording, second(row, placed(row)))
    assert comparison.differences == ()
    assert not comparison.finding.is_wrong
    if isinstance(recording.outcome, msgspec.UnsetType):
        assert sum(comparison.words.values()) > 5000
        assert comparison.lists == 6


@pytest.mark.parametrize(("name", "i"), [(name, i) for name, i in ALL if boots(name)[i]["loaded"]])
def test_soft_restart_dies_where_the_kernel_says_it_did(name: str, i: int) -> None:
    """The prefetch abort of its oops, or that it came to the second kernel."""
    row = boots(name)[i]
    fault = soft_restart(first(row)[1].state)
    if row["recording"] is not None:
        assert fault is None
        return
    address, status = row["restart"]
    assert fault is not None
    assert address in fault.idmap
    assert fault.idmap.size < 0x100
    assert status == fault.status


def test_soft_restart_with_the_change_of_7_1() -> None:
    """6.12 that has taken it from there; the option alone is no reason."""
    row = next(row for name, i in ALL if (row := boots(name)[i]).get("restart"))
    state = first(row)[1].state
    assert state.kernel.config.enabled("CPU_TTBR0_PAN")
    own = state.kernel
    for overrides, version in (({RESTART_FEATURE: False}, own.version), ({}, (7, 1))):
        state.kernel = KernelModel(version, None, own.config, own.symbols, overrides)
        assert soft_restart(state) is None
    state.kernel = KernelModel((7, 0), None, own.config, own.symbols)
    assert soft_restart(state) is not None


def test_recordings_are_enough() -> None:
    rows = [boots(name)[i] for name, i in ALL]
    died = [row for row in rows if row.get("restart")]
    assert sum(row["on_crash"] for row in died) >= 4
    assert sum(not row["on_crash"] for row in died) >= 3
    booted = [row for row in rows if row["recording"] and "outcome" not in row["recording"]]
    assert sum(row["on_crash"] for row in booted) >= 8
    assert sum(not row["on_crash"] for row in booted) >= 3
    overwritten = [row for row in rows if row["recording"] and "outcome" in row["recording"]]
    assert len(overwritten) >= 2  # the tree
    assert len({row["key"] for row in booted}) >= 4


def call(**changes: Any) -> KexecCall:
    """A small machine: 256 MiB, 64 MiB of it for a crash kernel."""
    tree = (DATA.parent / "dtb" / "virt.dtb").read_bytes()
    values: dict[str, Any] = {
        "version": (2, 0, 25),
        "size": 5 * MIB,
        "unpacked": 16 * MIB,
        "bss": MIB,
        "tree": fdt.parse(tree),
        "ram": (Span(RAM, RAM + 256 * MIB),),
        "crash": Span(RAM + 128 * MIB, RAM + 192 * MIB),
        "on_crash": True,
    }
    return KexecCall(**(values | changes))


def test_load_before_2_0_23_the_crash_kernel_is_told_by_the_command_line_alone() -> None:
    """kexec-tools commit 5f8d632, first in 2.0.23."""
    for version, told in (((2, 0, 22), False), ((2, 0, 23), True)):
        chosen = fdt.parse(load(call(version=version)).blob).node("/chosen")
        assert chosen is not None
        assert (chosen.get("linux,usable-memory-range") is not None) is told
        bootargs = chosen.get("bootargs")
        assert bootargs is not None
        assert b" elfcorehdr=0x4bf00000 mem=64512K" in bootargs.value


def test_load_headers_of_64_bits_on_2_mib_since_2_0_29() -> None:
    """kexec-tools commit 2a3e54e: with RAM above 4 GiB the headers have 64 bits."""
    ram = (Span(RAM, RAM + 256 * MIB), Span(1 << 32, (1 << 32) + 256 * MIB))
    crash = Span(RAM + 128 * MIB, RAM + 191 * MIB)
    for version, at in (((2, 0, 28), 0x4BE00000), ((2, 0, 29), 0x4BC00000 + 2 * MIB)):
        result = load(call(version=version, ram=ram, crash=crash))
        assert result.elfcorehdr is not None
        assert result.elfcorehdr.start == at, version


def test_load_refusals() -> None:
    assert load(call(crash=None)).failed == "Memory for crashkernel is not reserved"
    small = call(crash=Span(RAM + 128 * MIB, RAM + 144 * MIB))
    assert "Cannot assign requested address" in load(small).failed
    meets = call(crash=Span(RAM + 128 * MIB, RAM + 151 * MIB), ramdisk=MIB)
    assert load(meets).failed.startswith("Overlapping memory segments at 0x496")
    assert load(meets).failed.endswith("(the initrd and the crash headers)")
    assert load(call(command_line="x" * 1000)).failed == "Command line overflow"
    assert "Could not find a free area" in load(call(on_crash=False, ramdisk=250 * MIB)).failed


def test_load_without_table_of_sizes_five_times_the_zimage() -> None:
    result = load(call(on_crash=False, unpacked=None, bss=None, size=4 * MIB))
    assert result.dtb is not None
    assert result.dtb.start == RAM + 0x8000 + 5 * (4 * MIB + 0x11000) + 4096


def test_load_a_tree_with_one_cell_cannot_tell_of_much() -> None:
    """setup_dtb_prop_range: the properties have the root's cells."""
    root = editable(fdt.parse((DATA.parent / "dtb" / "virt.dtb").read_bytes()))
    root.properties["#address-cells"] = root.properties["#size-cells"] = b"\0\0\0\1"
    chosen = fdt.parse(load(call(tree=fdt.parse(flatten(root)))).blob).node("/chosen")
    assert chosen is not None
    area = chosen.get("linux,usable-memory-range")
    assert area is not None
    assert area.value == (RAM + 128 * MIB).to_bytes(4, "big") + (64 * MIB).to_bytes(4, "big")
