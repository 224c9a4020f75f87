"""Boots for a boot loader to place: made up from a seed, so that more can be made at any time.

Each draws RAM from 256 MiB to 3 GiB, the variables that decide on addresses, a tree with reserved memory at awkward
places (below U-Boot, in it, on the kernel, outside RAM, side by side, more than an old LMB can hold), a ramdisk up to
nearly all of RAM, and one of the ways to start a kernel.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import asdict

from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.inputs.packings import PACKINGS
from bootmap.inputs.uimage import HEADER, MAGIC
from bootmap.units import GIB, KIB, MIB, Span, align_down
from bootmap.verify.loader.packers import pack
from bootmap.verify.loader.payload import zimage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RAM = 0x40000000
"""Where QEMU's virt machine has it."""
_MEMORY = (256, 320, 384, 512, 640, 768, 1024, 1536, 2048, 2560, 3072)
IN_PLACE = "ffffffff"
"""fdt_high or initrd_high with this value: it stays where it was loaded."""
_LINUX, _ARM, _KERNEL, _RAMDISK, _NOLOAD = 5, 2, 2, 3, 14


def made_tree(
    memory: Iterable[int], *, wide: bool, padding: int, chosen: bool, reserved: Iterable[tuple[int, int, bool]]
) -> MadeNode:
    """The tree of a case that is made up.

    Args:
        memory: where banks begin; each is declared with 16 MiB, for the boot loader writes what there is.
        wide: two cells for addresses and sizes, else one.
        padding: bytes of a property that makes the tree larger.
        chosen: whether it has a /chosen, with bootargs of its own.
        reserved: nodes of /reserved-memory: base, size, whether they are no-map.
    """
    width = 2 if wide else 1
    root = MadeNode(properties={"#address-cells": cells(width), "#size-cells": cells(width)})
    root.properties["compatible"] = text("linux,dummy-virt")
    if padding:
        root.properties["padding"] = bytes(padding)
    if chosen:
        root.add("chosen", {"bootargs": text("console=ttyAMA0")})
    for base in memory:
        root.add(f"memory@{base:x}", {"device_type": text("memory"), "reg": cells(base, 16 * MIB, width=width)})
    if areas := list(reserved):
        parent = root.add("reserved-memory", {"#address-cells": cells(width), "#size-cells": cells(width)})
        parent.properties["ranges"] = b""
        for i, (base, size, no_map) in enumerate(areas):
            node = parent.add(f"area{i}@{base:x}", {"reg": cells(base, size, width=width)})
            if no_map:
                node.properties["no-map"] = b""
    return root


