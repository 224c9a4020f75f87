"""Boards for the rules of check that only pass a hazard of the boot on.

Each says where its expectation is from: a recording of a real kernel, a board of boards/findings (booted.json has what
it did), or the kernel's own rule.  One that fires has a near one beside it, on which the rule must be silent.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bootmap
from support.boards import MIB, kernel, reserved, tree
from support.booting import FINDINGS
from support.machine_descs import BOARDS, with_machines
from support.recordings import DATA, STATIC_MAPS, Case, loaded_kernel
from support.trees import Node, cells, numbers, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap import Board, Kernel

    Made = Callable[[], tuple[Kernel, Board]]

START = 0x40000000
HALF = [(START, 512 * MIB)]


@dataclass(frozen=True)
class PassedOn:
    """A rule on a board.

    Attributes:
        rule: its id.
        hazard: the hazard that it passes on.
        made: the kernel and the board.
        because: where it is known from that this happens, or does not.
        quiet: the rule must not fire.
    """

    rule: str
    hazard: str
    made: Made
    because: str
    quiet: bool = False

    @property
    def id(self) -> str:
        """For pytest."""
        return f"{self.hazard}{'-quiet' if self.quiet else ''}"


def recorded(name: str, **more: Any) -> Made:
    """The board and kernel of a recorded boot, as a user would give them."""

    def make() -> tuple[Kernel, Board]:
        one = Case(name)
        given = {"static_maps": STATIC_MAPS.get(one.key, ()), **more}
        return loaded_kernel(one.key), bootmap.Board.parse(
            one.board,
            name,
            cpu=one.doc["qemu"]["cpu"],
            dtb_addr=one.doc["entry"]["r2"],
            phys_offset=one.doc["phys_offset"],
            machine_id=one.doc["entry"]["r1"] if "atags" in one.doc else None,
            **given,
        )

    return make


def booted(name: str, key: str, **more: Any) -> Made:
    """A board of boards/findings."""

    def make() -> tuple[Kernel, Board]:
        places = json.loads((FINDINGS / "booted.json").read_text())[name]
        board = bootmap.Board.load(
            FINDINGS / f"{name}.dtb",
            cpu="cortex-a15",
            dtb_addr=int(places["dtb_at"], 16),
            phys_offset=int(places["phys_offset"], 16),
            **more,
        )
        return loaded_kernel(key), board

    return make


def made(key: str, data: bytes, version: str | None = None, options: Any = None, **more: Any) -> Made:
    """A board that is made for the purpose."""
    return lambda: (kernel(key, version, **(options or {})), bootmap.Board.parse(data, "board.dtb", **more))


def of_machines(number: int) -> Made:
    """A PXA's list of tags, and a kernel whose image has two machine descriptions."""

    def make() -> tuple[Kernel, Board]:
        model = with_machines(BOARDS)
        of = bootmap.Kernel(model.version, model.sublevel, model.config, model.symbols, file=model.file)
        tags = (DATA / "atags" / "spitz.bin").read_bytes()
        return of, bootmap.Board.parse(tags, "tags", machine_id=number, cpu="cortex-a7", phys_offset=START)

    return make


def sizeless(*banks: tuple[int, int]) -> Made:
    """The tree as a command reads it: what is left to the boot loader is taken for granted."""

    def make() -> tuple[Kernel, Board]:
        from bootmap.assemble.usual_ram import with_usual_ram

        board = bootmap.Board.parse(tree(list(banks)), "board.dtb")
        return loaded_kernel("v510"), with_usual_ram(board)

    return make


def placed_below_4g(**area: bytes) -> Made:
    """RAM from 1 GiB to 4 GiB, and an area of 256 MiB for the kernel to place, from the top down."""

    def edit(root: Node) -> None:
        parent = root.add("reserved-memory", ranges=b"")
        parent.properties |= {"#address-cells": cells(2), "#size-cells": cells(2)}
        parent.add("area0", size=numbers(2, 256 * MIB), no_map=b"", **area)

    data = tree([(START, 3072 * MIB)], cpu="arm,cortex-a15", width=2, edit=edit)
    return made("deb-6.1", data, dtb_addr=0x48000000, phys_offset=START)


