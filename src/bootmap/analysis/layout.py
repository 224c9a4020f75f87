"""The load map: everything that lies in RAM from the boot loader's first byte to the decompressor's heap.

    start     object                 needed
    ------    -------------------    -------------------------------------------------
    r4-16K    page directory         from the decompressor on
    r4        kernel, unpacked       from the decompressor on
    behind    bss                    from the kernel on: it is cleared then
    anywhere  zImage, as loaded      until it moves; else until the kernel is unpacked
              zImage, moved, heap    while it unpacks
              device tree, initrd    from the loader on, to the end
              the loader itself      until it starts the kernel

Two objects damage each other where they share bytes and are needed at the same time.  Not here: what to change
(``check``, ``plan``), and how a loader finds its addresses (``loaders``).

Source: arch/arm/boot/compressed/head.S; Documentation/arch/arm/booting.rst.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.boot.decompressor.decompress_kernel import plan
from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.payload import payloads
from bootmap.shown import Shown
from bootmap.units import Span, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bootmap.boot.decompressor.decompress_kernel import Decompression
    from bootmap.boot.sequence import Replay

NAMES = {
    "its page tables": "page directory",
    "the unpacked kernel": "kernel, unpacked",
    "its copy of itself": "zImage, moved",
    "its bss": "the zImage's bss",
    "its stack": "the zImage's stack",
    "its heap": "the zImage's heap",
    "its room for merging ATAGs": "room for merging ATAGs",
    "the kernel, unpacked behind it": "kernel, unpacked behind the zImage",
}
"""What the decompressor calls its areas -> the object's name in the map."""
_GROWS = {"its room for merging ATAGs": "dtb"}
_KINDS = {"its page tables": "directory", "the unpacked kernel": "kernel", "its copy of itself": "zimage"}


class Phase(IntEnum):
    """Who runs, in order."""

    LOADER = 0
    HEAD = 1
    """The decompressor before it has moved itself."""
    DECOMPRESSOR = 2
    KERNEL = 3


class Placed(Shown, Struct, frozen=True):
    """One object in RAM.

    Attributes:
        name: for people.
        start: physical address of its first byte.
        size: bytes.
        kind: "directory", "kernel", "bss", "zimage", "work" (what the decompressor needs while it runs), "dtb",
            "initrd", "reserved", "loader", "image" (a kernel that the loader moves).
        since: who runs when it is first written.
        until: who runs when it is last needed.
        certain: every byte is written or needed; else only as many as it takes (stacks, heaps).
        grows: the kind of what it is room for, which lies in it.
    """

    name: str
    start: int
    size: int
    kind: str
    since: Phase = Phase.LOADER
    until: Phase = Phase.KERNEL
    certain: bool = True
    grows: str = ""

    @property
    def end(self) -> int:
        """Physical address behind its last byte."""
        return self.start + self.size

    @property
    def span(self) -> Span:
        """Its physical addresses."""
        return Span(self.start, self.end)

    def meets(self, other: Placed) -> bool:
        """Whether both are needed at some moment; what is moved, or worked with, is in no way of itself."""
        if self.kind == other.kind and self.kind in ("work", "dtb", "initrd"):
            return False
        if {self.kind, other.kind} == {"zimage", "work"}:  # its own parts, whose sizes are rounded
            return False
        if self.kind == other.grows or other.kind == self.grows:
            return False
        return self.since <= other.until and other.since <= self.until


class LayoutOverlap(Shown, Struct, frozen=True):
    """Two objects that share bytes; ``first`` begins first.

    Attributes:
        first: the one with the lower start.
        second: the other.
        span: the bytes that they share.
        harmful: both are needed at one moment; else the later one takes memory that is free by then.
    """

    first: Placed
    second: Placed
    span: Span
    harmful: bool


class LayoutRow(Shown, Struct, frozen=True):
    """A line of the map.

    Attributes:
        placed: the object.
        gap: free bytes up to the next object or the end of the RAM that it is in; None where something overlaps it, or
            where it is not known how far RAM goes.
        overlaps: those harmful ones in which this object is the first.
        inside: the object that contains all of this one and is needed at the same time; None for none.
        outside_ram: some of it is where there is no RAM.
    """

    placed: Placed
    gap: int | None
    overlaps: tuple[LayoutOverlap, ...]
    inside: Placed | None
    outside_ram: bool


class Limit(Shown, Struct, frozen=True):
    """A border in physical memory that objects have to respect, such as the end of lowmem."""

    name: str
    address: int


