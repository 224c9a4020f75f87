"""The EFI stub's own placements against recorded boots (tools/record-efi): EDK2 and two U-Boots, five kernels.

A recording has the map at ExitBootServices.  What the stub and the firmware's loader took is loader data there; free
again, it is the map as a shell shows it before.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from bootmap.inputs.efi_map import EfiDescriptor, EfiMap
from bootmap.loaders.efi_stub import StubPlaced, stub_places
from bootmap.units import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

DATA = Path(__file__).parent.parent / "data"
ROWS: list[dict[str, Any]] = [
    row
    for path in sorted((DATA / "efi").glob("*.json.gz"))
    for row in msgspec.json.decode(gzip.decompress(path.read_bytes()))["boots"]
]
TEXT_OFFSET = 0x208000
"""Of all Debian kernels here: the zImages' tables of sizes say so."""
FREE, LOADER_DATA, LIMIT = 7, 2, 0x60000000


def before(found: EfiMap) -> EfiMap:
    merged: list[EfiDescriptor] = []
    for row in sorted(found.rows, key=lambda each: each.start):
        one = replace(row, kind=FREE) if row.kind == LOADER_DATA else row
        if merged and merged[-1].kind == one.kind == FREE and merged[-1].end == one.start:
            merged[-1] = replace(merged[-1], size=merged[-1].size + one.size)
        else:
            merged.append(one)
    return replace(found, rows=tuple(merged))


def predicted(row: dict[str, Any]) -> tuple[EfiMap, StubPlaced]:
    found = msgspec.convert(row["map"], EfiMap)
    size = found.initrd[1] if found.initrd is not None else 0
    return found, stub_places(before(found), TEXT_OFFSET, size, tree_limited=row["key"] == "deb-5.10")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['key']}-{row['memory']}")
def test_stub_places(row: dict[str, Any]) -> None:
    """The kernel's room exactly; initrd and tree where they were, or above."""
    found, placed = predicted(row)
    assert placed.failed == ""
    assert placed.phys_offset == row["recording"]["phys_offset"]
    taken = [each for each in found.rows if each.kind == LOADER_DATA]
    assert any(each.start == placed.kernel.start and each.size == placed.kernel.size for each in taken)
    assert placed.tree is not None
    assert row["r2"] <= placed.tree.start
    if found.initrd is not None:
        assert placed.initrd is not None
        assert found.initrd[0] <= placed.initrd.start
        if row["memory"] > 512:  # the limit decides, whatever the firmware did at the end of RAM
            assert found.initrd[0] == placed.initrd.start
            assert placed.initrd.end <= LIMIT


def test_stub_places_recordings_have_what_is_told() -> None:
    initrds = [row for row in ROWS if row["map"].get("initrd") and row["memory"] > 512]
    limited = [row for row in ROWS if row["key"] == "deb-5.10" and row["memory"] > 512]
    assert len(ROWS) >= 40
    assert len(initrds) >= 4
    assert all(row["r2"] + 2 * MIB <= LIMIT for row in limited)
    above = [row for row in ROWS if row["key"] != "deb-5.10" and row["memory"] > 512]
    assert any(row["r2"] > LIMIT for row in above)


def a_map(*rows: tuple[int, int, int]) -> EfiMap:
    return EfiMap(tuple(EfiDescriptor(kind, start, size, 0xF) for kind, start, size in rows))


def test_stub_places_firmware_at_the_start_of_ram() -> None:
    """handle_kernel_image: what lies below the page directory may stay, more moves the kernel by 4 MiB."""
    for taken, start in ((1 * MIB, 0x40000000), (3 * MIB, 0x40400000)):
        found = a_map((6, 0x40000000, taken), (FREE, 0x40000000 + taken, GIB))
        assert stub_places(found, TEXT_OFFSET, 0, tree_limited=False).phys_offset == start


def test_stub_places_no_room() -> None:
    assert "no 32 MiB" in stub_places(a_map((FREE, 0x40000000, 16 * MIB)), TEXT_OFFSET, 0, tree_limited=False).failed
    found = a_map((FREE, 0x40000000, 64 * MIB))
    assert "initrd" in stub_places(found, TEXT_OFFSET, 48 * MIB, tree_limited=False).failed


def test_plan_loader_efi(command_line: CommandLine, tmp_path: Path) -> None:
    """The map as an EFI shell prints it: made of a recorded one."""
    row = next(row for row in ROWS if row["key"] == "deb-6.1" and row["memory"] == 1024)
    found, placed = predicted(row)
    names = {FREE: "Available", LOADER_DATA: "LoaderData", 3: "BS_Code", 4: "BS_Data", 1: "LoaderCode"}
    lines = [
        f"{names.get(each.kind, 'RT_Data'):10} {each.start:016X}-{each.end - 1:016X} {each.size >> 12:016X} "
        f"{each.attributes:016X}"
        for each in before(found).rows
    ]
    (tmp_path / "memmap").write_text("\n".join(lines))
    kernel = DATA / "kernels" / "deb-6.1"
    words = ("--config", kernel / "config.gz", "--system-map", kernel / "System.map")
    code, out, _ = command_line(
        "plan",
        DATA / "dtb" / "virt.dtb",
        "--loader",
        "efi",
        "--efi-map",
        tmp_path / "memmap",
        *words,
        "--ramdisk",
        "9M",
    )
    assert code == 0, out
    assert out.startswith("BOOTS  ")
    assert placed.tree is not None
    assert f"{0x60000000 - 9 * MIB:#010x}" in out
    assert f"the device tree lies at {placed.tree.start:#010x}, or below" in out.replace("\n    ", " ")
    code, _, err = command_line("plan", DATA / "dtb" / "virt.dtb", "--loader", "efi", *words)
    assert code == 2
    assert "--efi-map" in err