def tightly(dtcm: str, itcm: str) -> Made:
    """The Integrator's tree as it was recorded, with other sizes of tightly coupled memory."""

    def make() -> tuple[Kernel, Board]:
        one = json.loads(gzip.decompress((DATA / "tcm" / "integrator-arm926.json.gz").read_bytes()))
        data = gzip.decompress(base64.b64decode(one["dtb"]))
        return loaded_kernel("v5-integrator"), bootmap.Board.parse(
            data,
            "integrator",
            cpu="arm926",
            dtb_addr=one["entry"]["r2"],
            phys_offset=one["phys_offset"],
            dtcm=dtcm,
            itcm=itcm,
        )

    return make


def uefi(root: Node) -> None:
    """What the kernel's EFI stub leaves in /chosen (Documentation/arch/arm/uefi.rst)."""
    chosen = next(node for node in root.children if node.name == "chosen")
    chosen.properties |= {"linux,uefi-system-table": numbers(2, 0x5FC19018)}
    chosen.properties |= {"linux,uefi-mmap-start": numbers(2, 0x5DF3D018)}


def pool(base: int) -> Any:
    """A pool of 4 MiB at a fixed place."""
    area = {"compatible": text("shared-dma-pool"), "reusable": b""}
    return reserved((f"pool@{base:x}", base, 4 * MIB, area))


