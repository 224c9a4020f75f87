"""Made-up boards: what can be said about memory in a device tree, as a value that can be made at random and shrunk.

A board is made in the machine's real RAM, so that what the kernel is promised is there; everything else that boot
loaders and people do is fair: holes, odd starts, banks up to the last byte below 4 GiB, regions over other regions,
an initrd where it cannot be, a device tree outside of memory.  Not here: trees that are malformed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.inputs.atags_writer import tag_list
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, source, text
from bootmap.shown import Shown
from bootmap.units import GIB, KIB, MIB, PAGE_SIZE, align_down, align_up

if TYPE_CHECKING:
    from random import Random


class MadeRange(NamedTuple):
    """Bytes ``[base, base + size)``."""

    base: int
    size: int


class MadeArea(Struct, frozen=True, omit_defaults=True):
    """A node of /reserved-memory.

    Attributes:
        name: the node's.
        reg: where a static area lies.
        size: bytes of a dynamic one.
        alignment: of a dynamic one.
        ranges: where it may lie (alloc-ranges).
        no_map: it has no-map.
        reusable: it has reusable.
        pool: it is a shared-dma-pool.
        default: it is the default one (linux,cma-default).
    """

    name: str
    reg: tuple[MadeRange, ...] = ()
    size: int = 0
    alignment: int = 0
    ranges: tuple[MadeRange, ...] = ()
    no_map: bool = False
    reusable: bool = False
    pool: bool = False
    default: bool = False


class MadeBoard(Shown, Struct, frozen=True, omit_defaults=True):
    """Everything about a board that bears on its memory map.  Sizes and addresses in bytes.

    Attributes:
        banks: RAM, in the order of the device tree.
        phys_offset: PHYS_OFFSET, where the boot loader puts the kernel.
        dtb_at: where it puts the device tree.
        cmdline: command line.
        nodes: whether each bank has a memory node of its own.
        reservations: /memreserve/.
        areas: /reserved-memory.
        initrd: of /chosen.
        wide: cells of addresses and sizes.
        cpu: by the device tree's name.
        atags: whether an ATAG list describes it, which has no ``nodes``, ``reservations``, ``areas`` and ``wide``.
    """

    banks: tuple[MadeRange, ...]
    phys_offset: int
    dtb_at: int
    cmdline: tuple[str, ...] = ()
    nodes: bool = False
    reservations: tuple[MadeRange, ...] = ()
    areas: tuple[MadeArea, ...] = ()
    initrd: MadeRange | None = None
    wide: int = 1
    cpu: str = "cortex-a15"
    atags: bool = False

    def blob(self) -> bytes:
        """The device tree or ATAG list."""
        if self.atags:
            return tag_list(self.banks, " ".join(self.cmdline), self.initrd)
        return flatten(self._root(), self.reservations)

    def source(self) -> str:
        """The device tree as source, or the tags, for people."""
        if self.atags:
            rows = [f"ATAG_MEM {bank.base:#x} {bank.size:#x}" for bank in self.banks]
            if self.initrd is not None:
                rows.append(f"ATAG_INITRD2 {self.initrd.base:#x} {self.initrd.size:#x}")
            return "\n".join([*rows, f"ATAG_CMDLINE {' '.join(self.cmdline)}\n"])
        return source(self._root(), self.reservations)

    def _root(self) -> MadeNode:
        wide = self.wide
        root = MadeNode(
            "",
            {
                "#address-cells": cells(wide),
                "#size-cells": cells(wide),
                "compatible": text("linux,dummy-virt"),
                "model": text("bootmap,fuzz"),
            },
        )
        chosen = root.add("chosen", {"bootargs": text(" ".join(self.cmdline))})
        if self.initrd is not None:
            chosen.properties["linux,initrd-start"] = cells(self.initrd.base, width=wide)
            chosen.properties["linux,initrd-end"] = cells(self.initrd.base + self.initrd.size, width=wide)
        chosen.properties["stdout-path"] = text("/pl011@9000000")
        groups = [(bank,) for bank in self.banks] if self.nodes else [self.banks]
        for group in groups:
            if group:
                root.add(f"memory@{group[0].base:x}", {"device_type": text("memory"), "reg": self._ranges(group)})
        if self.areas:
            self._add_areas(root)
        cpus = root.add("cpus", {"#address-cells": cells(1), "#size-cells": cells(0)})
        cpus.add("cpu@0", {"device_type": text("cpu"), "compatible": text(f"arm,{self.cpu}"), "reg": cells(0)})
        uart = MadeRange(0x9000000, 0x1000)
        compatible = text("arm,pl011") + text("arm,primecell")
        root.add("pl011@9000000", {"compatible": compatible, "reg": self._ranges((uart,))})
        return root

    def _add_areas(self, root: MadeNode) -> None:
        wide = self.wide
        parent = root.add("reserved-memory", {"#address-cells": cells(wide), "#size-cells": cells(wide), "ranges": b""})
        for area in self.areas:
            node = parent.add(area.name)
            if area.pool:
                node.properties["compatible"] = text("shared-dma-pool")
            if area.reg:
                node.properties["reg"] = self._ranges(area.reg)
            else:
                node.properties["size"] = cells(area.size, width=wide)
            if area.alignment:
                node.properties["alignment"] = cells(area.alignment, width=wide)
            if area.ranges:
                node.properties["alloc-ranges"] = self._ranges(area.ranges)
            for name, flag in (
                ("no-map", area.no_map),
                ("reusable", area.reusable),
                ("linux,cma-default", area.default),
            ):
                if flag:
                    node.properties[name] = b""

    def _ranges(self, ranges: tuple[MadeRange, ...]) -> bytes:
        return cells(*(number for row in ranges for number in row), width=self.wide)


class Ground(NamedTuple):
    """Where boards are made.

    Attributes:
        ram: physical addresses of the machine's RAM.
        text_offset: bytes from PHYS_OFFSET to the kernel's first byte.
        image_end: bytes from PHYS_OFFSET to the end of its bss.
        cpus: CPUs that the machine has.
        long: whether addresses beyond 4 GiB mean anything to the kernel.
        atags: whether the kernel is handed ATAG lists.
        phys_offset: PHYS_OFFSET of a kernel that can be nowhere else; None for others.
    """

    ram: range
    text_offset: int
    image_end: int
    cpus: tuple[str, ...] = ("cortex-a15",)
    long: bool = False
    atags: bool = False
    phys_offset: int | None = None


_GRAINS = (
    (4, 2 * MIB),
    (3, MIB),
    (3, 16 * MIB),
    (2, 64 * KIB),
    (2, PAGE_SIZE),
    (1, 128 * MIB),
    (1, 256 * MIB),
    (1, 1),
)


def random_board(random: Random, ground: Ground) -> MadeBoard:
    """A board in ``ground``."""
    top = min(ground.ram.stop, 8 * GIB if ground.long else 4 * GIB)
    banks = _banks(random, ground.ram.start, top)
    phys_offset = _phys_offset(random, banks, ground)
    image = MadeRange(phys_offset, ground.image_end)
    dtb_at = _place(random, banks, 64 * KIB, 8, image, ground)
    initrd = None
    if random.random() < 0.3:
        size = max(1, _size(random, 64 * MIB))
        initrd = MadeRange(_place(random, banks, size, random.choice((1, PAGE_SIZE, MIB)), image, ground), size)
    if ground.atags:
        # Most boot loaders put the list at 0x100; head.S maps no more than the section that it lies in.
        dtb_at = banks[0].base + 0x100 if random.random() < 0.7 else align_down(dtb_at, 8)
        return MadeBoard(
            banks=tuple(bank for bank in banks if bank.base + bank.size <= 0xFFFFFFFF)
            or (MadeRange(phys_offset, 64 * MIB),),
            phys_offset=phys_offset,
            dtb_at=dtb_at,
            cmdline=tuple(_cmdline(random, banks, phys_offset)),
            initrd=initrd,
            cpu=random.choice(ground.cpus),
            atags=True,
        )
    wide = 2 if ground.long or top > 4 * GIB - 1 or random.random() < 0.5 else 1
    if any(bank.base + bank.size > 0xFFFFFFFF for bank in banks):
        wide = 2
    return MadeBoard(
        banks=tuple(banks),
        phys_offset=phys_offset,
        dtb_at=dtb_at,
        cmdline=tuple(_cmdline(random, banks, phys_offset)),
        nodes=random.random() < 0.3,
        reservations=tuple(_near(random, banks, image) for _ in range(_few(random, 0.25, 3))),
        areas=tuple(_area(random, n, banks, image) for n in range(_few(random, 0.45, 5))),
        initrd=initrd,
        wide=wide,
        cpu=random.choice(ground.cpus),
    )


def _few(random: Random, chance: float, most: int) -> int:
    return random.randint(1, most) if random.random() < chance else 0


def _grain(random: Random) -> int:
    weights = [weight for weight, _ in _GRAINS]
    return random.choices([grain for _, grain in _GRAINS], weights)[0]


def _size(random: Random, most: int) -> int:
    """A size up to ``most``, small ones as likely as large ones, rounded to something."""
    size = int(most / 2 ** random.uniform(0, 12))
    grain = _grain(random)
    return align_down(size, grain) or min(grain, most)


def _banks(random: Random, start: int, top: int) -> list[MadeRange]:
    """Between one and six banks, mostly ascending and apart."""
    count = random.choices((1, 2, 3, 4, 5, 6), (6, 6, 4, 2, 1, 1))[0]
    room = top - start
    at = start
    if random.random() < 0.3:
        at = align_down(start + int(room * random.random() * 0.5), _grain(random)) or start
    banks: list[MadeRange] = []
    for _ in range(count):
        left = top - at
        if left < MIB:
            break
        size = align_down(random.randint(MIB, max(MIB, min(left, 2 * left // count, 2 * GIB))), _grain(random))
        size = max(size, PAGE_SIZE)
        if random.random() < 0.08:
            size = left
        banks.append(MadeRange(at, min(size, left)))
        hole = 0 if random.random() < 0.2 else _size(random, max(left - size, MIB) // 2)
        at = align_up(at + size + hole, _grain(random))
    if random.random() < 0.1:
        random.shuffle(banks)
    if random.random() < 0.05:  # the same RAM twice
        banks.append(random.choice(banks))
    return banks


def _phys_offset(random: Random, banks: list[MadeRange], ground: Ground) -> int:
    """Where a boot loader would start the kernel: mostly at the first bank's start, on a 2 MiB boundary."""
    if ground.phys_offset is not None:
        return ground.phys_offset
    needed = ground.image_end + 4 * MIB
    fit = [bank for bank in banks if align_up(bank.base, 2 * MIB) + needed <= bank.base + bank.size]
    bank = fit[0] if fit and random.random() < 0.8 else random.choice(fit or banks)
    offset = align_up(bank.base, 2 * MIB)
    if random.random() < 0.15:
        span = max(0, bank.size - needed)
        offset = align_down(bank.base + random.randint(0, span), random.choice((128 * MIB, 16 * MIB, 2 * MIB)))
    last = align_down(min(ground.ram.stop, 4 * GIB) - needed, 2 * MIB)
    return min(max(offset, align_up(ground.ram.start, 2 * MIB)), last)


