"""A kernel that UEFI starts: what its EFI stub takes of the firmware's memory, then the kernel's boot from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bootmap.analysis.layout import LoadMap, load_map
from bootmap.assemble.board import Board, read_efi_map
from bootmap.assemble.handover import assemble
from bootmap.assemble.kernel import Kernel
from bootmap.assumptions import Assumption
from bootmap.boot.sequence import boot
from bootmap.errors import MissingInputError, UnsupportedError, UsageError
from bootmap.facts.linux import efi
from bootmap.inputs.fdt import Fdt
from bootmap.loaders.efi_stub import stub_places
from bootmap.loaders.uboot.bootm import UBootPlaced
from bootmap.plan.chain import Chain, kept
from bootmap.plan.load import read_ramdisk
from bootmap.units import Span, hex_address, merged

if TYPE_CHECKING:
    from bootmap.loaders.efi_stub import StubPlaced


def efi_chain(
    board: str,
    *,
    efi_map: str | None = None,
    cmdline: str | None = None,
    ramdisk: str | None = None,
    cpu: str | None = None,
    image: str | None = None,
    **kernel: Any,
) -> Chain:
    """Replay the EFI stub, then the kernel.

    Args:
        board: file of the device tree that the firmware has.
        efi_map: file of the firmware's memory map, as a shell prints it before the kernel is started.
        cmdline: the command line; None for the tree's.
        ramdisk: the initrd's file, or its size.
        cpu: the CPU's name.
        image: the kernel file.
        kernel: further arguments of `Kernel.load`.

    Raises:
        BootmapError: something cannot be read, is missing, or is not modelled.
    """
    found = read_efi_map(efi_map)
    if found is None:
        raise MissingInputError("nothing says what memory UEFI has; give its map (memmap of the shell) with --efi-map")
    read = Kernel.load(image=image, **kernel)
    model = read.model()
    if not model.config.enabled("EFI_STUB"):
        raise UsageError("the kernel has no CONFIG_EFI_STUB: UEFI does not start it")
    if not model.has("efi_stub_in_place"):
        raise UnsupportedError("the EFI stub is modelled from Linux 5.9 on; before, it moved the zImage")
    disk = read_ramdisk(ramdisk)
    size = disk.header + disk.size if disk is not None else 0
    placed = stub_places(found, model.text_offset, size, tree_limited=model.has("efi_tree_limited"))
    result = _as_loader(placed)
    if placed.failed or placed.tree is None:
        return Chain("UEFI", result, LoadMap(()))
    given = Board.load(board, cpu=cpu, cmdline=cmdline, efi_map=found)
    if not isinstance(given.description, Fdt):
        raise UsageError(f"{board}: is an ATAG list; UEFI's stub hands over a device tree")
    ready = given.replace(phys_offset=placed.phys_offset, dtb_addr=placed.tree.start)
    kernel_model, handover = assemble(read, ready)
    initrd = (placed.initrd.start, placed.initrd.size) if placed.initrd is not None else None
    told = _told(placed)
    replay = boot(kernel_model, replace(handover, initrd=initrd, zimage=None, assumptions=(*told, *kept(handover))))
    ram = merged(Span(row.start, row.end) for row in found.rows if row.attributes & efi.MEMORY)
    return Chain("UEFI", result, replace(load_map(replay), ram=ram), told, replay)


def _as_loader(placed: StubPlaced) -> UBootPlaced:
    entry = placed.phys_offset
    return UBootPlaced(placed.kernel, entry, placed.initrd, placed.tree, failed=placed.failed)


def _told(placed: StubPlaced) -> tuple[Assumption, ...]:
    """What the stub keeps, and what depends on the firmware."""
    kept = f"the stub keeps {hex_address(placed.kernel.start)}-{hex_address(placed.kernel.end - 1)} for the kernel"
    where = [("the device tree", placed.tree), ("the initrd", placed.initrd)]
    return (
        Assumption(kept),
        *(
            Assumption(f"{name} lies at {hex_address(span.start)}, or below where the firmware has taken memory since")
            for name, span in where
            if span is not None
        ),
    )