class LoaderCase(Struct, frozen=True):
    """One boot.

    Attributes:
        memory: MiB of RAM.
        command: "bootz", or "bootm" with a legacy image.
        kernel: where the image is, and the size that its header says, in bytes.
        load: for bootm, the load address of the image; None for kernel_noload.
        ramdisk: where it is and its size in bytes; None for none.
        dtb: where the tree is.
        env: variables that are set, None to delete one.
        reserved: nodes of /reserved-memory: base, size, whether they are no-map.
        memreserve: /memreserve/ entries: base, size.
        padding: bytes of a property that makes the tree larger.
        wide: two cells for addresses and sizes, else one.
        chosen: whether the tree has a /chosen, with bootargs of its own.
        legacy: the ramdisk has a header of U-Boot's in front; its size is that of what is behind.
        fit: everything is in one FIT at ``kernel``: load addresses of ramdisk and tree, None for none.
        banks: base and size in bytes of each bank that U-Boot knows of; none for all that QEMU has.
        packing: how the kernel is packed, "" where it is not.
        packed: bytes that it then has.
    """

    memory: int
    command: str
    kernel: tuple[int, int]
    load: int | None
    ramdisk: tuple[int, int] | None
    dtb: int
    env: dict[str, str | None] = field(default_factory=dict)
    reserved: tuple[tuple[int, int, bool], ...] = ()
    memreserve: tuple[tuple[int, int], ...] = ()
    padding: int = 0
    wide: bool = True
    chosen: bool = True
    legacy: bool = False
    fit: tuple[int | None, int | None] | None = None
    banks: tuple[tuple[int, int], ...] = ()
    packing: str = ""
    packed: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> LoaderCase:
        """The case of :meth:`row`."""
        values = dict(row)
        for name in ("kernel", "ramdisk", "fit"):
            values[name] = tuple(values[name]) if values.get(name) is not None else None
        for name in ("reserved", "memreserve", "banks"):
            values[name] = tuple(tuple(each) for each in values.get(name, ()))
        return cls(**values)

    def row(self) -> dict[str, Any]:
        """The case as JSON has it."""
        return asdict(self)

    @property
    def ram(self) -> str:
        """What boards with the same RAM share: the MiB, or the banks in hexadecimal."""
        return ",".join(f"{base:x}+{size:x}" for base, size in self.banks) or str(self.memory)

    @property
    def words(self) -> str:
        """The command that boots it."""
        if self.fit is not None:
            return f"bootm {self.kernel[0]:x}"
        ramdisk = "-"
        if self.ramdisk is not None:
            ramdisk = f"{self.ramdisk[0]:x}" + ("" if self.legacy else f":{self.ramdisk[1]:x}")
        return f"{self.command} {self.kernel[0]:x} {ramdisk} {self.dtb:x}"

    def tree(self) -> bytes:
        """The blob."""
        root = made_tree(
            [base for base, _ in self.banks] or [RAM],
            wide=self.wide,
            padding=self.padding,
            chosen=self.chosen,
            reserved=self.reserved,
        )
        return flatten(root, self.memreserve)

    def image(self) -> bytes:
        """What is in RAM at ``kernel``: a zImage, for bootm with a header in front."""
        if self.fit is not None:
            return self._fit()
        if self.command == "bootz":
            return zimage(self.kernel[1])
        kind = _KERNEL if self.load is not None else _NOLOAD
        return with_header(self.kernel_data(), self.load or 0, kind, PACKINGS.index(self.packing or "none"))

    def kernel_data(self) -> bytes:
        """The kernel of a legacy image or a FIT, packed if it is."""
        data = zimage(0x1000).ljust(self.kernel[1], b"\0")
        return pack(data, self.packing) if self.packing else data

    def _fit(self) -> bytes:
        """The FIT, with the tree's data on a multiple of 8, as mkimage -B 8 does it."""
        assert self.fit is not None
        root = MadeNode(properties={"description": text("x"), "timestamp": cells(1), "#address-cells": cells(1)})
        images = root.add("images")
        kernel = self.kernel_data()
        disk = bytes(self.ramdisk[1]) if self.ramdisk is not None else None
        for name, kind, data, load in (
            ("fdt", "flat_dt", self.tree(), self.fit[1]),
            ("kernel", "kernel" if self.load is not None else "kernel_noload", kernel, self.load or 0),
            ("ramdisk", "ramdisk", disk, self.fit[0]),
        ):
            if data is None:
                continue
            node = images.add(name, {"data": data, "type": text(kind), "arch": text("arm"), "os": text("linux")})
            node.properties["compression"] = text((name == "kernel" and self.packing) or "none")
            node.properties |= {"load": cells(load)} if load is not None else {}
            node.properties |= {"entry": cells(load or 0)} if name == "kernel" else {}
        names = {name: text(name) for name in ("kernel", "fdt", "ramdisk") if name != "ramdisk" or disk is not None}
        root.add("configurations", {"default": text("c")}).add("c", names)
        blob = flatten(root)
        if blob.index(self.tree()) % 8:
            root.properties["pad"] = b""  # twelve bytes
            blob = flatten(root)
        return blob

    def disk(self) -> bytes:
        """What is in RAM where the ramdisk is: nothing but with a header."""
        return with_header(bytes(self.ramdisk[1]), 0, _RAMDISK) if self.ramdisk is not None and self.legacy else b""


