"""The decompressor at work: where it puts its page tables, itself, its bss, stack and heap, and the kernel.

    r4 - 16 KiB   page tables             short descriptors, whatever the kernel uses
    r4            the kernel, unpacked    PHYS_OFFSET + TEXT_OFFSET
    r4 + size     a copy of the zImage    only where the kernel would overwrite the zImage; an appended tree goes along
    behind that   bss, stack, 64 KiB of heap

It knows of nothing else in RAM: a device tree, an initrd or memory that the tree reserves, lying in one of these
places, is overwritten without a word.  Not here: what the boot loader does, the EFI stub, and decompression itself.

Source: arch/arm/boot/compressed/head.S, misc.c ``decompress_kernel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.head.checks import check_instruction_set
from bootmap.boot.payload import Overwrite, overwrite, payloads
from bootmap.facts.linux import zimage as spec
from bootmap.units import MIB, Span, align_down, align_up, hex_address

if TYPE_CHECKING:
    from bootmap.boot.handover import ZImage
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.state import BootState


_KERNEL = "the unpacked kernel"


class WrittenArea(Struct, frozen=True):
    """Memory that the decompressor writes to: bytes of ``span``.

    Attributes:
        what: what it writes, in words.
        span: physical addresses.
        certain: every byte is written; else only as many as it takes.
    """

    what: str
    span: Span
    certain: bool = True


class Decompression(Struct, frozen=True):
    """What the decompressor does with memory.

    Attributes:
        loaded: the zImage and an appended tree, as the boot loader left them; None where it is not known.
        moved: its copy of itself, from the label ``restart`` on; None where it stays, or where it is not known.
        areas: everything that it writes, in order.
        dtb: where an appended device tree is in the end; None where there is none, or where it is not known.
        clobbered: what it overwrites of itself while it still needs that, in words; "" for nothing.
    """

    loaded: Span | None
    moved: Span | None
    areas: tuple[WrittenArea, ...]
    dtb: int | None = None
    clobbered: str = ""


def plan(kernel: KernelModel, zimage: ZImage, phys_offset: int) -> Decompression:
    """Replay the decompressor's head.S: a pure function of where and how large things are."""
    target = phys_offset + kernel.text_offset
    tables = align_down(target - spec.PAGE_TABLES, spec.PAGE_TABLES)
    shared = (
        WrittenArea("its page tables", Span(tables, tables + spec.PAGE_TABLES)),
        WrittenArea(_KERNEL, Span(target, target + zimage.image_size)),
    )
    if zimage.load_addr is None:
        return Decompression(None, None, shared)
    if kernel.has("zimage_moves_itself"):
        return _moving(kernel, zimage, target, shared)
    return _unpacking_behind(kernel, zimage, target, shared)


def decompress_kernel(state: BootState) -> None:
    """The stage: note what the decompressor overwrites, and where it writes to what is no RAM.

    Raises:
        KernelDied: it destroys itself, or the device tree without which the kernel cannot go on.
    """
    zimage = state.handover.zimage
    if zimage is None:
        return
    check_instruction_set(state, "the decompressor")
    done = plan(state.kernel, zimage, state.handover.phys_offset)
    state.decompressor_writes = tuple(area.span for area in done.areas)
    if zimage.load_addr is None:
        text = "where the zImage runs is not known: only its page tables and the unpacked kernel are judged"
        state.assume(text, "--load-addr")
    elif not zimage.code.exact:
        state.assume("the zImage's own code was not recognised: where it puts itself is right to about 4 KiB only")
    if done.clobbered:
        raise state.die(
            "decompressor-overwrites-itself", f"{done.clobbered}: load it elsewhere", address=zimage.load_addr
        )
    _outside_ram(state, done)
    free = align_up(max(area.span.end for area in done.areas), MIB)
    advice = f"what lies at or above {hex_address(free)} is spared"
    if done.loaded is not None:
        _side_by_side(state, done.loaded)
    died = overwrite(state, [_write(area) for area in done.areas], advice)
    if died is not None:
        raise died


def _write(area: WrittenArea) -> Overwrite:
    if area.what == _KERNEL:
        return Overwrite("kernel", area.what, area.span)
    return Overwrite("decompressor", f"the decompressor's {area.what.removeprefix('its ')}", area.span, area.certain)


def _side_by_side(state: BootState, loaded: Span) -> None:
    """The boot loader has put two things into one place: which of them is damaged depends on the order."""
    for payload in payloads(state):
        if payload.kind != "reserved" and payload.span.overlaps(loaded):
            state.hazard(
                f"zimage-overlaps-{payload.kind}",
                f"the zImage, {loaded}, and {payload.what}, {payload.span}, lie in one place: the one that was loaded "
                f"first is damaged",
                address=payload.span.start,
                luck=payload.kind == "dtb",
            )


def _outside_ram(state: BootState, done: Decompression) -> None:
    """Note the worst of what it writes to where the board has no RAM, by its owner or its description."""
    real = state.handover.ram
    banks = sorted(memory_ranges(state.handover.board) if real is None else ((row.start, row.end) for row in real))
    for area in sorted(done.areas, key=lambda area: not area.certain) if banks else ():
        end = area.span.start
        for start, stop in banks:
            if start <= end < stop:
                end = stop
        if end < area.span.end:
            state.hazard(
                "decompressor-outside-ram",
                f"the decompressor puts {area.what} at {area.span}, but there is no RAM at {hex_address(end)}",
                address=end,
                luck=area.certain,
            )
            return


