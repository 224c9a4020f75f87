"""The load map alone: from sizes and addresses, without a board, a CPU or a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.analysis.layout import Limit, LoadMap, Phase, Placed, decompressor_objects
from bootmap.assemble.profiles import profile
from bootmap.boot.decompressor.decompress_kernel import plan
from bootmap.boot.handover import ZImage
from bootmap.inputs.decompressor_code import usual_code
from bootmap.units import MIB, Span, align_down

if TYPE_CHECKING:
    from collections.abc import Sequence

_AUTO = 128 * MIB
_BSS_SHARE = 16
"""A kernel's bss is about a sixteenth of its image where nobody says it."""


def load_map_of(
    image_size: int,
    *,
    zimage: int = 0,
    load_addr: int | None = None,
    phys_offset: int | None = None,
    bss_size: int | None = None,
    initrd: tuple[int, int] | None = None,
    dtb: tuple[int, int] | None = None,
    ram: Sequence[Span] = (),
    text_offset: int = 0x8000,
    version: str | None = None,
) -> LoadMap:
    """What lies where when the kernel starts.

    Args:
        image_size: bytes of the unpacked kernel (arch/arm/boot/Image).
        zimage: bytes of the zImage; 0 where there is none.
        load_addr: where the zImage runs; by default where it unpacks to.
        phys_offset: start of RAM; by default the load address rounded down to 128 MiB, as the zImage takes it.
        bss_size: bytes of bss behind the image.
        initrd: (address, bytes).
        dtb: (address, bytes).
        ram: banks of RAM, for gaps and for what lies outside.
        text_offset: TEXT_OFFSET.
        version: the kernel's, for how its decompressor moves.
    """
    if phys_offset is None:
        phys_offset = ram[0].start if ram and load_addr is None else align_down(load_addr or 0, _AUTO)
    start = phys_offset + text_offset
    bss = bss_size if bss_size is not None else image_size // _BSS_SHARE
    objects: list[Placed] = []
    if zimage:
        model = profile(None, version).model()
        model.text_offset = text_offset
        described = ZImage(
            zimage, image_size, usual_code(0, zimage), load_addr if load_addr is not None else start, bss_size=bss
        )
        objects += decompressor_objects(plan(model, described, phys_offset))
    else:
        objects.append(Placed("page directory", start - 0x4000, 0x4000, "directory"))
        objects.append(Placed("kernel", start, image_size, "kernel"))
    objects.append(Placed("the kernel's bss", start + image_size, bss, "bss", since=Phase.KERNEL))
    for name, kind, place in (("initrd", "initrd", initrd), ("device tree", "dtb", dtb)):
        if place is not None and place[1]:
            objects.append(Placed(name, place[0], place[1], kind))
    limits = (Limit("128 MiB into RAM", phys_offset + _AUTO),)
    return LoadMap(tuple(sorted(objects, key=lambda each: (each.start, -each.size))), tuple(ram), limits)
