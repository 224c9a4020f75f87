"""Boards for the rules of check: one on which each fires, as a public report describes it, and a near one beside it.

Addresses and sizes are those of the reports; the boards are made small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bootmap
from bootmap.assemble.environment import Environment, Variable
from support.boards import MIB, device, reserved, tree
from support.trees import Node, cells, text

if TYPE_CHECKING:
    from collections.abc import Mapping

NOMAP = {"no-map": b""}
POOL = {"compatible": text("shared-dma-pool"), "reusable": b""}
DYNAMIC = {**POOL, "linux,cma-default": b""}


@dataclass(frozen=True)
class Row:
    """A rule on a board.

    Attributes:
        rule: its id.
        tree: the device tree.
        kernel: (key, version, options).
        more: attributes of the board.
        says: what the finding's text, or a change, must contain: numbers of the report.
        quiet: the rule must not fire.
    """

    rule: str
    tree: bytes
    kernel: tuple[str, str | None, Mapping[str, str | None]] = ("v510", None, {})
    more: Mapping[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    quiet: bool = False


def amba(root: Node) -> None:
    """The peripherals of the Versatile board."""
    bus = Node("amba", {"compatible": text("simple-bus"), "#address-cells": cells(1), "#size-cells": cells(1),
                        "ranges": b""})
    bus.children.append(Node("uart@101f1000", {"compatible": text("arm,pl011"), "reg": cells(0x101F1000, 0x1000)}))
    root.children.append(bus)


def node_of_memory(*, used: bool = False, **properties: bytes) -> Any:
    """An edit that adds a node whose reg is RAM, which a driver's memory-region points to."""

    def add(root: Node) -> None:
        more = {"phandle": cells(7)} if used else {}
        root.children.append(Node("buffer@1d000000", {"reg": cells(0x1D000000, MIB), **more, **properties}))
        if used:
            user = {"compatible": text("ti,omap4-rproc"), "memory-region": cells(7)}
            root.children.append(Node("rproc", user))

    return add


def memory_node(of_root: Mapping[str, bytes] | None = None, **properties: bytes) -> Any:
    """An edit that adds properties to the memory node, and to the root."""

    def add(root: Node) -> None:
        node = next(node for node in root.children if node.name.startswith("memory"))
        node.properties |= properties
        root.properties |= of_root or {}

    return add


def initrd(start: int, size: int) -> Any:
    def add(root: Node) -> None:
        chosen = next(node for node in root.children if node.name == "chosen")
        chosen.properties |= {"linux,initrd-start": cells(start), "linux,initrd-end": cells(start + size)}

    return add


def variables(name: str, value: str) -> Environment:
    """An environment with one variable."""
    return Environment("env.txt", {name: Variable(name, value, 1)})


CMA = {"CMA": "y", "DMA_CMA": "y", "CMA_SIZE_SEL_MBYTES": "y", "CMA_SIZE_MBYTES": "16"}
OLD, MID = ("old54", None, {}), ("v44", None, {})
NO_HIGHMEM = ("v44", None, {"HIGHMEM": None})
HALF = [(0, 512 * MIB)]
GIB = [(0, 1024 * MIB)]
AT80 = [(0x80000000, 256 * MIB)]
AT40 = [(0x40000000, 512 * MIB)]