def _moving(kernel: KernelModel, zimage: ZImage, target: int, shared: tuple[WrittenArea, WrittenArea]) -> Decompression:
    """2.6.39 and later: out of the way first, then unpack into place."""
    layout, code = _Layout(zimage, kernel.config.enabled("ZBOOT_ROM")), zimage.code
    base, tables = zimage.load_addr or 0, shared[0]
    appended = align_up(zimage.appended, spec.DTB_ALIGN)
    loaded = Span(base, base + zimage.size + zimage.appended)
    areas: list[WrittenArea] = []
    if kernel.has("zimage_checks_dt") and not appended:
        areas.append(WrittenArea("its stack", layout.stack(base), False))
    tables_first = _tables_first(kernel, zimage, base, target)
    clobbered = ""
    if tables_first:
        areas.append(tables)
        if tables.span.overlaps(Span(base + code.restart, loaded.end)):
            clobbered = f"its page tables at {tables.span} lie in the zImage"
    areas += _merging(kernel, zimage, layout, base)

    size = zimage.image_size if kernel.has("zimage_knows_size") else spec.UNPACK_GUESS * zimage.size
    size += 0 if tables_first else 1  # bit 0 of r4 says that the cache is off
    if appended:  # an appended tree must not end up in the kernel's bss
        size += max(0, zimage.bss_size - (zimage.size - code.wont_overwrite))
    end = (base + zimage.size if layout.rom else layout.heap(base).end) + appended
    moved = None
    if target < end + spec.PAGE_TABLES and target + size > base + code.wont_overwrite:
        start = align_down(base + code.restart, spec.COPY_GRANULE)
        length = align_up(base + zimage.size + appended - start, spec.COPY_GRANULE)
        to = align_down(target + size + code.gap, spec.COPY_ALIGN)
        moved = Span(to, to + length)
        areas.append(WrittenArea("its copy of itself", moved))
        base += to - start
        areas += _merging(kernel, zimage, layout, base)
    areas += [
        WrittenArea("its bss", layout.bss(base, appended)),
        WrittenArea("its stack", layout.stack(base, appended), False),
    ]
    if not tables_first:
        areas.append(tables)
    areas += [WrittenArea("its heap", layout.heap(base, appended), False), shared[1]]
    dtb = base + zimage.size if appended else None
    return Decompression(loaded, moved, tuple(areas), dtb, clobbered)


def _merging(kernel: KernelModel, zimage: ZImage, layout: _Layout, base: int) -> list[WrittenArea]:
    """The room in which an ATAG list is merged into an appended device tree, and the stack above it."""
    if not zimage.appended or not kernel.config.enabled("ARM_ATAG_DTB_COMPAT"):
        return []
    room, start = _atags_room(kernel, zimage.appended), base + zimage.size
    return [
        WrittenArea("its room for merging ATAGs", Span(start, start + room), False),
        WrittenArea("its stack", layout.stack(base, room), False),
    ]


def _unpacking_behind(
    kernel: KernelModel, zimage: ZImage, target: int, shared: tuple[WrittenArea, WrittenArea]
) -> Decompression:
    """Up to 2.6.38: where the kernel would overwrite the zImage, unpack behind it and bring the kernel down after."""
    base = zimage.load_addr or 0
    layout, code = _Layout(zimage, kernel.config.enabled("ZBOOT_ROM")), zimage.code
    loaded = Span(base, base + zimage.size)
    stack, heap = layout.stack(base), layout.heap(base)
    areas = [
        WrittenArea("its bss", layout.bss(base)),
        shared[0],
        WrittenArea("its stack", stack, False),
        WrittenArea("its heap", heap, False),
    ]
    clobbered = ""
    if shared[0].span.overlaps(Span(base + code.restart, loaded.end)):
        clobbered = f"its page tables at {shared[0].span} lie in the zImage"
    if target < heap.end and target + spec.UNPACK_GUESS * zimage.size > base:
        length = align_up(zimage.image_size, spec.OLD_STACK_GAP) + code.gap + 2 * spec.OLD_STACK_GAP
        areas.append(WrittenArea("the kernel, unpacked behind it", Span(heap.end, heap.end + length), True))
    return Decompression(loaded, None, (*areas, shared[1]), None, clobbered)


def _tables_first(kernel: KernelModel, zimage: ZImage, base: int, target: int) -> bool:
    """Whether it turns the cache on before it has looked where it is: its page tables are written then."""
    if not kernel.has("zimage_spares_itself"):
        return True
    here = base + zimage.code.restart - spec.BRANCH_OF_CACHE_ON + 8
    room = zimage.code.bss_end - zimage.start - zimage.code.restart + spec.PAGE_TABLES + spec.HEADROOM
    return not here < target < here + 12 + room


def _atags_room(kernel: KernelModel, size: int) -> int:
    if not kernel.has("zimage_atags_room_by_size"):
        return spec.OLD_ATAGS_ROOM
    least, most = spec.ATAGS_ROOM
    return min(max(align_up(size + size // 2, spec.DTB_ALIGN), least), most)


class _Layout(Struct, frozen=True):
    """Where the parts behind the code are; in flash (``rom``) they have fixed places in RAM."""

    zimage: ZImage
    rom: bool

    def bss(self, base: int, appended: int = 0) -> Span:
        code = self.zimage.code
        delta = 0 if self.rom else base - self.zimage.start + appended
        start = code.bss_start + delta
        return Span(start, start + align_up(code.bss_end - code.bss_start, spec.BSS_CHUNK))

    def stack(self, base: int, appended: int = 0) -> Span:
        delta = 0 if self.rom else base - self.zimage.start + appended
        start = align_up(self.zimage.code.bss_end, spec.STACK_ALIGN) + delta
        return Span(start, start + spec.STACK)

    def heap(self, base: int, appended: int = 0) -> Span:
        end = self.stack(base, appended).end
        return Span(end, end + spec.MALLOC)
