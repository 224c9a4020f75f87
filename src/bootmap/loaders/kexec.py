"""kexec: where Linux puts the kernel that it starts next, and the tree that this one gets.

    kexec -l   into RAM, from its start on                 kexec -p   into what crashkernel= has reserved
      start + 32 KiB     zImage                              likewise
      behind all that it needs, as kexec-tools takes it      likewise
                         initrd, then the tree
                                                             end of the area, on a MiB:  the crash headers

The tree is the running kernel's own (/sys/firmware/fdt).  It gets the command line and the initrd; for a crash kernel
``elfcorehdr=``, ``mem=`` up to the headers, linux,elfcorehdr and linux,usable-memory-range too.  What is not done:
linux,initrd-start of the first kernel stays where no initrd is given.

kexec-tools takes the zImage to unpack to 32 KiB into its memory.  A kernel with another TEXT_OFFSET needs so much more,
and overwrites initrd and tree, unless ``--image-size`` says more.

Source: see ``facts/loaders/kexec.py``; kernel/kexec_core.c ``sanity_check_segment_list`` (what the kernel refuses).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.kexec import (
    ASSUMED_TEXT_OFFSET,
    BEHIND_ZIMAGE,
    COMMAND_LINE,
    CORE_HEADER_ALIGN,
    CRASH_PROPERTIES,
    ELF64_ON_2M,
    ELF_ALIGN,
    ELF_SIZES,
    RATIO,
    WORK,
    KexecVersion,
)
from bootmap.inputs.fdt_edit import FdtEditor
from bootmap.units import KIB, MIB, PAGE_SIZE, Span, align_down, align_up, hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.inputs.fdt import Fdt

_4G = 1 << 32
_DEFAULT_CELLS = 1
_NODE_WORDS = 8
_PROPERTY_HEAD = 12


class KexecCall(Struct, frozen=True):
    """What kexec is called with, and what it finds out of the running kernel.

    Attributes:
        version: of kexec-tools.
        size: bytes of the zImage, by its header.
        unpacked: bytes of the kernel in it; None where it has no table of sizes.
        bss: bytes of that kernel's bss; likewise.
        tree: the running kernel's device tree, as the kernel was handed it.
        ram: "System RAM" of /proc/iomem.
        cpus: how many CPUs there are in /sys.
        crash: "Crash kernel" of /proc/iomem; None where nothing is reserved.
        on_crash: ``-p``; else ``-l``.
        ramdisk: bytes of ``--initrd``; 0 for none.
        command_line: ``--append``; None where it is not given.
        image_size: ``--image-size``; 0 where it is not given.
        takes_seed: the running kernel has struck out /chosen/rng-seed.
    """

    version: KexecVersion
    size: int
    unpacked: int | None
    bss: int | None
    tree: Fdt
    ram: tuple[Span, ...]
    cpus: int = 1
    crash: Span | None = None
    on_crash: bool = False
    ramdisk: int = 0
    command_line: str | None = None
    image_size: int = 0
    takes_seed: bool = False

    @property
    def needed(self) -> int:
        """Bytes from the zImage's start on that kexec-tools keeps free of initrd and tree."""
        packed = self.size + WORK
        if self.unpacked is None:
            return self.image_size or packed * RATIO
        return max(self.image_size, self.unpacked + max(self.bss or 0, packed))


class KexecPlaced(Struct):
    """What came of it.

    Attributes:
        kernel: the zImage.
        ramdisk: the initrd; None for none.
        dtb: the tree, as long as its header says.
        blob: the tree's bytes; what lies behind its last block is not known to be 0.
        elfcorehdr: the crash headers; None for ``-l``.
        dumped: the ranges of RAM that they describe.
        command_line: the second kernel's; None where the tree's own stays.
        failed: what kexec says where it loads nothing; "" where it does.
    """

    kernel: Span
    ramdisk: Span | None = None
    dtb: Span | None = None
    blob: bytes = b""
    elfcorehdr: Span | None = None
    dumped: tuple[Span, ...] = ()
    command_line: str | None = None
    failed: str = ""


class _RefusedError(Exception):
    """kexec loads nothing; the argument says why."""


def load(call: KexecCall) -> KexecPlaced:
    """Replay ``kexec -l`` or ``kexec -p``: a pure function of what it is given.

    Raises:
        FdtError: the tree's blob is of an old version, or in an unusual order.
    """
    result = KexecPlaced(Span(0, 0), command_line=call.command_line)
    try:
        _load(call, result)
    except _RefusedError as refused:
        result.failed = str(refused)
    return result


def _load(call: KexecCall, result: KexecPlaced) -> None:
    if call.on_crash:
        if call.crash is None:
            raise _RefusedError("Memory for crashkernel is not reserved")
        _crash_headers(call, call.crash, result)
        base = call.crash.start
    else:
        base = _hole(call.ram, (), call.size + WORK + ASSUMED_TEXT_OFFSET, 0)
    start = base + ASSUMED_TEXT_OFFSET
    result.kernel = Span(start, start + call.size)
    at = start + align_up(call.needed, PAGE_SIZE)
    taken: list[Span] = []
    if call.ramdisk:
        at = at if call.on_crash else _hole(call.ram, (), call.ramdisk, at)
        result.ramdisk = Span(at, at + call.ramdisk)
        taken.append(_pages(result.ramdisk))
    result.blob = _tree(call, result)
    at = align_down(at + call.ramdisk + PAGE_SIZE, PAGE_SIZE)
    size = int.from_bytes(result.blob[4:8], "big")
    at = at if call.on_crash else _hole(call.ram, taken, size, at)
    result.dtb = Span(at, at + size)
    _check(call, result)


def _pages(span: Span) -> Span:
    return Span(span.start, align_up(span.end, PAGE_SIZE))