ROWS = [
    Row("ram-below-phys-offset", tree(HALF), OLD, {"zimage": 6676808, "load_addr": 0x17000000},
        ("256 MiB below it", "0x08000000", "boots, 256 MiB more RAM")),
    Row("ram-below-phys-offset", tree(HALF), OLD, {"zimage": 6676808, "load_addr": 0x01000000}, quiet=True),
    Row("ram-below-phys-offset", tree(HALF), ("v512", None, {}), {"zimage": 6676808, "load_addr": 0x07000000},
        quiet=True),
    Row("dtb-unmapped", tree(GIB), ("v44", None, {"HIGHMEM": "y"}), {"dtb_addr": 0x37B60000},
        ("0xf7b60000", "bootm_size", "fdt_addr_r", "Linux 5.11")),
    Row("dtb-unmapped", tree(GIB), ("v512", None, {}), {"dtb_addr": 0x37B60000}, quiet=True),
    Row("dtb-unmapped", tree(GIB), MID, {"dtb_addr": 0x20000000}, quiet=True),
    Row("dtb-overwritten", tree(HALF), ("deb-6.1-rpi", None, {}), {"dtb_addr": 0x3F00, "zimage": 5 * MIB,
        "load_addr": 0x8000, "cpu": "arm1176"}, ("0x00004000", "fdt_addr_r")),
    Row("dtb-overwritten", tree(HALF), ("deb-6.1-rpi", None, {}), {"dtb_addr": 0x100, "zimage": 5 * MIB,
        "load_addr": 0x8000, "cpu": "arm1176"}, quiet=True),
    Row("initrd-overwritten", tree(HALF, bootargs="initrd=0x900000,0x900000"), ("deb-6.1-marvell", None, {}),
        {"zimage": 2076472, "load_addr": 0x8000, "cpu": "feroceon"}, ("initrd=0x900000,0x900000", "boots with its")),
    Row("initrd-overwritten", tree(HALF, bootargs="initrd=0x1100000,0x900000"), ("deb-6.1-marvell", None, {}),
        {"zimage": 2076472, "load_addr": 0x8000, "cpu": "feroceon"}, quiet=True),
    Row("initrd-disabled", tree([(0, 0x3B000000)], edit=initrd(0x3AED7000, 0x118F60)), NO_HIGHMEM, {},
        ("0x3aed7000+0x00118f60", "below 0x30000000", "boots with its initrd")),
    Row("initrd-disabled", tree([(0, 0x3B000000)], edit=initrd(0x10000000, 0x118F60)), NO_HIGHMEM, {}, quiet=True),
    Row("initrd-ignored", tree(HALF, edit=initrd(0x10000000, MIB)), ("v510", None, {"BLK_DEV_INITRD": None})),
    Row("initrd-ignored", tree(HALF), ("v510", None, {"BLK_DEV_INITRD": None}), quiet=True),
    Row("payloads-overlap", tree(HALF, edit=initrd(0x10000000, MIB)), more={"dtb_addr": 0x10000800}),
    Row("payloads-overlap", tree(HALF, edit=initrd(0x10000000, MIB)), more={"dtb_addr": 0x10100000}, quiet=True),
    Row("reserved-overwritten", tree(HALF, edit=reserved(("fw@200000", 0x200000, MIB, NOMAP))),
        more={"zimage": 4 * MIB, "load_addr": 0x2000000}),
    Row("reserved-overwritten", tree(HALF, edit=reserved(("fw@8000000", 0x8000000, MIB, NOMAP))),
        more={"zimage": 4 * MIB, "load_addr": 0x2000000}, quiet=True),
    Row("zimage-overwrites-itself", tree(HALF), ("v310", None, {}), {"zimage": 4 * MIB, "load_addr": 0x4000}),
    Row("zimage-overwrites-itself", tree(HALF), ("v310", None, {}), {"zimage": 4 * MIB, "load_addr": 0x2000000},
        quiet=True),
    Row("decompressor-outside-ram", tree([(0, 16 * MIB)]), more={"zimage": 4 * MIB, "load_addr": 0xFC0000}),
    Row("decompressor-outside-ram", tree(HALF), more={"zimage": 4 * MIB, "load_addr": 0x2000000}, quiet=True),
    Row("little-headroom", tree(HALF, edit=initrd(0x510000, MIB)), more={"zimage": 2 * MIB, "load_addr": 0x2000000},
        says=("% larger overwrites it",)),
    Row("little-headroom", tree(HALF, edit=initrd(0x8000000, MIB)), more={"zimage": 2 * MIB, "load_addr": 0x2000000},
        quiet=True),
    Row("params-rejected", tree(HALF), more={"dtb_addr": 0x8000001}),
    Row("params-rejected", tree(HALF), more={"dtb_addr": 0x8000000}, quiet=True),
    Row("uboot-environment", tree(HALF), more={"environment": variables("bootm_size", "256M")},
        says=("bootm_size=256M as 0x256", "598 B", "0x10000000")),  # lib/strto.c
    Row("uboot-environment", tree(HALF), more={"environment": variables("bootm_size", "0x10000000")}, quiet=True),
    Row("guess-decides", tree([(0x42000000, 480 * MIB)]), ("old419", None, {}), {},
        ("0x40000000", "PHYS_OFFSET 0x42000000", "boots", "--phys-offset")),
    Row("guess-decides", tree(GIB), ("old419", None, {}), {}, ("0x3df00000", "setenv bootm_size 0x30000000", "boots")),
    Row("guess-decides", tree(GIB), ("v510", None, {}), {}, quiet=True),
    Row("guess-decides", tree(HALF), ("old419", None, {}), {}, quiet=True),
    Row("guess-decides", tree(HALF, bootargs="initrd=0xa00000,0x900000"), ("deb-6.1-marvell", None, {}),
        {"zimage": 3 * MIB, "cpu": "feroceon"},
        ("lose its initrd", "0x00008000", "run the zImage at 0x02000000", "boots with its initrd")),
    Row("guess-decides", tree(HALF, bootargs="initrd=0x1100000,0x900000"), ("deb-6.1-marvell", None, {}),
        {"zimage": 3 * MIB, "cpu": "feroceon"}, quiet=True),
    Row("phys-offset-mismatch", tree(AT80), ("old54", None, {}), {"phys_offset": 0x80200000}),
    Row("phys-offset-mismatch", tree(AT80), ("old54", None, {}), {"phys_offset": 0x80000000}, quiet=True),
    Row("no-memory", tree([]), ("old419", None, {}), {"phys_offset": 0x80000000}),
    Row("no-memory", tree(AT80), ("old419", None, {}), {}, quiet=True),
    Row("mem-parameter", tree(AT80, bootargs="mem=256"), MID, {}, ("mem=256M", "256 bytes", "boots")),
    Row("mem-parameter", tree(AT80, bootargs="mem=256M"), MID, {}, quiet=True),
    Row("mem-parameter", tree([(0x80000000, 1024 * MIB)], bootargs="mem=1862M@2048M mem=2048M@4096M"),
        ("v310", None, {}), {}, ("4096M",)),
    Row("memory-disagrees", tree(HALF), more={"ram": (bootmap.Span(0, 448 * MIB),)},
        says=("64 MiB of it", "reg = <0x0 0x1c000000>", "boots")),
    Row("memory-disagrees", tree(HALF), more={"ram": (bootmap.Span(0, 512 * MIB),)}, quiet=True),
    Row("memory-over-devices", tree(GIB, edit=amba), says=("0x101f1000", "256 MiB")),
    Row("memory-over-devices", tree([(0, 256 * MIB)], edit=amba), quiet=True),
    Row("memory-over-devices", tree(HALF, edit=device("serial@a000000", "ns16550a", 0xA000000, 0x1000)),
        says=("<0x0 0xa000000>", "reg = <0x0 0xa000000>, <0xa200000 0x15e00000>", "510 MiB")),
    Row("memory-over-devices", tree(HALF, edit=node_of_memory(used=True)), quiet=True),
    Row("memory-over-devices", tree(HALF, edit=node_of_memory(**NOMAP)), quiet=True),
    Row("memory-over-devices", tree(HALF, edit=node_of_memory(compatible=text("acme,buffer"), used=True)), quiet=True),
    Row("reserved-node-misplaced", tree(HALF, edit=node_of_memory(**NOMAP)),
        says=("move it to /reserved-memory/buffer@1d000000", "boots")),
    Row("area-not-reserved", tree(HALF, edit=node_of_memory(used=True)),
        says=("/buffer@1d000000", "move it to /reserved-memory/buffer@1d000000", "boots")),
    Row("first-bank-unaligned", tree(HALF, edit=reserved(("spin@0", 0, 0x1000, NOMAP))), ("old54", "5.2.0", {}), {},
        ("/reserved-memory/spin@0", "<0x0 0x200000>", "5.4")),
    Row("first-bank-unaligned", tree(HALF, edit=reserved(("spin@0", 0, 0x200000, NOMAP))), ("old54", "5.2.0", {}), {},
        quiet=True),
    Row("carveout-odd-mib", tree([(0x80000000, 512 * MIB)], edit=reserved(
        ("vga@9f000000", 0x9F000000, 16 * MIB, NOMAP), ("coldfire@9ef00000", 0x9EF00000, MIB, NOMAP))),
        ("v510", None, {"HIGHMEM": None}), {}, ("0x9ee00000", "coldfire@9ef00000", "<0x9ee00000 0x200000>")),
    Row("carveout-odd-mib", tree([(0x80000000, 512 * MIB)], edit=reserved(
        ("vga@9f000000", 0x9F000000, 16 * MIB, NOMAP), ("coldfire@9ee00000", 0x9EE00000, 2 * MIB, NOMAP))),
        ("v510", None, {"HIGHMEM": None}), {}, quiet=True),
    Row("ram-beyond-lowmem", tree([(0x80000000, 1024 * MIB)]), ("v510", None, {"HIGHMEM": None}), {},
        ("CONFIG_VMSPLIT_2G=y", "CONFIG_HIGHMEM=y", "CONFIG_VMSPLIT_3G_OPT=y")),
    Row("ram-beyond-lowmem", tree([(0x80000000, 1024 * MIB)]), ("v510", None, {"HIGHMEM": "y"}), {}, quiet=True),
    Row("vmalloc-cost", tree([(0x10000000, 1024 * MIB)], bootargs="vmalloc=400M"), ("v512", None, {}), {},
        ("vmalloc=400M costs 160 MiB",)),
    Row("vmalloc-cost", tree(AT80, bootargs="vmalloc=400M"), ("v512", None, {}), {}, quiet=True),
    Row("little-lowmem", tree([(0, 896 * MIB)], bootargs="cma=512M"), ("v7-nohm", None, CMA), {}, ("are left",)),
    Row("little-lowmem", tree([(0, 896 * MIB)], bootargs="cma=64M"), ("v7-nohm", None, CMA), {}, quiet=True),
    Row("dma-window", tree([(0, 0x3B400000), (0x40000000, 0x40000000)], compatible="raspberrypi,4-model-b"), OLD, {},
        ("0x40000000",)),
    Row("dma-window", tree([(0, 0x3B400000)], compatible="raspberrypi,4-model-b"), OLD, {}, quiet=True),
    Row("reserved-memory-ignored", tree(HALF, edit=reserved(("optee@10000000", 0x10000000, MIB, NOMAP),
        cells_of=(2, 2))), says=("#address-cells = <1>", "boots")),
    Row("reserved-memory-ignored", tree(HALF, edit=reserved(("optee@10000000", 0x10000000, MIB, NOMAP))), quiet=True),
    Row("reserved-memory-full", tree(HALF, edit=reserved(
        *((f"a@{0x10000000 + i * MIB:x}", 0x10000000 + i * MIB, MIB, {}) for i in range(18)))), MID, {},
        ("more than 16",)),
    Row("reserved-memory-full", tree(HALF, edit=reserved(
        *((f"a@{0x10000000 + i * MIB:x}", 0x10000000 + i * MIB, MIB, {}) for i in range(18)))), quiet=True),
    Row("reserved-memory-overlap", tree([(0x40000000, 512 * MIB)], edit=reserved(
        ("q6_code_data@4B000000", 0x4B000000, 0x60000, {}), ("q6_mem_regions@4B000000", 0x4B000000, 0x5400000, {}))),
        MID, {}, ("q6_code_data@4B000000 and q6_mem_regions@4B000000 overlap",)),
    Row("reserved-memory-overlap", tree([(0x40000000, 512 * MIB)], edit=reserved(
        ("q6_code_data@4AF00000", 0x4AF00000, 0x60000, {}), ("q6_mem_regions@4B000000", 0x4B000000, 0x5400000, {}))),
        MID, {}, quiet=True),
    Row("reserved-area-refused", tree(HALF, edit=reserved(("big", 0, 0, {**POOL, "size": cells(1024 * MIB)}))),
        ("v510", None, CMA)),
    Row("reserved-area-refused", tree(HALF, edit=reserved(("big", 0, 0, {**POOL, "size": cells(64 * MIB)}))),
        ("v510", None, CMA), quiet=True),
    Row("reserved-area-outside-ram", tree(AT80, edit=reserved(("flash@5c000000", 0x5C000000, 32 * MIB, {}))),
        says=("0x5c000000", "outside RAM", "0x8c000000")),
    Row("reserved-area-outside-ram", tree(AT80, edit=reserved(("flash@8c000000", 0x8C000000, 32 * MIB, {}))),
        quiet=True),
    Row("reserved-area-empty", tree(HALF, edit=reserved(("drm-logo@0", 0, 0, {"reg": cells(0, 0)}))),
        says=("drm-logo@0", "harmless")),
    Row("reserved-area-empty", tree(HALF), quiet=True),
    Row("area-not-reserved", tree([(0x42000000, 480 * MIB)], edit=device("ramoops@42100000", "ramoops", 0x42100000,
        0x40000)), more={"phys_offset": 0x42000000}, says=("0x42100000", "/reserved-memory/ramoops@")),
    Row("area-not-reserved", tree([(0x42000000, 480 * MIB)], edit=reserved(("ramoops@5fd00000", 0x5FD00000, 0x40000,
        {"compatible": text("ramoops")}))), more={"phys_offset": 0x42000000}, quiet=True),
    Row("reserved-node-misplaced", tree(HALF, edit=lambda root: root.children.append(
        Node("region@8000000", {**NOMAP, "reg": cells(0x8000000, MIB)})))),
    Row("reserved-node-misplaced", tree(HALF, edit=reserved(("region@8000000", 0x8000000, MIB, NOMAP))), quiet=True),
    Row("downstream-property", tree(HALF, edit=lambda root: root.children.append(
        Node("secure", {"linux,reserve-contiguous-region": b"", "reg": cells(0, 0xFC00000)})))),
    Row("downstream-property", tree(HALF), quiet=True),
    Row("cma-failed", tree([(0x20000000, 128 * MIB)]), ("v510", None, {"CMA": "y", "DMA_CMA": "y",
        "CMA_SIZE_SEL_MBYTES": "y", "CMA_SIZE_MBYTES": "64", "FORCE_MAX_ZONEORDER": "15"}),
        {"dtb_addr": 0x27B00000}, ("FORCE_MAX_ZONEORDER=11", "64 MiB")),
    Row("cma-failed", tree([(0x20000000, 128 * MIB)]), ("v510", None, {"CMA": "y", "DMA_CMA": "y",
        "CMA_SIZE_SEL_MBYTES": "y", "CMA_SIZE_MBYTES": "64"}), {"dtb_addr": 0x27B00000}, quiet=True),
    Row("cma-straddles-lowmem", tree([(0, 0x3B400000)], edit=reserved(("linux,cma", 0, 0, {**DYNAMIC,
        "size": cells(192 * MIB)}))), ("old54", None, {"CMA": "y", "DMA_CMA": "y", "HIGHMEM": "y"}), {},
        ("0x2f400000", "alloc-ranges = <0x0 0x30000000>", "boots")),
    Row("cma-straddles-lowmem", tree([(0, 0x3B400000)], edit=reserved(("linux,cma", 0, 0, {**DYNAMIC,
        "size": cells(192 * MIB), "alloc-ranges": cells(0, 0x30000000)}))),
        ("old54", None, {"CMA": "y", "DMA_CMA": "y", "HIGHMEM": "y"}), {}, quiet=True),
    Row("vmalloc-cost", tree([(0x40000000, 512 * MIB)], bootargs="vmalloc=2000M"), ("deb-6.1", None, {}), {},
        # VMALLOC_END 0xff800000 less 2000 MiB and the 8 MiB of VMALLOC_OFFSET, limited to PAGE_OFFSET and 32 MiB
        ("costs 480 MiB", "0x42000000 to 0x5fffffff")),
    Row("vmalloc-cost", tree([(0x40000000, 2048 * MIB)], bootargs="vmalloc=500M"), ("v510", None, {"HIGHMEM": None}),
        {}, ("costs 252 MiB", "252 MiB more RAM")),  # 240 MiB and 8 MiB of VMALLOC_OFFSET without; 500 MiB flat with it
    Row("ram-beyond-lowmem", tree([(0x40000000, 2048 * MIB)], cpu="arm,cortex-a15"),
        ("deb-6.1", None, {"HIGHMEM": None}), {}, ("CONFIG_VMSPLIT_1G=y 2 GiB 0 0",
        "CONFIG_ARM_LPAE=y 768 MiB 1280 MiB 0", "CONFIG_VMSPLIT_2G=y 1792 MiB")),
    Row("cma-failed", tree(AT40, bootargs="cma=64M@0x6e000000"), ("deb-6.1", None, {}), {}, ("cma=64M where",)),
    Row("cma-failed", tree(AT40, bootargs="cma=64M@0x5e000000"), ("deb-6.1", None, {}), {},
        ("cma=64M where", "cma=32M@0x5e000000 the largest usual size that fits there")),
    Row("cma-failed", tree(AT40, bootargs="cma=600M"), ("deb-6.1", None, {}), {},
        ("the largest usual size that fits anywhere",)),
    Row("crashkernel-above-lowmem", tree(AT40, bootargs="crashkernel=600M"), ("deb-6.1", None, {"KEXEC": "y"}), {},
        ("finds no room for 600 MiB", "crashkernel=256M@0x48000000")),
    Row("little-lowmem", tree(AT40, bootargs="crashkernel=600M"), ("deb-6.1", None, {"KEXEC": "y"}), quiet=True),
    Row("little-lowmem", tree([(0x40000000, 520 * MIB)], bootargs="cma=0 crashkernel=384M"),
        ("deb-6.1", None, {"KEXEC": "y"}), {}, ("crash kernel, later 384 MiB", "crashkernel=384M")),
    Row("reserved-area-outside-ram", tree(AT40, edit=reserved(("c@90000000", 0x90000000, MIB, NOMAP))),
        ("deb-6.1", None, {}), {}, ("lies outside RAM",
        "reg = <0x50000000 0x100000> if RAM at the same offset was meant")),
    Row("no-memory", tree(AT40, edit=memory_node(status=text("disabled"))), ("deb-6.1", None, {}), {},
        ("/memory@40000000/status", "taken away by its status", "leave status out", "boots")),
    Row("no-memory", tree(AT40, edit=memory_node(status=text("okay"))), ("deb-6.1", None, {}), quiet=True),
    Row("no-memory", tree(AT40, edit=memory_node({"#address-cells": cells(2)})), ("deb-6.1", None, {}), {},
        ("a reg of 8 bytes", "an entry has 12", "reg = <0x0 0x40000000 0x20000000>", "boots")),
    Row("bank-twice", tree([*AT40, (0x50000000, 512 * MIB)]), ("deb-6.1", None, {}), {},
        ("256 MiB of RAM are declared twice", "0x50000000-0x5fffffff] is in both")),
    Row("bank-twice", tree([*AT40, (0x60000000, 512 * MIB)]), ("deb-6.1", None, {}), quiet=True),
    Row("reserved-overwritten", tree(AT40, edit=reserved(("a@50000000", 0x50000000, MIB, NOMAP), cells_of=(2, 1))),
        ("deb-6.1", None, {}), quiet=True),  # what the kernel ignores as a whole is not read with the root's cells
    Row("ram-below-phys-offset", tree([(0x40100000, 511 * MIB)]), ("deb-6.12", None, {}), {},
        ("0x40100000", "PHYS_OFFSET is a multiple of 2 MiB")),
    Row("cma-area-bounds", tree([(0x40000000, 32 * MIB)], edit=reserved(("pool@41f00000", 0x41F00000, 4 * MIB, POOL))),
        ("old49", None, {"CMA": "y", "DMA_CMA": "y"}), {"dtb_addr": 0x41000000},
        ("0x41f00000", "32 MiB", "beyond the end of RAM")),
    Row("cma-area-bounds", tree([(0x40000000, 32 * MIB)], edit=reserved(("pool@41800000", 0x41800000, 4 * MIB, POOL))),
        ("old49", None, {"CMA": "y", "DMA_CMA": "y"}), {"dtb_addr": 0x41000000}, quiet=True),
    Row("crashkernel-above-lowmem", tree([(0x80000000, 1536 * MIB)], bootargs="crashkernel=64M"),
        ("old49", "4.11.0", {"HIGHMEM": "y", "KEXEC": "y"}), {"cpu": "cortex-a15"},
        ("0xb0000000", "crashkernel=64M@", "4.12")),
    Row("crashkernel-above-lowmem", tree([(0x80000000, 1536 * MIB)], bootargs="crashkernel=64M"),
        ("old54", None, {"HIGHMEM": "y", "KEXEC": "y"}), {"cpu": "cortex-a15"}, quiet=True),
    Row("cpu-mismatch", tree(AT80, cpu="arm,cortex-a8"), ("deb-6.1-lpae", None, {}), {}, ("cortex-a8", "ARM_LPAE")),
    Row("cpu-mismatch", tree(AT80, cpu="arm,cortex-a15"), ("deb-6.1-lpae", None, {}), {}, quiet=True),
    Row("debug-uart-virt", tree([(0x60000000, 1024 * MIB)]), ("v7-debugll", None, {"DEBUG_UART_PHYS": "0x11030000",
        "DEBUG_UART_VIRT": "0xfed00000"}), {}, ("0xfed30000", "0x11000000", "DEBUG_UART_VIRT")),
    Row("debug-uart-virt", tree([(0x60000000, 1024 * MIB)]), ("v7-debugll", None, {"DEBUG_UART_PHYS": "0x11030000",
        "DEBUG_UART_VIRT": "0xfed30000"}), {}, quiet=True),
    Row("module-window", tree(AT80, bootargs="vmalloc=400M"), ("old54", None, {"MODULES": "y", "HIGHMEM": "y"}), {},
        ("14 MiB", "ARM_MODULE_PLTS", "does not help")),
    Row("module-window", tree(AT80, bootargs="vmalloc=400M"), ("old54", None, {"MODULES": "y", "HIGHMEM": "y",
        "ARM_MODULE_PLTS": "y"}), {}, quiet=True),
    Row("ram-beyond-4g", tree([(0x80000000, 2048 * MIB), (0x100000000, 2048 * MIB)], width=2), ("old419", None, {}), {},
        ("2 GiB of RAM above 4 GiB", "0x100000000", "CONFIG_ARM_LPAE=y")),
    Row("ram-beyond-4g", tree([(0x80000000, 2048 * MIB)], width=2), ("old419", None, {}), {}, quiet=True),
    Row("message-explained", tree([(0x80000000, 512 * MIB)], edit=reserved(
        ("vga@9f000000", 0x9F000000, 16 * MIB, NOMAP))), ("v510", None, {"HIGHMEM": None}), {},
        ("Ignoring RAM at 0x9f000000-0xa0000000", "your own no-map areas")),
    Row("message-explained", tree([(0x80000000, 496 * MIB)]), ("v510", None, {"HIGHMEM": None}), {}, quiet=True),
]