PASSED_ON = [
    PassedOn("memory-size-unknown", "", sizeless((0, 0)), "reg = <0 0>: 297 of Debian's 898 trees"),
    PassedOn("memory-size-unknown", "", sizeless(*HALF), "a bank with its size", quiet=True),
    PassedOn("memory-not-there", "memory-not-there", recorded("own-ve2638-5096"), "recorded: it dies"),
    PassedOn(
        "memory-not-there",
        "memory-not-there",
        made("deb-6.1", tree(HALF, bootargs="mem=512M")),
        "mem= of just what the tree has",
        quiet=True,
    ),
    PassedOn("bank-twice", "bank-twice", recorded("own-ve2638-20049"), "recorded: a BUG in free_bootmem"),
    PassedOn("bank-twice", "bank-twice", recorded("old49-2banks"), "recorded: two banks apart, it boots", quiet=True),
    PassedOn(
        "uefi-map",
        "uefi-map",
        made("deb-6.1", tree(HALF, edit=uefi), cpu="cortex-a15"),
        "efi_get_fdt_params() finds both properties",
    ),
    PassedOn(
        "uefi-map",
        "uefi-map",
        made("v7", tree(HALF, edit=uefi), cpu="cortex-a15"),
        "without CONFIG_EFI nobody looks",
        quiet=True,
    ),
    PassedOn(
        "lowmem-unmapped",
        "lowmem-unmapped",
        recorded("odd-resv-pool-odd-7.3"),
        "recorded: the MiB beside the pool has no descriptor",
    ),
    PassedOn(
        "lowmem-unmapped",
        "lowmem-unmapped",
        made("deb-7.2", tree(HALF, edit=pool(0x50000000))),
        "a pool of whole 2 MiB has no neighbours in its pmds",
        quiet=True,
    ),
    PassedOn(
        "machine-not-found",
        "machine-not-found",
        of_machines(0x2E8),
        'atags_parse.c: "unrecognized/unsupported machine ID"',
    ),
    PassedOn("machine-not-found", "machine-not-found", of_machines(0x2E7), "the number of one of the two", quiet=True),
    PassedOn("static-mapping", "map-io-unmapped", recorded("virt-1g-nochipid-6.1"), "recorded: a data abort in map_io"),
    PassedOn(
        "static-mapping",
        "map-io-unmapped",
        recorded("mach-samsung.exynos5800-7.3"),
        "recorded: with the node it boots",
        quiet=True,
    ),
    PassedOn(
        "static-mapping",
        "mapping-refused",
        recorded("own-ve2639-7048"),
        'recorded: "not creating mapping", and it dies',
    ),
    PassedOn("static-mapping", "mapping-refused", recorded("own-ve2639-plain"), "recorded: it boots", quiet=True),
    PassedOn(
        "earlycon",
        "earlycon-unmapped",
        booted("earlycon-memblock-debug", "deb-6.1"),
        "booted: a data abort at the console's registers",
    ),
    PassedOn(
        "earlycon",
        "earlycon-unmapped",
        recorded("virt-1g-earlycon-6.1"),
        "recorded: earlycon alone, it boots",
        quiet=True,
    ),
    PassedOn("early-allocation", "allocation-unmapped", recorded("own-v310-45"), "recorded: it dies"),
    PassedOn("early-allocation", "allocation-unmapped", recorded("own-v310-plain"), "recorded: it boots", quiet=True),
    PassedOn("early-allocation", "allocation-failed", recorded("own-v44-lpae-500"), "recorded: it dies"),
    PassedOn("early-allocation", "allocation-failed", recorded("own-v44-lpae-plain"), "recorded: it boots", quiet=True),
    PassedOn(
        "kernel-unmapped",
        "negative-length",
        booted("nomap-in-last-section-6.1", "deb-6.1"),
        "booted: create_mapping() writes upwards until something breaks",
    ),
    PassedOn(
        "kernel-unmapped",
        "negative-length",
        booted("nomap-in-last-section-6.1", "deb-6.12"),
        "booted: the image of 6.12 ends elsewhere, it lives",
        quiet=True,
    ),
    PassedOn("kernel-unmapped", "kernel-unmapped", booted("ram-14m", "deb-6.12"), "booted: dead in devicemaps_init()"),
    PassedOn("kernel-unmapped", "kernel-unmapped", recorded("virt-64m-6.1"), "recorded: 64 MiB, it boots", quiet=True),
    PassedOn("kernel-unmapped", "pmd-bad", recorded("fuzz-1-027-old49"), "recorded: BUG_ON(pmd_bad)"),
    PassedOn("kernel-unmapped", "text-unmapped", booted("first-bank-off-2m", "v7"), "booted: a data abort"),
    PassedOn(
        "kernel-unmapped", "text-unmapped", booted("mem-far-above", "v7"), "its first bank holds the kernel", quiet=True
    ),
    PassedOn("last-page", "page-0-freed", placed_below_4g(), "booted: dead in memblock_free_all()"),
    PassedOn(
        "last-page", "page-0-freed", placed_below_4g(alignment=numbers(2, 4096)), "booted: it comes to init", quiet=True
    ),
    PassedOn("mem-map", "memmap-displaced", booted("mem-far-above", "v7"), "booted: dead in memmap_init()"),
    PassedOn("mem-map", "memmap-displaced", booted("ram-14m", "v7"), "booted: RAM from PHYS_OFFSET on", quiet=True),
    PassedOn("mem-map", "memmap-failed", booted("vmalloc-all", "deb-6.12"), "booted: panics before there is a console"),
    PassedOn(
        "mem-map", "memmap-failed", booted("vmalloc-all", "deb-6.1"), "booted: a smaller kernel lives", quiet=True
    ),
    PassedOn(
        "initrd-overwritten",
        "zimage-overlaps-initrd",
        made(
            "deb-6.1",
            tree(HALF),
            cpu="cortex-a15",
            zimage=5 * MIB,
            load_addr=START + 64 * MIB,
            initrd=(START + 65 * MIB, MIB),
        ),
        "booting.rst: each has a place of its own",
    ),
    PassedOn(
        "reserved-overwritten",
        "decompressor-overwrites-reserved",
        made(
            "deb-6.1-marvell",
            tree([(0, 512 * MIB)], edit=reserved(("fw@900000", 0x900000, MIB, {})), cpu="marvell,feroceon"),
            zimage=3 * MIB,
            load_addr=0x8000,
        ),
        "a zImage of 3 MiB moves itself behind 7.6 MiB of kernel",
    ),
    PassedOn(
        "earlycon",
        "earlycon-too-early",
        made(
            "v318",
            tree(HALF, bootargs="earlycon=pl011,0x09000000", cpu="arm,cortex-a15"),
            options={"FIX_EARLYCON_MEM": None, "SERIAL_AMBA_PL011_CONSOLE": "y"},
        ),
        "mm/slub.c of 3.18: a data abort before there are slabs",
    ),
    PassedOn(
        "static-mapping",
        "mapping-in-vmalloc",
        recorded("own-ve30-plain", static_maps=("0xf0000000,0x10000000,1M,DEVICE",)),
        "3.0, mmu.c: overlaps vmalloc space, which ends at 0xf8000000",
    ),
    PassedOn("tcm", "tcm-refused", tightly("64K", "8K"), "tcm_init() ends at a bank above 32 KiB"),
    PassedOn("tcm", "tcm-refused", tightly("16K", "8K"), "recorded: both are mapped", quiet=True),
]