def _hole(ram: Sequence[Span], taken: Sequence[Span], size: int, lowest: int) -> int:
    """The first place for so many bytes from ``lowest`` on."""
    for bank in ram:
        free = [bank]
        for span in taken:
            free = [part for each in free for part in each.without(span)]
        for part in free:
            start = align_up(max(part.start, lowest), PAGE_SIZE)
            if start < part.end - 1 and part.end - start >= size:
                return start
    raise _RefusedError(f"Could not find a free area of memory of {size:#x} bytes...")


def _crash_headers(call: KexecCall, crash: Span, result: KexecPlaced) -> None:
    """The ELF headers of the dump that will be: one for each CPU, one for vmcoreinfo, one for each range of RAM."""
    ranges = list(_without(call.ram, crash))
    if crash.end > _4G:
        raise _RefusedError(f"Crash kernel memory {crash} is inaccessible at boot - unable to load crash kernel")
    wide = bool(ranges) and ranges[-1].end > _4G
    head, row = ELF_SIZES[wide]
    size = align_up(head + row * (call.cpus + 1 + len(ranges)), CORE_HEADER_ALIGN)
    granule = 2 * MIB if wide and call.version >= ELF64_ON_2M else ELF_ALIGN
    room = align_up(size, PAGE_SIZE)
    places = [
        align_down(min(bank.end, crash.end) - room, granule)
        for bank in call.ram
        if min(bank.end, crash.end) - align_up(max(bank.start, crash.start), granule) >= room
    ]
    if not places:
        raise _RefusedError(f"Could not find a free area of memory of {room:#x} bytes...")
    at = places[-1]
    result.elfcorehdr, result.dumped = Span(at, at + size), tuple(ranges)
    text = f"{call.command_line or ''} elfcorehdr={at:#x} mem={(at - crash.start) // KIB}K"
    if len(text) >= COMMAND_LINE:
        raise _RefusedError("Command line overflow")
    result.command_line = text


def _without(ram: Sequence[Span], crash: Span) -> Iterator[Span]:
    for bank in ram:
        if bank.start <= crash.start and crash.end <= bank.end:
            yield from bank.without(crash)
        else:
            yield bank


def _tree(call: KexecCall, result: KexecPlaced) -> bytes:
    editor = FdtEditor(call.tree)
    if call.takes_seed and editor.has_child("chosen"):
        editor.nop(editor.child("chosen"), "rng-seed")
    tree = _Grown(editor)
    if result.command_line is not None:
        tree.set("bootargs", result.command_line.encode("latin-1", "replace") + b"\0")
    if result.ramdisk is not None:
        tree.set("linux,initrd-start", result.ramdisk.start.to_bytes(4, "big"))
        tree.set("linux,initrd-end", result.ramdisk.end.to_bytes(4, "big"))
    if result.elfcorehdr is not None and call.crash is not None and call.version >= CRASH_PROPERTIES:
        for name, what, span in (
            ("linux,elfcorehdr", "elfcorehdr", result.elfcorehdr),
            ("linux,usable-memory-range", "kexec: usable memory range", call.crash),
        ):
            tree.set(name, _range(editor, what, span))
    return editor.blob()


def _range(editor: FdtEditor, what: str, span: Span) -> bytes:
    value = b""
    for name, number in (("#address-cells", span.start), ("#size-cells", span.size)):
        cells = editor.get(0, name)
        width = 4 * (int.from_bytes(cells, "big") if cells is not None and len(cells) == 4 else _DEFAULT_CELLS)
        if width == 4 and number >= _4G:
            raise _RefusedError(f"{what} doesn't fit cells-size.")
        value += number.to_bytes(max(width, 4), "big")
    return value


class _Grown:
    """A tree whose totalsize grows by what each new property might take, whether or not there is room already."""

    def __init__(self, editor: FdtEditor) -> None:
        self._editor = editor
        self._size = editor.totalsize

    def set(self, name: str, value: bytes) -> None:
        """Give a property of /chosen a value."""
        if not self._editor.has_child("chosen"):
            self._size += _NODE_WORDS + align_up(len("chosen") + 1, 4)
        node = self._editor.child("chosen")
        old = self._editor.get(node, name)
        if old is None:
            self._size += len(name) + 1 + _PROPERTY_HEAD + align_up(len(value), 4)
        elif len(old) < len(value):
            self._size += align_up(len(value) - len(old), 4)
        self._editor.totalsize = max(self._editor.totalsize, self._size)
        self._editor.set(node, name, value)


def _check(call: KexecCall, result: KexecPlaced) -> None:
    """What kexec-tools and the kernel refuse."""
    assert result.dtb is not None
    parts = {"the zImage": Span(result.kernel.start, result.kernel.end + BEHIND_ZIMAGE), "the tree": result.dtb}
    if result.ramdisk is not None:
        parts["the initrd"] = result.ramdisk
    if result.elfcorehdr is not None:
        parts["the crash headers"] = result.elfcorehdr
    placed = sorted((_pages(span), name) for name, span in parts.items())
    for span, name in placed:
        if not any(bank.start <= span.start and span.end <= bank.end for bank in call.ram):
            raise _RefusedError(f"Invalid memory segment {span.start:#x} - {span.end - 1:#x} ({name})")
    for (one, first), (other, second) in itertools.pairwise(placed):
        if one.overlaps(other):
            raise _RefusedError(f"Overlapping memory segments at {one.end:#x} ({first} and {second})")
    if call.on_crash and call.crash is not None:
        for span, name in placed:
            if span.start < call.crash.start or span.end > call.crash.end:
                raise _RefusedError(
                    f"kexec_load failed: Cannot assign requested address ({name} at {hex_address(span.start)} is not "
                    f"within the crash kernel's memory {call.crash})"
                )