def with_header(data: bytes, load: int, kind: int, packing: int = 0) -> bytes:
    """``data`` as mkimage wraps it: U-Boot's header in front."""
    rest = (0, len(data), load, load, zlib.crc32(data), _LINUX, _ARM, kind, packing, b"payload")
    magic = int.from_bytes(MAGIC, "big")
    return HEADER.pack(magic, zlib.crc32(HEADER.pack(magic, 0, *rest)), *rest) + data


def made_up(seed: int, number: int, room: int = 40 * MIB) -> list[LoaderCase]:
    """``number`` cases.

    Args:
        seed: of the random numbers.
        number: how many.
        room: bytes that U-Boot, its heap and stack take at the end of RAM, to have things near them.
    """
    rng = random.Random(seed)
    return [_case(rng, room) for _ in range(number)]


def fits(seed: int, number: int, room: int = 40 * MIB) -> list[LoaderCase]:
    """``number`` cases with everything in one FIT."""
    rng = random.Random(seed)
    return [_in_a_fit(rng, _case(rng, room)) for _ in range(number)]


def _in_a_fit(rng: random.Random, case: LoaderCase) -> LoaderCase:
    at = rng.choice((RAM + 64 * MIB, RAM + 64 * MIB, RAM + 48 * MIB + 0x1000, RAM + 96 * MIB + 8))
    size = rng.randrange(4 * KIB, 256 * KIB) & ~3
    load = rng.choice((None, RAM + 0x8000 + 2 * MIB, RAM + 32 * MIB, at + 0x10000, at - 0x8000, RAM + 180 * MIB))
    disk = (0, rng.choice((0x1001, 1 * MIB + 3, 3 * MIB))) if rng.random() < 0.75 else None
    disk_load = rng.choice((None, None, RAM + 130 * MIB, RAM + 140 * MIB + 4, at + 0x1000, RAM + 33 * MIB))
    tree_load = rng.choice((None, None, RAM + 120 * MIB, RAM + 33 * MIB, RAM + 32 * MIB + 0x1000, at + 0x2000))
    values = {"command": "bootm", "kernel": (at, size), "load": load, "ramdisk": disk, "dtb": 0, "legacy": False}
    return LoaderCase.of(case.row() | values | {"fit": (disk_load, tree_load)})


