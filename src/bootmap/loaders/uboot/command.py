"""What is typed at U-Boot's prompt: bootz or bootm, and what lies in RAM before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.shown import Shown
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.inputs.fdt import Fdt


class PartInRam(NamedTuple):
    """Data in RAM, and the load address; None to leave it there."""

    data: Span
    load: int | None


class FitInRam(Struct, frozen=True):
    """A FIT as it was loaded.

    Attributes:
        name: of the configuration.
        span: the FIT's tree, without data behind it.
        ramdisk: the ramdisk; None for none.
        fdt: the tree; None for none.
    """

    name: str
    span: Span
    ramdisk: PartInRam | None = None
    fdt: PartInRam | None = None

    @property
    def whole(self) -> Span:
        """The FIT with what lies behind its tree; without a kernel there."""
        ends = [part.data.end for part in (self.ramdisk, self.fdt) if part is not None]
        return Span(self.span.start, max(self.span.end, *ends))


class KernelImage(Struct, frozen=True):
    """The kernel as it lies in RAM before the command.

    Attributes:
        at: physical address of its first byte, header included.
        size: bytes of the kernel without the header, unpacked; for a zImage those that its header tells.
        header: bytes of the header in front of the kernel: 0 for a zImage, 64 for a uImage.
        load: where it is to be loaded; None for "where it is" (a zImage, or kernel_noload).
        entry: where it is started, from ``load`` on where that is None.
        packed: bytes that lie there where U-Boot unpacks them to ``load``; 0 where they are not compressed.
        packing: how they are, as U-Boot names it.
    """

    at: int
    size: int
    header: int = 0
    load: int | None = None
    entry: int = 0
    packed: int = 0
    packing: str = "none"

    @property
    def start(self) -> int:
        """Where the kernel is before it is loaded."""
        return self.at + self.header

    @property
    def end(self) -> int:
        """Behind it, before it is loaded."""
        return self.start + (self.packed or self.size)


class Command(Shown, Struct, frozen=True):
    """What is typed.

    Attributes:
        name: "bootz" or "bootm".
        kernel: the kernel.
        ramdisk: where the ramdisk is, without its header; None for none.
        dtb: where the tree is; None for none.
        tree: the tree.
        env: variables that are set.
        ramdisk_header: bytes of U-Boot's header in front of the ramdisk; 0 for a plain one.
        fit: the FIT that has them all; None where they are files of their own.
        loaded: where U-Boot has read files from a disk before, as far as it is known.
    """

    name: str
    kernel: KernelImage
    ramdisk: Span | None
    dtb: int | None
    tree: Fdt | None
    env: Mapping[str, str]
    ramdisk_header: int = 0
    fit: FitInRam | None = None
    loaded: tuple[Span, ...] = ()
