"""barebox's bootm: where zImage or uImage, ramdisk and device tree end up, and what barebox says on the way.

    first free memory of the first bank
      + 5 times the image's size, at least 32 MiB    the kernel; where that is too far, at the end of it
      + 1 MiB, at least 128 MiB into RAM where there are more than 256    the ramdisk
      behind it, on the next page                    the tree

"Free" ends where the first region of the bank is that barebox has requested: its heap, or reserved memory.  A region
that overlaps another, or does not lie in one bank as a whole, is refused.

Source: see ``facts/loaders/barebox.py``; common/resource.c ``__request_region``, common/uimage.c
``uimage_load_to_sdram``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.barebox import (
    CHUNK,
    FAR,
    FAR_RAM,
    LEAST_RAM,
    LEAST_UNPACKED,
    MALLOC_MOST,
    OWN_SIZE,
    RATIO,
    SPACING,
)
from bootmap.inputs.iomem import RESERVED
from bootmap.loaders.barebox.fixups import FixedUp, complete, writable
from bootmap.loaders.uboot.bootm import UBootPlaced
from bootmap.shown import Shown
from bootmap.units import PAGE_SIZE, Span, align_down, align_up

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.barebox.release import Barebox

_ULONG = 0xFFFFFFFF
_INSTRUCTION = 4


class BareboxBoard(Shown, Struct, frozen=True):
    """RAM, and what barebox has of it.

    Attributes:
        banks: RAM, the first bank first.
        regions: what is taken in it, with a name each.
        psci: how its PSCI is called ("hvc", "smc"), where barebox found another version than its tree names; "" else.
        reset_source: its build has CONFIG_RESET_SOURCE.
        monitor: where it stays as secure monitor, if its build does so.
        assumptions: what was not given and what was taken instead, in words.
    """

    banks: tuple[Span, ...]
    regions: tuple[tuple[Span, str], ...] = ()
    psci: str = ""
    reset_source: bool = True
    monitor: Span | None = None
    assumptions: tuple[str, ...] = ()

    @classmethod
    def of_banks(cls, banks: tuple[Span, ...], reserved: tuple[Span, ...] = ()) -> BareboxBoard:
        """RAM only: barebox is taken to be as large as built for QEMU, its heap to be half of what is left."""
        bank = banks[0]
        end = min(bank.end, 1 << 32)
        own = end - OWN_SIZE
        heap = max(own - (own - bank.start) // 2, own - MALLOC_MOST)
        regions = [(Span(heap, own), "malloc space"), (Span(own, end), "barebox")]
        text = (
            f"barebox takes the last {OWN_SIZE >> 20} MiB of the first bank, its heap half of what is left, from "
            f"{heap:#010x} on"
        )
        areas = [(span, RESERVED) for span in reserved]
        return cls(banks, tuple(sorted([*regions, *areas])), assumptions=(text,))


class BareboxCommand(Shown, Struct, frozen=True):
    """What is booted.

    Attributes:
        kernel: bytes of the zImage as its header says; of a uImage, those behind its header.
        tree: the kernel's tree; None for none.
        load: the load address of a uImage; None for a zImage.
        loadaddr: where the kernel is wanted (``-a``, ``bootm.image.loadaddr``); None where barebox decides.
        ramdisk: bytes of the ramdisk, without a header of U-Boot's; None for none.
        ramdisk_at: where it is wanted (``-L``, ``bootm.initrd.loadaddr``); None where barebox decides.
        ramdisk_header: it has U-Boot's header in front.
        appended: the tree stands behind the zImage, in its file.
        bootargs: the command line that barebox sets; "" to leave the tree's.
        efi_stub: the kernel begins as a program of UEFI's does.
    """

    kernel: int
    tree: Fdt | None = None
    load: int | None = None
    loadaddr: int | None = None
    ramdisk: int | None = None
    ramdisk_at: int | None = None
    ramdisk_header: bool = False
    appended: bool = False
    bootargs: str = ""
    efi_stub: bool = False


class BareboxPlaced(UBootPlaced):
    """What came of it.

    Attributes:
        blob: the tree as the kernel gets it; b"" for none.
    """

    blob: bytes = b""


class _RefusedError(Exception):
    """No kernel is started; the argument says why."""


class _Memory:
    """The banks with their regions, as bootm requests more of them."""

    def __init__(self, board: BareboxBoard) -> None:
        self.banks = board.banks
        self.regions = [span for span, _ in board.regions]

    def request(self, span: Span) -> bool:
        """__request_sdram_region(): whether all of it lies in one bank, and none of it is taken."""
        inside = any(bank.start <= span.start and span.end <= bank.end for bank in self.banks)
        if not inside or not span.size or any(taken.overlaps(span) for taken in self.regions):
            return False
        self.regions.append(span)
        return True

    def gap(self, address: int) -> Span | None:
        """memory_bank_lookup_region(): the free memory around ``address``; None where there is none."""
        bank = next((bank for bank in self.banks if address in bank), None)
        if bank is None or any(address in taken for taken in self.regions):
            return None
        start = max([bank.start, *(taken.end for taken in self.regions if taken.end <= address)])
        return Span(start, min([bank.end, *(taken.start for taken in self.regions if taken.start > address)]))


def bootm(barebox: Barebox, board: BareboxBoard, command: BareboxCommand) -> BareboxPlaced:
    """Replay ``bootm -v``: a pure function of what it is given."""
    result = BareboxPlaced(Span(0, 0), 0)
    try:
        _boot(barebox, board, command, result)
    except _RefusedError as refused:
        result.failed = str(refused)
    return result


def _boot(barebox: Barebox, board: BareboxBoard, command: BareboxCommand, result: BareboxPlaced) -> None:
    memory = _Memory(board)
    wanted = command.loadaddr if command.loadaddr is not None else command.load
    start, free = _kernel_addresses(board, command.kernel, wanted, result)
    result.kernel = Span(start, start + command.kernel)
    result.entry = start
    if command.efi_stub and command.load is None and barebox.passes_over_efi:
        result.said.clear()
        raise _RefusedError(
            "no image handler found for image type ARM/EFI Linux zImage: 2026.01 to 2026.06.0 start a kernel with the "
            "EFI stub by their UEFI only, where that is built in (not modelled); a uImage, or 2026.06.1, goes"
        )
    _kernel(barebox, memory, command, free, result)
    at = command.ramdisk_at
    if at is None:
        at = free
        result.said.append(f"no initrd load address, defaulting to 0x{at:08x}")
    gap = Span(0, _ULONG + 1)
    if barebox.does("one_gap"):
        found = memory.gap(at)
        if found is None:
            raise _RefusedError(f"the ramdisk's address, {at:#010x}, is taken or no RAM: bootm ends, ramdisk or not")
        gap = found
    if command.ramdisk is not None:
        result.ramdisk = _ramdisk(barebox, memory, command, at, gap, result)
        free = align_up(result.ramdisk.end, PAGE_SIZE)
    if command.tree is not None:
        _tree(barebox, board, memory, command, Span(free, gap.end), result)
    _started(result)
    if result.entry % _INSTRUCTION:
        raise _RefusedError(
            f"barebox starts the kernel at {result.entry:#x}, which is no multiple of {_INSTRUCTION}: the CPU does not "
            f"run it (-a, bootm.image.loadaddr)"
        )


def _kernel_addresses(board: BareboxBoard, size: int, wanted: int | None, result: BareboxPlaced) -> tuple[int, int]:
    """get_kernel_addresses(): where the kernel goes, and where memory is free behind it."""
    start = board.banks[0].start
    first = min((span.start for span, _ in board.regions if span.start in board.banks[0]), default=board.banks[0].end)
    room = (first - start) & _ULONG
    unpacked = align_up(size * RATIO & _ULONG, PAGE_SIZE)
    if room >= LEAST_RAM:
        unpacked = max(unpacked, LEAST_UNPACKED)
    spacing = SPACING
    if wanted is None:
        end = start + room - 1 & _ULONG
        wanted = start + unpacked & _ULONG
        last = end - size - spacing & _ULONG
        if wanted + size + spacing & _ULONG > end and last >= start:
            wanted = last
        wanted = align_down(wanted, PAGE_SIZE)
        result.said.append(f"no OS load address, defaulting to 0x{wanted:08x}")
    elif wanted <= start + unpacked:
        spacing += unpacked
    free = align_up(wanted + size + spacing & _ULONG, PAGE_SIZE)
    return wanted, max(free, start + FAR) if room > FAR_RAM else free


def _kernel(barebox: Barebox, memory: _Memory, command: BareboxCommand, free: int, result: BareboxPlaced) -> None:
    span = result.kernel
    if command.load is None:
        _request(memory, span, "the zImage")
        return
    if not barebox.does("whole_gap"):
        _request(memory, span, "the uImage's kernel")
        return
    whole = Span(span.start, free)
    if whole.end <= whole.start:
        raise _RefusedError(f"the uImage's load address, {span.start:#010x}, leaves no room behind it")
    _request(memory, whole, "the uImage's kernel, with what stays free behind it,")
    memory.regions[-1] = span


def _request(memory: _Memory, span: Span, what: str) -> None:
    taken = next((region for region in memory.regions if region.overlaps(span)), None)
    if not memory.request(span):
        why = f"overlaps {taken}" if taken is not None else "does not lie in one bank of RAM"
        raise _RefusedError(f"barebox cannot request memory for {what} at {span}: it {why}")


def _ramdisk(
    barebox: Barebox, memory: _Memory, command: BareboxCommand, at: int, gap: Span, result: BareboxPlaced
) -> Span:
    assert command.ramdisk is not None
    span = Span(at, at + command.ramdisk)
    if barebox.does("whole_gap"):
        if span.end > gap.end:
            raise _RefusedError(
                f"the ramdisk, {span}, does not fit in the free memory there, which ends at {gap.end:#x}"
            )
        _request(memory, Span(at, gap.end), "the ramdisk")
        memory.regions[-1] = span
    else:
        # a file is read in parts: as much as was read, and one part more, must be free
        chunks = span if command.ramdisk_header else Span(at, at + (command.ramdisk // CHUNK + 1) * CHUNK)
        _request(memory, chunks, "the ramdisk")
        memory.regions[-1] = span
    if barebox.does("says_where_initrd_is"):
        result.said.append(f"initrd is at 0x{span.start:08x}-0x{span.end - 1:08x}")
    return span


def _tree(
    barebox: Barebox,
    board: BareboxBoard,
    memory: _Memory,
    command: BareboxCommand,
    room: Span,
    result: BareboxPlaced,
) -> None:
    assert command.tree is not None
    if not writable(command.tree):
        raise _RefusedError(
            "the root's #address-cells or #size-cells is neither 1 nor 2: barebox cannot write RAM into it"
        )
    told = None if command.appended else result.ramdisk
    what = FixedUp(board.banks, told, command.bootargs, board.psci, board.reset_source, board.monitor, command.appended)
    result.blob = complete(barebox, command.tree, what)
    span = Span(room.start, room.start + len(result.blob))
    if barebox.does("one_gap") and span.end > room.end:
        raise _RefusedError(
            f"the device tree, {span}, does not fit in the free memory there, which ends at {room.end:#x}"
        )
    _request(memory, span, "the device tree")
    result.dtb = span


def _started(result: BareboxPlaced) -> None:
    line = f"Starting kernel at 0x{result.entry:08x}"
    if result.ramdisk is not None:
        line += f", initrd at 0x{result.ramdisk.start:08x}"
    if result.dtb is not None:
        line += f", oftree at 0x{result.dtb.start:08x}"
    result.said.append(f"{line}...")