def _case(rng: random.Random, room: int) -> LoaderCase:
    memory = rng.choice(_MEMORY)
    end = min(RAM + memory * MIB, 1 << 32)
    top = end - room
    command = rng.choice(("bootz", "bootz", "bootz", "bootm"))
    kernel_at = rng.choice((RAM + 4 * MIB, RAM + 4 * MIB, RAM + 0x8000 + 2 * MIB, RAM + 32 * MIB, top - 100 * MIB))
    size = rng.randrange(1 * MIB, 24 * MIB) & ~3 if command == "bootz" else rng.randrange(4 * KIB, 256 * KIB) & ~3
    load = None
    if command == "bootm" and rng.random() < 0.7:
        load = rng.choice((RAM + 0x8000 + 2 * MIB, kernel_at + 64, RAM + 64 * MIB, top - 120 * MIB + 0x8000))
    if kernel_at == RAM + 32 * MIB and rng.random() < 0.9:
        size = min(size, 12 * MIB)
    places = [RAM + 48 * MIB, RAM + 58 * MIB, RAM + 58 * MIB + 0x10, top - 64 * MIB, kernel_at + size + 0x100]
    dtb = align_down(rng.choice(places), 8)
    ramdisk = None
    if rng.random() < 0.75:
        sizes = (rng.randrange(1, MIB), rng.randrange(MIB, 48 * MIB), rng.randrange(64 * MIB, 200 * MIB))
        length = rng.choice(sizes)
        if rng.random() < 0.12:
            length = rng.randrange((top - RAM) // 2, top - RAM + 8 * MIB)
        at = rng.choice((RAM + 64 * MIB, RAM + 96 * MIB + 0x120))
        ramdisk = (align_down(kernel_at + size // 2, 8) if rng.random() < 0.08 else at, length)
    case = LoaderCase(
        memory,
        command,
        (kernel_at, size),
        load,
        ramdisk,
        dtb,
        _environment(rng, top, end),
        (),
        (),
        rng.choice((0, rng.randrange(1, 9000), rng.randrange(9000, 60000))),
        rng.random() < 0.7,
        rng.random() < 0.8,
    )
    reserved, memreserve = _reserved(rng, case, top, end)
    legacy = ramdisk is not None and ramdisk[1] < 4 * MIB and rng.random() < 0.4
    if ramdisk is not None and legacy:  # QEMU loads no files over each other
        disk = Span(ramdisk[0], ramdisk[0] + ramdisk[1] + HEADER.size)
        legacy = not any(disk.overlaps(Span(at, at + MIB)) for at in (kernel_at, dtb))
    values = case.row() | {"reserved": reserved, "memreserve": memreserve, "legacy": legacy}
    return LoaderCase.of(values)


def _environment(rng: random.Random, top: int, end: int) -> dict[str, str | None]:
    env: dict[str, str | None] = {}

    def high() -> str | None:
        kind = rng.random()
        if kind < 0.5:
            return None
        if kind < 0.65:
            return IN_PLACE
        if kind < 0.72:
            return rng.choice(("0", "no"))
        places = (top, end, RAM + 128 * MIB, RAM + 768 * MIB, top - 5 * MIB + 0x321, RAM + rng.randrange(8, 300) * MIB)
        return f"{rng.choice(('', '0x'))}{min(rng.choice(places), 0xFFFFF000):x}"

    env["fdt_high"], env["initrd_high"] = high(), high()
    if rng.random() < 0.25:
        env["bootm_low"] = f"{RAM + rng.choice((0, 0, 16, 48, 128)) * MIB + rng.choice((0, 0, 0x1234)):x}"
    if rng.random() < 0.25:
        env["bootm_size"] = f"{rng.choice((128, 256, 400)) * MIB + rng.choice((0, 0, 0x800)):x}"
    if rng.random() < 0.3:
        env["bootm_mapsize"] = f"{rng.choice((16, 64, 128, 256, 512, 1024)) * MIB + rng.choice((0, 0, 0x777)):x}"
    return env


def _reserved(
    rng: random.Random, case: LoaderCase, top: int, end: int
) -> tuple[list[tuple[int, int, bool]], list[tuple[int, int]]]:
    count = rng.choice((0, 0, 1, 1, 2, 3, 4, 5, rng.choice((10, 20))))
    areas: list[tuple[int, int, bool]] = []
    for _ in range(count):
        size = rng.choice((4 * KIB, 64 * KIB, MIB, 7 * MIB, 16 * MIB, 0x1234, 64 * MIB))
        places = [
            top - size,
            top - size - rng.randrange(1, 64 * KIB),
            top - rng.randrange(1, 200 * MIB),
            top - size // 2,
            end - size,
            end,
            case.kernel[0] + 0x1000,
            case.dtb,
            RAM + 80 * MIB,
            RAM + rng.randrange(8, 250) * MIB,
        ]
        if case.ramdisk:
            places += [case.ramdisk[0], case.ramdisk[0] + case.ramdisk[1]]
        if areas:
            places += [areas[-1][0] + areas[-1][1], areas[-1][0] - size, areas[-1][0]]
        base = rng.choice(places)
        if rng.random() < 0.7:
            base = align_down(base, 4 * KIB)
        if base > 0 and base + size <= 1 << 32:
            areas.append((base, size, rng.random() < 0.4))
    entries = []
    if rng.random() < 0.3:
        entries.append((align_down(top - rng.randrange(1, 40 * MIB), 4 * KIB), rng.choice((4 * KIB, 0x2345, 2 * MIB))))
    if rng.random() < 0.1:
        entries.append((case.dtb, 64 * KIB))
    if case.memory * MIB >= 3 * GIB:
        areas = [area for area in areas if area[0] + area[1] < 1 << 32]
    return areas, entries
