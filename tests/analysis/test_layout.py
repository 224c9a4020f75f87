"""The load map, on boots of Debian's zImage whose decompressor was watched (tests/boot/test_decompress_kernel.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from support.recordings import fresh_kernel

from bootmap.analysis.layout import LoadMap, Phase, Placed, load_map
from bootmap.boot.handover import Handover, ZImage
from bootmap.boot.sequence import boot
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs import fdt
from bootmap.inputs.decompressor_code import DecompressorCode
from bootmap.report.layout_text import amount, layout_text
from bootmap.units import MIB, Span

DATA = Path(__file__).parent.parent / "data"
VIRT = fdt.parse((DATA / "dtb" / "virt.dtb").read_bytes())
RAM = 0x40000000
DEBIAN = ZImage(
    size=0x532200,
    image_size=0x13A10B4,
    code=DecompressorCode(0x532200, 0x532618, 0x10B4, 0x1228, 0x900),
    bss_size=0x5E4D4,
)


def mapped(load_addr: int | None, params: int, initrd: tuple[int, int] | None = None, *extra: Placed) -> LoadMap:
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    zimage = replace(DEBIAN, load_addr=load_addr) if load_addr is not None else None
    handover = Handover(VIRT, params, RAM, cpu, zimage=zimage, initrd=initrd)
    return load_map(boot(fresh_kernel("deb-6.1"), handover), extra)


def named(load_map: LoadMap) -> dict[str, Span]:
    return {placed.name: placed.span for placed in load_map.objects}


def test_load_map_zimage_that_moves() -> None:
    """The addresses are those seen in RAM; the copy's place is free, so nothing is damaged."""
    found = mapped(RAM + 16 * MIB, 0x48000000)
    spans = named(found)
    assert spans["kernel, unpacked"] == Span(0x40208000, 0x415A90B4)
    assert spans["page directory"] == Span(0x40204000, 0x40208000)
    assert spans["zImage, moved"] == Span(0x415A9900, 0x41ADAA60)
    assert spans["zImage, as loaded"] == Span(0x41000000, 0x41532200)
    assert found.damage == ()
    assert any(not overlap.harmful for overlap in found.overlaps)  # the kernel unpacks over what has moved away


def test_load_map_damage_has_both_names_and_the_bytes() -> None:
    found = mapped(RAM + 16 * MIB, 0x48000000, (0x41A00000, 4 * MIB))
    (first, *_) = found.damage
    assert (first.first.name, first.second.name) == ("zImage, moved", "initrd")
    assert first.span == Span(0x41A00000, 0x41ADAA60)
    rows = {row.placed.name: row for row in found.rows()}
    assert rows["initrd"].gap is None
    assert rows["the zImage's heap"].inside is not None


def test_load_map_zimage_that_stays_is_needed_until_the_kernel_is_unpacked() -> None:
    found = mapped(RAM + 32 * MIB, 0x48000000)
    zimage = found.find("zimage")
    assert zimage is not None
    assert zimage.until == Phase.DECOMPRESSOR
    rows = {row.placed.name: row for row in found.rows()}
    assert rows["kernel, unpacked"].gap == 0  # its bss
    assert rows["the kernel's bss"].gap == 0x42000000 - rows["the kernel's bss"].placed.end
    assert found.free_from() == 0x42543618


def test_load_map_a_loader_is_gone_when_the_decompressor_runs() -> None:
    uboot = Placed("U-Boot", 0x41600000, MIB, "loader", until=Phase.LOADER)
    assert mapped(RAM + 16 * MIB, 0x48000000, None, uboot).damage == ()
    tree = mapped(RAM + 16 * MIB, 0x416FF000, None, uboot).damage
    assert {("U-Boot", "device tree"), ("zImage, moved", "device tree")} == {
        (o.first.name, o.second.name) for o in tree
    }


def test_load_map_without_a_zimage_has_the_kernel() -> None:
    spans = named(mapped(None, 0x48000000))
    assert spans["kernel"].start == 0x40208000
    assert spans["the kernel's bss"].end == 0x41607588


def test_load_map_outside_ram() -> None:
    rows = mapped(RAM + 32 * MIB, 0x48000000, (0x4FFF0000, MIB)).rows()
    assert [row.placed.name for row in rows if row.outside_ram] == ["initrd"]


def test_layout_text_says_what_overlaps_and_where_ram_ends() -> None:
    text = layout_text(mapped(RAM + 16 * MIB, 0x48000000, (0x41A00000, 4 * MIB)))
    assert "  0x415a9900  0x41adaa5f  zImage, moved" in text
    assert "OVERLAPS initrd by 874.6 KiB" in text
    assert "0x48000000  ---------- 128 MiB into RAM" in text


@pytest.mark.parametrize(
    ("size", "text"), [(19953032, "19.0 MiB"), (16384, "16 KiB"), (12, "12 B"), (1 << 31, "2 GiB")]
)
def test_amount(size: int, text: str) -> None:
    assert amount(size) == text
