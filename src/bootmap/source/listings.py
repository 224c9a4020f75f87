"""The listings that look at tables with Linux's eyes, the kernel's own and crash's: what they need to know first.

That is the kernel's layout and where its page directory is.  It comes from the prediction, the configuration or the
version; what of it had to be taken for granted is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.assemble.texts import parse_kernel_version
from bootmap.errors import AbsentMemoryError, MissingInputError, UnsupportedError, UsageError
from bootmap.shown import Shown
from bootmap.units import Span, hex_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.analysis.ptdump import Line, Marker, Style
    from bootmap.analysis.vtop import Vtop
    from bootmap.boot.kernel import KernelModel
    from bootmap.mmu.bulk import Map
    from bootmap.source.tables import Tables

_BEFORE_V6 = ("CPU_32v3", "CPU_32v4", "CPU_32v4T", "CPU_32v5")
_U32 = 0xFFFFFFFF
_MOST_VTOPS = 1 << 16


class Listing(Shown, Struct, frozen=True):
    """kernel_page_tables, as lines of a kernel's form.

    Attributes:
        lines: markers and ranges, in order.
        style: how that kernel prints them.
        assumptions: what had to be taken for granted for it.
    """

    lines: tuple[Marker | Line, ...]
    style: Style
    assumptions: tuple[str, ...]


def ptdump_of(source: Tables) -> Listing:
    """kernel_page_tables as the kernel of ``source`` prints it.

    Raises:
        MissingInputError: nothing says which version it is, or where its page directory is.
        UnsupportedError: its version has no such file.
    """
    from bootmap.analysis.ptdump import ptdump, style_of
    from bootmap.facts.linux.ptdump import INTRODUCED

    assumed: list[str] = []
    listed = source.map
    kernel = _kernel(source, assumed)
    if kernel.version < INTRODUCED:
        first = ".".join(map(str, INTRODUCED))
        raise UnsupportedError(f"Linux {kernel.version_text} has no kernel_page_tables; {first} was the first")
    style = style_of(
        kernel.version,
        kernel.sublevel,
        long=listed.regime.long,
        since_v6=_since_v6(source),
        io_36=kernel.has("io_36"),
        markers=_markers(kernel, _page_offset(source, kernel), _high_memory(source, listed, assumed)),
    )
    root = _root(source, listed, assumed)
    return Listing(tuple(ptdump(source.memory, listed.regime, root, style)), style, tuple(assumed))


def crash_of(source: Tables, addresses: Sequence[int]) -> tuple[list[Vtop], list[str]]:
    """The vtop of crash for each address, and what had to be taken for granted.

    Raises:
        UsageError: they are so many that nobody can want them.
    """
    from bootmap.analysis.vtop import Lowmem, vtop

    if len(addresses) > _MOST_VTOPS:
        raise UsageError(
            f"{source.name}: {len(addresses)} addresses, a vtop each; name fewer, or cut ranges with --range"
        )
    assumed: list[str] = []
    listed = source.map
    root = _root(source, listed, assumed)
    directory, lowmem = root, None
    if source.page_offset is not None and source.phys_offset is not None:
        directory = (root - source.phys_offset + source.page_offset) & _U32
        lowmem = Lowmem(Span(source.page_offset, _high_memory(source, listed, assumed)), source.phys_offset)
    else:
        assumed.append("PAGE_OFFSET and PHYS_OFFSET are not known: the page directory stands at its physical address")
    long, order = listed.regime.long, listed.regime.byteorder
    try:
        found = [vtop(source.memory, order, root, directory, va, lowmem, long=long) for va in addresses]
    except LookupError as error:
        raise AbsentMemoryError(root, f"{source.name}: Linux's half of the tables is not all there: {error}") from None
    return found, assumed


def _kernel(source: Tables, assumed: list[str]) -> KernelModel:
    """The kernel, without its configuration where only the version is known."""
    if source.kernel is not None:
        return source.kernel
    if source.version is None:
        raise MissingInputError(
            f"{source.name}: what the kernel prints depends on its version, which is not known; give --config, "
            f"--kernel or --kernel-version"
        )
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.kconfig import Config
    from bootmap.inputs.symbols import Symbols

    assumed.append(
        f"the configuration of Linux {source.version} is not known (--config): no KASAN, Modules 16 MiB below "
        f"PAGE_OFFSET, no 36-bit devices"
    )
    version, sublevel = parse_kernel_version(source.version)
    return KernelModel(version, sublevel, Config({}, {}, None, None), Symbols((), (), ()))


def _since_v6(source: Tables) -> bool:
    """Whether the oldest CPU that the kernel was built for is an ARMv6; of this one where that is not known."""
    if source.kernel is not None:
        return not any(source.kernel.config.enabled(option) for option in _BEFORE_V6)
    return source.regs.arch not in ("v4", "v5", "xscale")


def _page_offset(source: Tables, kernel: KernelModel) -> int:
    return source.page_offset if source.page_offset is not None else kernel.page_offset


def _high_memory(source: Tables, listed: Map, assumed: list[str]) -> int:
    """The end of lowmem in virtual space: as known, as the variable says, else the end of the straight map."""
    if source.high_memory is not None:
        return source.high_memory
    at = source.symbols.get("high_memory")
    if at is not None and len(read := listed.ranges().within(Span(at, at + 4))) == 1:
        try:
            value = int.from_bytes(source.memory.read(read[0].pa, 4), listed.regime.byteorder)
        except LookupError:
            value = 0
        if value > at:
            return value
    start = source.page_offset
    if start is None:
        raise MissingInputError(f"{source.name}: PAGE_OFFSET is not known; give --config or --system-map")
    end = start
    for part in listed.ranges().within(Span(start, 1 << 32)):
        if part.va != end or (source.phys_offset is not None and part.pa - part.va != source.phys_offset - start):
            break
        end = part.end
    assumed.append(f"high_memory is {hex_address(end)}, where the straight map from PAGE_OFFSET on ends")
    return end


def _markers(kernel: KernelModel, page_offset: int, high_memory: int) -> tuple[Marker, ...]:
    """The areas that any version names, ascending."""
    from bootmap.analysis.ptdump import Marker
    from bootmap.boot.kernel import FDT_FIXED_BASE, VECTORS_HIGH, vmalloc_start
    from bootmap.units import PAGE_SIZE

    below = kernel.page_offset - kernel.modules_vaddr
    markers = [
        Marker("Modules", page_offset - below),
        Marker("Kernel Mapping", page_offset),
        Marker("vmalloc() Area", vmalloc_start(high_memory)),
        Marker("vmalloc() End", kernel.vmalloc_end),
        Marker("FDT Area", FDT_FIXED_BASE),
        Marker("Fixmap Area", kernel.fixaddr_start),
        Marker("Vectors", VECTORS_HIGH),
        Marker("Vectors End", VECTORS_HIGH + 2 * PAGE_SIZE),
    ]
    if kernel.has("kasan"):
        shadow = kernel.kasan_shadow
        markers[:0] = [Marker("Kasan shadow start", shadow.start), Marker("Kasan shadow end", shadow.end)]
    return tuple(markers)


def _root(source: Tables, listed: Map, assumed: list[str]) -> int:
    """The page directory: swapper_pg_dir where TTBR0 may be a process's or there are two, else what TTBR0 says."""
    roots, swapper = listed.regime.roots, source.symbols.get("swapper_pg_dir")
    image = source.image
    of_cpu = source.kind != "prediction" and image is not None and image.registers.get("TTBR0") == source.regs.ttbr0
    if of_cpu or len(roots) > 1:
        if swapper is not None and source.page_offset is not None and source.phys_offset is not None:
            return swapper - source.page_offset + source.phys_offset
        where = "tells --system-map with --phys-offset"
        if len(roots) > 1:
            raise MissingInputError(
                f"{source.name}: TTBCR shares the addresses between two tables; which is the page directory, {where}"
            )
        assumed.append(f"the page directory is that of TTBR0, which may be a process's: the kernel's own {where}")
    return roots[0].base