class LoadMap(Shown, Struct, frozen=True):
    """Everything in RAM, in physical order.

    Attributes:
        objects: by start address, the longer first where two begin together.
        ram: banks of RAM, neighbours merged; empty where not known.
        limits: borders, by address.
    """

    objects: tuple[Placed, ...]
    ram: tuple[Span, ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def overlaps(self) -> tuple[LayoutOverlap, ...]:
        """Every pair of objects that share bytes, harmful or not, in order."""
        return tuple(
            LayoutOverlap(one, other, shared, one.meets(other))
            for i, one in enumerate(self.objects)
            for other in self.objects[i + 1 :]
            if (shared := _shared(one.span, other.span)) is not None
        )

    @property
    def damage(self) -> tuple[LayoutOverlap, ...]:
        """The harmful overlaps."""
        return tuple(overlap for overlap in self.overlaps if overlap.harmful)

    def rows(self) -> tuple[LayoutRow, ...]:
        """The lines of the map, with the gap behind each object."""
        damage = self.damage
        return tuple(
            LayoutRow(
                placed,
                self._gap(placed),
                tuple(overlap for overlap in damage if overlap.first is placed),
                next((o.first for o in damage if o.second is placed and o.first.end >= placed.end), None),
                bool(self.ram) and not any(bank.start <= placed.start and placed.end <= bank.end for bank in self.ram),
            )
            for placed in self.objects
        )

    def find(self, kind: str) -> Placed | None:
        """The first object of a kind; None without one."""
        return next((placed for placed in self.objects if placed.kind == kind), None)

    def free_from(self, kinds: Iterable[str] = ("directory", "kernel", "bss", "zimage", "work")) -> int:
        """Physical address from which on nothing of these kinds is in the way; 0 without any."""
        wanted = set(kinds)
        return max((placed.end for placed in self.objects if placed.kind in wanted), default=0)

    def margin(self) -> tuple[int, int, str] | None:
        """Bytes between the kernel with all its work and the next payload, that in % of the kernel, the payload's name.

        None where no payload lies behind, or something is damaged already.
        """
        kernel = self.find("kernel")
        work = [placed for placed in self.objects if placed.kind in ("kernel", "bss", "zimage", "work")]
        if kernel is None or self.damage:
            return None
        images = {placed.end for placed in self.objects if placed.kind == "zimage"}
        behind = [placed for placed in self.objects if placed.kind in ("dtb", "initrd") and placed.start >= kernel.end]
        for placed in behind:
            if placed.start in images:  # an appended tree, which goes where its zImage goes
                continue
            room = placed.start - max(other.end for other in work if other.end <= placed.start)
            return room, room * 100 // max(kernel.size, 1), placed.name
        return None

    def _gap(self, placed: Placed) -> int | None:
        others = [other for other in self.objects if other is not placed]
        if any(placed.meets(other) and other.span.overlaps(placed.span) for other in others):
            return None
        ends = [bank.end for bank in self.ram if bank.start < placed.end <= bank.end]
        ends += [other.start for other in others if other.start >= placed.end]
        ends += [placed.end for other in others if other.kind == placed.kind and placed.end - 1 in other.span]
        return min(ends) - placed.end if ends else None


def load_map(replay: Replay, extra: Sequence[Placed] = ()) -> LoadMap:
    """What lies where at the kernel's start, and what the decompressor writes before.

    Args:
        replay: the boot.
        extra: what only the boot loader knows of: itself, its stack, files that it loaded and moved elsewhere.
    """
    state = replay.state
    handover, kernel = state.handover, state.kernel
    objects = list(extra)
    unpacked = handover.phys_offset + kernel.text_offset
    image_end = kernel.image_end - kernel.page_offset + handover.phys_offset
    if handover.zimage is not None:
        done = plan(kernel, handover.zimage, handover.phys_offset)
        objects += (_without_tree(placed, handover.zimage.appended, done.dtb) for placed in decompressor_objects(done))
        unpacked += handover.zimage.image_size
    elif not kernel.has("xip"):
        bss = kernel.symbols.get("__bss_start", kernel.image_end) - kernel.page_offset + handover.phys_offset
        objects.append(
            Placed("page directory", unpacked - kernel.format.pgd_bytes, kernel.format.pgd_bytes, "directory")
        )
        objects.append(Placed("kernel", unpacked, bss - unpacked, "kernel"))
        unpacked = bss
    if image_end > unpacked:
        objects.append(Placed("the kernel's bss", unpacked, image_end - unpacked, "bss", since=Phase.KERNEL))
    for payload in payloads(state):
        name = payload.what.removeprefix("the ")
        if payload.span.size and not any(o.kind == payload.kind and o.start == payload.span.start for o in extra):
            objects.append(Placed(name, payload.span.start, payload.span.size, payload.kind))
    limits = [Limit("128 MiB into RAM", handover.phys_offset + (128 << 20))]
    lowmem = next((stage.vars.arm_lowmem_limit for stage in reversed(replay.stages)), 0)
    if lowmem:
        limits.append(Limit("end of lowmem", lowmem))
    return LoadMap(
        tuple(sorted(objects, key=lambda placed: (placed.start, -placed.size))),
        merged(Span(*bank) for bank in memory_ranges(handover.board)),
        tuple(sorted(limits, key=lambda limit: limit.address)),
    )


def _without_tree(placed: Placed, appended: int, tree: int | None) -> Placed:
    """A zImage without the tree appended to it, which is an object of its own."""
    if placed.kind != "zimage" or not appended:
        return placed
    there = tree is not None and placed.start < tree < placed.end
    return replace(placed, size=tree - placed.start if there and tree is not None else placed.size - appended)


def decompressor_objects(done: Decompression) -> Iterator[Placed]:
    """The zImage and all that it writes, each place once."""
    behind = any(area.what == "the kernel, unpacked behind it" for area in done.areas)
    phase = Phase.HEAD
    if done.loaded is not None:
        until = Phase.HEAD if done.moved is not None else Phase.DECOMPRESSOR
        name = "zImage, as loaded" if done.moved is not None else "zImage"
        yield Placed(name, done.loaded.start, done.loaded.size, "zimage", until=until)
    seen = set()
    for area in done.areas:
        if area.span == done.moved:
            phase = Phase.DECOMPRESSOR
        if (area.what, area.span) in seen:
            continue
        seen.add((area.what, area.span))
        kind = _KINDS.get(area.what, "work")
        stays = kind in ("directory", "kernel")
        since = phase if kind != "kernel" else Phase.KERNEL if behind else Phase.DECOMPRESSOR
        until = Phase.KERNEL if stays else max(phase, Phase.DECOMPRESSOR) if done.moved is None else phase
        grows = _GROWS.get(area.what, "")
        yield Placed(NAMES[area.what], area.span.start, area.span.size, kind, since, until, area.certain, grows)


def _shared(one: Span, other: Span) -> Span | None:
    shared = Span(max(one.start, other.start), min(one.end, other.end))
    return shared if shared.start < shared.end else None
