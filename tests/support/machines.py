"""Machines for the tests of the boot: a kernel of the recordings, a board, a CPU; and random ones."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import boot
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs.board import parse_board
from bootmap.inputs.fdt import parse as parse_fdt
from bootmap.inputs.kconfig import parse as parse_config
from bootmap.units import GIB, KIB, MIB
from support.recordings import fresh_kernel, kernel_files
from support.trees import Node, blob, board, cells, chosen, numbers, reserved_memory, source, text

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay
    from bootmap.facts.arm.cpus import Cpu

V7 = ("cortex-a15", "cortex-a9", "cortex-a7", "cortex-a8")
# Kernels by configuration, each with CPUs that it runs on.
KERNELS = {
    "deb-5.10": V7,
    "deb-6.1": V7,
    "deb-6.1-lpae": ("cortex-a15", "cortex-a7"),
    "deb-6.1-rpi": ("arm1176",),
    "deb-6.12": V7,
    "deb-7.2": V7,
    "old419": V7,
    "old49": V7,
    "old54": V7,
    "v5-integrator": ("arm926",),
    "v5-pxa": ("pxa270",),
    "v5-versatile": ("arm926",),
    "v512": V7,
    "v6k-realview": ("arm11mpcore",),
    "v7": V7,
    "v7-2g": V7,
    "v7-cma": V7,
    "v7-lpae": ("cortex-a15",),
    "v7-nohm": V7,
    "v7-realview": ("cortex-a8",),
    "v7-up": V7,
    "v720": V7,
}
GRANULES = (4 * KIB, 64 * KIB, MIB, 2 * MIB, 16 * MIB)


def cpu(name: str) -> Cpu:
    found = cpu_by_name(name)
    assert found is not None, name
    return found


@st.composite
def lengths(draw: st.DrawFn, most: int, least: int = 0) -> int:
    """A number of bytes, mostly round, sometimes to the byte."""
    granule = draw(st.sampled_from(GRANULES))
    size = draw(st.integers(least // granule, most // granule)) * granule
    return max(least, size + draw(st.sampled_from((0, 0, 0, 0, 0, 1, -1, 0x800, -0x1000))))


@st.composite
def banks(draw: st.DrawFn, start: int, end: int) -> list[tuple[int, int]]:
    """Up to four banks from about ``start`` on, with holes between them; sometimes overlapping or below it."""
    at = start + draw(st.sampled_from((0, 0, 0, 0, 0, 0x1000, 0x10000, MIB, 2 * MIB, 16 * MIB, -16 * MIB)))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        size = draw(st.sampled_from((64, 128, 256, 512, 768, 1024, 2048))) * MIB
        if draw(st.booleans()):
            size = draw(lengths(2 * GIB, 0x1000))
        at = max(at, 0)
        if at + size > end:
            size = max(end - at, 0x1000)
        found.append((at, size))
        at += size + draw(st.sampled_from((0, MIB, 16 * MIB, 256 * MIB, 5 * 0x1000, -MIB)))
        if at >= end:
            break
    return found


@st.composite
def areas(draw: st.DrawFn, root: Node, spans: list[tuple[int, int]], width: int) -> list[tuple[int, int]]:
    """Nodes of /reserved-memory, static and dynamic, and /memreserve/ entries in and about these banks."""

    def somewhere() -> int:
        base, size = draw(st.sampled_from(spans))
        most = draw(st.sampled_from((size + 16 * MIB, min(size, 512 * MIB))))
        return base + draw(lengths(most))

    parent = reserved_memory(root, width)
    for index in range(draw(st.integers(1, 3))):
        base = somewhere()
        node = parent.add(f"area{index}@{base:x}", reg=numbers(width, base, draw(lengths(64 * MIB))))
        _decorate(draw, node)
    for index in range(draw(st.integers(0, 2))):
        node = parent.add(f"pool{index}", size=numbers(width, draw(lengths(64 * MIB))))
        if draw(st.booleans()):
            node.properties["alignment"] = numbers(width, draw(st.sampled_from(GRANULES)))
        if draw(st.booleans()):
            node.properties["alloc-ranges"] = numbers(width, somewhere(), draw(lengths(512 * MIB)))
        _decorate(draw, node)
    return [(somewhere(), draw(lengths(8 * MIB, 1))) for _ in range(draw(st.integers(0, 2)))]


def _decorate(draw: st.DrawFn, node: Node) -> None:
    kind = draw(st.sampled_from(("", "no-map", "no-map", "pool", "pool", "odd")))
    for name in ("no-map", "reusable", "linux,cma-default"):
        wanted = kind == name or (kind == "pool" and name == "reusable") or (kind == "odd" and draw(st.booleans()))
        if wanted or (kind == "pool" and name == "linux,cma-default" and draw(st.booleans())):
            node.properties[name] = b""
    if kind == "pool":
        node.properties["compatible"] = text("shared-dma-pool")
    elif draw(st.booleans()):
        node.properties["compatible"] = text(draw(st.sampled_from(("shared-dma-pool", "restricted-dma-pool", "x,y"))))
    if draw(st.integers(0, 9)) == 0:
        node.properties["status"] = text("disabled")


@st.composite
def cmdlines(draw: st.DrawFn, start: int) -> str:
    size = st.sampled_from(("0", "4M", "16M", "64M", "300M", "512M", "1G", "0x1234567", "900M", "3G", "12345", "x", ""))
    words = ["console=ttyAMA0"]
    for name in draw(st.lists(st.sampled_from(("mem", "mem@", "vmalloc", "cma", "cma@", "other")), max_size=4)):
        value = draw(size)
        place = hex(start + draw(lengths(512 * MIB)))
        words.append(
            {
                "mem": f"mem={value}",
                "mem@": f"mem={value}@{place}",
                "vmalloc": f"vmalloc={value}",
                "cma": f"cma={value}",
                "cma@": f"cma={value}@{place}" + draw(st.sampled_from(("", "-0x60000000"))),
                "other": draw(
                    st.sampled_from(("memblock=debug", "cachepolicy=writethrough", "ecc=on", "nocache", "earlycon"))
                ),
            }[name]
        )
    return " ".join(words)


@dataclass(repr=False)
class Setup:
    """A kernel and a machine for it; shows itself as what a person needs to make it again."""

    key: str
    root: Node
    memreserve: list[tuple[int, int]]
    params: int = 0x48000000
    phys_offset: int = 0x40000000
    cpu: str = "cortex-a15"
    cpus: int | None = None

    def __repr__(self) -> str:
        blocks = " ".join(f"/memreserve/ {base:#x} {size:#x};" for base, size in self.memreserve)
        machine = f"{self.key} on {self.cpu} ({self.cpus}), r2 {self.params:#x}, PHYS_OFFSET {self.phys_offset:#x}"
        return f"{machine}: {blocks} {source(self.root)}"

    def boot(self) -> Replay:
        """The prediction."""
        tree = parse_board(blob(self.root, self.memreserve))
        return boot(fresh_kernel(self.key), Handover(tree, self.params, self.phys_offset, cpu(self.cpu), self.cpus))


@st.composite
def setups(draw: st.DrawFn, keys: tuple[str, ...] = tuple(KERNELS)) -> Setup:
    key = draw(st.sampled_from(keys))
    width = draw(st.sampled_from((1, 2)))
    start = draw(st.sampled_from((0, 0x10000000, 0x40000000, 0x40000000, 0x60000000, 0x80000000)))
    end = 1 << 32 if width == 1 else draw(st.sampled_from((1 << 32, 1 << 34, 1 << 40)))
    spans = draw(banks(start, end))
    root = board(spans, width=width, bootargs=draw(cmdlines(start)))
    memreserve = draw(areas(root, spans, width)) if draw(st.booleans()) else []
    if draw(st.integers(0, 2)) == 0:
        first = start + draw(lengths(256 * MIB))
        chosen(root).properties["linux,initrd-start"] = cells(first & 0xFFFFFFFF)
        chosen(root).properties["linux,initrd-end"] = cells(first + draw(lengths(32 * MIB)) & 0xFFFFFFFF)
    if draw(st.integers(0, 9)) == 0:
        chosen(root).properties["linux,usable-memory-range"] = numbers(width, start, draw(lengths(GIB)))
    params = start + draw(st.sampled_from((128 * MIB, 128 * MIB, 32 * MIB, 0x100, 600 * MIB + 0x1008)))
    name = draw(st.sampled_from(KERNELS[key]))
    counted = draw(st.sampled_from((None, 1, 2, 4))) if cpu(name).smp == "scu" else None
    return Setup(key, root, memreserve, params, start, name, counted)


OMAP_PLAIN = "ARCH_OMAP3 ARCH_OMAP4 OMAP_INTERCONNECT_BARRIER"
Version = tuple[int, ...]


def number(release: str) -> Version:
    """A release as the tables of features write it."""
    return tuple(map(int, release.split(".")))[: 3 if release.startswith("2.6") else 2]


def kernel(key: str, version: Version, options: str) -> KernelModel:
    """A recorded kernel's configuration and symbols, taken for another release and with options set."""
    lines = "".join(f"\nCONFIG_{option}=y" for option in options.split())
    config = gzip.decompress(kernel_files(key)[0].read_bytes()) + lines.encode()
    return KernelModel(version, None, parse_config(config), fresh_kernel(key).symbols)


def booted(
    subject: KernelModel, compatible: str, ram: tuple[int, int], *nodes: Node, core: str = "cortex-a15"
) -> Replay:
    root = board([ram])
    root.properties["compatible"] = text("some,board", compatible)
    root.children += nodes
    start = ram[0]
    return boot(subject, Handover(parse_fdt(blob(root)), start + 0x2000000, start, cpu(core)))