def _place(random: Random, banks: list[MadeRange], size: int, align: int, image: MadeRange, ground: Ground) -> int:
    """An address for something of ``size`` bytes that the boot loader puts down, clear of the kernel."""
    top = min(ground.ram.stop, 4 * GIB)
    for _ in range(64):
        if random.random() < 0.9:
            bank = random.choice(banks)
            low, high = bank.base, bank.base + max(bank.size - size, 0)
        else:
            low, high = ground.ram.start, top - size
        at = align_down(random.randint(low, max(low, high)), random.choice((align, align, MIB, 2 * MIB)))
        if random.random() < 0.3:
            at = align_up(image.base + image.size, align) + random.choice((0, PAGE_SIZE, 2 * MIB))
        clear = at + size <= image.base or at >= image.base + image.size
        if clear and ground.ram.start <= at and at + size <= top:
            return at
    at = align_up(image.base + image.size, max(align, PAGE_SIZE))
    return at if at + size <= top else align_down(image.base - size, max(align, PAGE_SIZE))


def _near(random: Random, banks: list[MadeRange], image: MadeRange) -> MadeRange:
    """A range that lies somewhere that matters: in a bank, at its edges, over an edge, at the kernel."""
    bank = random.choice(banks)
    size = max(1, _size(random, max(PAGE_SIZE, min(bank.size // 2, 256 * MIB))))
    grain = _grain(random)
    match random.choices(("inside", "start", "end", "over", "kernel"), (6, 2, 2, 1, 1))[0]:
        case "inside":
            base = align_down(bank.base + random.randint(0, max(0, bank.size - size)), grain)
        case "start":
            base = bank.base + random.choice((0, 0, grain))
        case "end":
            base = max(0, bank.base + bank.size - size)
        case "over":
            base = max(0, bank.base + random.choice((0, bank.size)) - size // 2)
        case _:
            base = image.base + image.size + random.choice((0, -grain, grain))
    return MadeRange(max(0, base), size)


def _area(random: Random, number: int, banks: list[MadeRange], image: MadeRange) -> MadeArea:
    pool = random.random() < 0.4
    reusable = pool and random.random() < 0.6
    no_map = not reusable and random.random() < 0.4
    if random.random() < 0.6:
        regs = tuple(_near(random, banks, image) for _ in range(2 if random.random() < 0.1 else 1))
        if reusable and random.random() < 0.7:
            regs = tuple(MadeRange(align_down(r.base, 4 * MIB), align_up(r.size, 4 * MIB)) for r in regs)
        name = f"area{number}@{regs[0].base:x}"
        return MadeArea(
            name, reg=regs, no_map=no_map, reusable=reusable, pool=pool, default=reusable and random.random() < 0.4
        )
    size = _size(random, 128 * MIB)
    if reusable and random.random() < 0.7:
        size = align_up(size, 4 * MIB)
    ranges: tuple[MadeRange, ...] = ()
    if random.random() < 0.5:
        bank = random.choice(banks)
        start = align_down(bank.base, 16 * MIB)
        ranges = (MadeRange(start, random.choice((bank.size, 256 * MIB, 2 * size))),)
    return MadeArea(
        f"area{number}",
        size=size,
        alignment=random.choice((0, 0, PAGE_SIZE, 64 * KIB, MIB, 4 * MIB, 16 * MIB)),
        ranges=ranges,
        no_map=no_map,
        reusable=reusable,
        pool=pool,
        default=reusable and random.random() < 0.4,
    )


def _cmdline(random: Random, banks: list[MadeRange], phys_offset: int) -> list[str]:
    words = ["console=ttyAMA0"]
    if random.random() < 0.5:
        words.append("memblock=debug")
    if random.random() < 0.2:
        words.append(f"vmalloc={random.choice((8, 16, 64, 100, 128, 240, 256, 300, 384, 496, 512, 700, 900, 1200))}M")
    if random.random() < 0.15:
        bank = random.choice(banks)
        if random.random() < 0.5:
            words.append(f"mem={_amount(random, bank.size)}")
        else:
            for _ in range(random.randint(1, 2)):
                bank = random.choice(banks)
                words.append(f"mem={_amount(random, bank.size)}@{bank.base + _size(random, MIB) - MIB // 2 & -MIB:#x}")
    if random.random() < 0.2:
        word = f"cma={random.choice((0, 4, 8, 16, 17, 64, 128, 256, 512))}M"
        if random.random() < 0.4:
            bank = random.choice(banks)
            base = align_down(bank.base + random.randint(0, bank.size), random.choice((PAGE_SIZE, 4 * MIB, 64 * MIB)))
            word += f"@{base:#x}"
            if random.random() < 0.5:
                word += f"-{base + random.choice((64, 128, 512)) * MIB:#x}"
        words.append(word)
    if random.random() < 0.05:
        words.append(random.choice(("earlycon", "earlycon=pl011,0x9000000")))
    if random.random() < 0.05:
        words.append(random.choice(("nosmp", "cachepolicy=writeback", "cachepolicy=uncached", "ecc=on", "noalign")))
    if random.random() < 0.05:
        start = phys_offset + 64 * MIB
        words.append(f"initrd={start:#x},{_size(random, 8 * MIB):#x}")
    return words


def _amount(random: Random, size: int) -> str:
    number = _size(random, size)
    return f"{number // MIB}M" if number >= MIB and number % MIB == 0 else f"{number // KIB or 1}K"
