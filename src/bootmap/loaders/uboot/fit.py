"""bootm with a FIT: the parts that have a load address are copied there, in the order kernel, ramdisk, tree.

The kernel itself is copied later, by ``bootm``; a tree without a load address is taken where it lies in the FIT, from
2026.04 on only if that is a multiple of 8 (else a copy on U-Boot's heap, at an address that is not known here).

Source: boot/image-fit.c ``fit_image_load``; boot/bootm.c ``bootm_find_images``, ``bootm_load_os``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.loaders.uboot.command import FitInRam, KernelImage, PartInRam
from bootmap.units import Span

if TYPE_CHECKING:
    from bootmap.inputs import fit
    from bootmap.inputs.fit import Parts
    from bootmap.loaders.uboot.command import Command
    from bootmap.loaders.uboot.release import UBoot


UNKNOWN = "whatever is in that variable"
"""What U-Boot says of a tree that it did not load, before 2021.04: an address that was never set."""


def in_ram(parts: Parts, at: int, size: int) -> tuple[KernelImage, FitInRam]:
    """A FIT whose first byte is at ``at``, and whose tree has ``size`` bytes."""

    def part(place: fit.FitPart | None) -> PartInRam | None:
        start = at + place.at if place is not None else 0
        return PartInRam(Span(start, start + place.size), place.load) if place is not None else None

    kernel = parts.kernel
    packed = kernel.size if kernel.unpacked else 0
    image = KernelImage(
        at + kernel.at, kernel.unpacked or kernel.size, 0, kernel.load, kernel.entry or 0, packed, kernel.packing
    )
    return image, FitInRam(parts.name, Span(at, at + size), part(parts.ramdisk), part(parts.fdt))


def find_parts(uboot: UBoot, command: Command, fit: FitInRam, said: list[str]) -> tuple[Command, str]:
    """Load ramdisk and tree.

    Returns:
        The command with both where they are now, and why U-Boot stops; "" where it goes on.
    """
    phase = " (any)" if uboot.does("fit_says_phase") else ""

    def loading(what: str) -> str:
        return f"## Loading {what}{phase} from FIT Image at {fit.span.start:08x} ..."

    said.append(loading("kernel"))
    placed: dict[str, Span | None] = {"ramdisk": None, "fdt": None}
    for what, part in (("ramdisk", fit.ramdisk), ("fdt", fit.fdt)):
        if part is None:
            continue
        said.append(loading(what))
        placed[what] = part.data
        if part.load is None or part.load == part.data.start:
            continue
        to = Span(part.load, part.load + part.data.size)
        if to.overlaps(fit.span):
            said.append(f"Error: {what} overwritten")
            if what == "ramdisk":
                said.append("Ramdisk image is corrupt or invalid")
            elif uboot.does("fit_fdt_checked"):
                said.append("Could not find a valid device tree")
            else:
                said += [f"   Booting using the fdt blob at {UNKNOWN}", "data abort"]
            return command, f"the FIT's {what} is to be loaded over the FIT itself, at {to}"
        said.append(f"   Loading {what} from 0x{part.data.start:08x} to 0x{to.start:08x}")
        placed[what] = to
    dtb = placed["fdt"]
    if dtb is not None:
        if fit.fdt is not None and fit.fdt.load is None and dtb.start % 8 and uboot.does("fit_fdt_aligned"):
            said.append("   Booting using the fdt blob on U-Boot's heap")
        else:
            said.append(f"   Booting using the fdt blob at {dtb.start:#08x}")
            if uboot.does("says_working_fdt"):
                said.append(f"Working FDT set to {dtb.start:x}")
    found = replace(command, ramdisk=placed["ramdisk"], dtb=dtb.start if dtb is not None else None)
    return found, ""
