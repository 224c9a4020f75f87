"""PHYS_OFFSET: what every line that bears on it says of where the kernel's RAM begins.

The kernel names it outright only where it ignores what lies below.  Else it follows from where the page directory, the
kernel's text, mem_map or the end of lowmem lie, or from where the boot loader put things: a zImage takes the 128 MiB in
which it runs (arch/arm/boot/compressed/head.S AUTO_ZRELADDR).

Not here: the banks themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.bootlog.banks import machine_took, total
from bootmap.bootlog.evidence import Confidence, Evidence, exact
from bootmap.units import GIB, MIB, PAGE_SIZE, hex_address, memparse, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log, Said
    from bootmap.units import Span

_GRANULE = 128 * MIB
_USUAL = 512 * MIB
"""Where nothing else is known: RAM of many SoCs begins on a multiple of this."""
_WINDOW = GIB // 4
"""Allwinner's RAM begins on a multiple of this."""
_PGD_ALIGN = 0x1000
LOWEST_BANK = "the lowest bank begins there"
_TEXT_OFFSETS = (0x8000, 0x208000, 0x108000, 0x308000, 0x1008000)
"""TEXT_OFFSET of the usual platforms (arch/arm/Makefile)."""
_LOWMEM_ENDS = (0xF0000000, 0xEF800000)
"""Where lowmem ends without vmalloc=, in virtual space: from 3.3 on, with VMALLOC_END 0xff800000 and 0xff000000."""
_IMAGE = 16 * MIB
_MEM_MAP_BELOW_END = 16 * MIB
_MOST_LOWMEM = 760 * MIB


def page_directory(log: Log) -> Said | None:
    """The reservation of swapper_pg_dir: the only one of its size that arm_memblock_init makes."""
    behind = 0 if log.open_ends else 1
    for said in log.all("call"):
        size = said.number("last") + behind - said.number("start")
        if re.search(r"arm_(?:mm_)?memblock_(?:reserve|init)", said.word("rest")) and size in (0x4000, 0x5000):
            return said
    return None


def evidence(log: Log, identity: LogIdentity, banks: Sequence[Said], board: Sequence[Span] = ()) -> list[Evidence[int]]:
    """What the lines of ``log`` say of PHYS_OFFSET.

    Args:
        log: the log.
        identity: its kernel.
        banks: the lines that list RAM bank by bank.
        board: the banks of a board that is given.
    """
    rows = [*_named(log), *_by_directory(log, identity, banks), *_by_banks(log, identity, banks)]
    rows += [*_by_text(log, identity), *_by_lowmem_end(log, identity), *_by_vendor_areas(log), *_by_fixup(log)]
    rows += [
        *_by_registers(log),
        *_by_loader(log),
        *_by_loader_banks(log),
        *_by_payload(log, identity),
        *_bounds(log, identity),
    ]
    if board:
        rows += _by_board(log, identity, board)
    limit = 1 << 40 if identity.lpae else 4 * GIB
    return [
        row for row in rows if row.high >= 0 and row.low < limit and not (row.low == row.high and row.low % PAGE_SIZE)
    ]


def _named(log: Log) -> Iterator[Evidence[int]]:
    for said in log.all("said"):
        if "below PHYS_OFFSET" in said.word("text"):
            value = int(re.findall(r"[0-9a-f]+", said.word("text"))[-1], 16)
            yield exact(value, Confidence.CERTAIN, said.line, "RAM below it is ignored")
    for said in log.all("dt_range"):
        if said.number("end") < 4 * GIB - MIB:  # above that the end of the address space is meant
            yield exact(said.number("end"), Confidence.CERTAIN, said.line, "RAM below it is ignored")


def _by_directory(log: Log, identity: LogIdentity, banks: Sequence[Said]) -> Iterator[Evidence[int]]:
    """From the page directory, 16 KiB above it or, on some SoCs, 2 MiB and more.

    Those show it by a bank that begins on a 2 MiB boundary not far below.
    """
    said = page_directory(log)
    if said is None:
        return
    usual = max(said.number("start") - (0x3000 if identity.lpae else 0x4000), 0)
    starts = [bank.number("start") for bank in banks]
    near = [start for start in starts if start <= usual < start + 4 * MIB and start % (2 * MIB) == 0]
    yield exact(min(near, default=usual), Confidence.CERTAIN, said.line, "the page directory lies right above it")


def _by_banks(log: Log, identity: LogIdentity, banks: Sequence[Said]) -> Iterator[Evidence[int]]:
    if banks:
        lowest = min(banks, key=lambda said: said.number("start"))
        yield exact(lowest.number("start"), Confidence.STRONG, lowest.line, LOWEST_BANK)
        return
    wanted = [memparse(start)[0] for start in re.findall(r"\bmem=\w+@(\w+)", identity.cmdline)]
    if wanted:
        line = next((said.line for said in log.all("cmdline")), 0)
        yield exact(min(wanted), Confidence.STRONG, line, "mem= begins there")
    zones = [said for said in log.all("zone", "initmem") if "start" in said]
    if zones:
        lowest = min(zones, key=lambda said: said.number("start"))
        yield exact(lowest.number("start"), Confidence.STRONG, lowest.line, "the lowest zone begins there")
    for said in log.all("zone_pfn")[:1]:
        yield exact(said.number("base") * PAGE_SIZE, Confidence.STRONG, said.line, "the lowest zone begins there")


def _by_text(log: Log, identity: LogIdentity) -> Iterator[Evidence[int]]:
    """From the physical address of the identity map's code, which is part of the kernel's text."""
    for said in log.all("idmap"):
        at = said.number("start")
        if not 0 < at < identity.page_offset:  # some vendors print the virtual address
            continue
        text = identity.sections.get(".text")
        init = identity.sections.get(".init")
        first = min((s.start for s in (text, init) if s), default=identity.page_offset + 0x8000) - identity.page_offset
        last = max((s.end for s in (text, init) if s), default=identity.page_offset + _IMAGE) - identity.page_offset
        why = f"the kernel's text lies at {hex_address(at)}"
        yield Evidence(max(at - last, 0), at - first, Confidence.STRONG, said.line, why)
        yield exact(at & -_GRANULE, Confidence.LIKELY, said.line, f"{why}: the 128 MiB around it")


def _by_lowmem_end(log: Log, identity: LogIdentity) -> Iterator[Evidence[int]]:
    """From where the kernel cuts RAM, which is a fixed distance above the start."""
    for said in log.all("truncating", "ignoring"):
        if said.kind == "truncating":
            cut = said.number("to") + (said.number("to") % PAGE_SIZE == PAGE_SIZE - 1)
            yield exact(said.number("start"), Confidence.LIKELY, said.line, "the bank that is cut begins there")
        else:
            cut = said.number("start")
        if "vmalloc=" in identity.cmdline:
            continue
        starts = [cut - (end - identity.page_offset) for end in _LOWMEM_ENDS]
        likely = [start for start in starts if start >= 0 and start % (16 * MIB) == 0]
        if likely:
            yield exact(likely[0], Confidence.LIKELY, said.line, f"lowmem ends at {hex_address(cut)}")


def _by_fixup(log: Log) -> Iterator[Evidence[int]]:
    """From what a vendor's machine reads of its boot loader's header, and from areas that it takes."""
    for said in log.all("fixup")[:1]:
        yield exact(said.number("start"), Confidence.STRONG, said.line, "the machine's fixup has RAM begin there")
    for said in log.all("vendor_reserve", "vendor_remove"):
        why = f"the vendor's code takes memory at {hex_address(said.number('start'))}"
        yield Evidence(0, said.number("start"), Confidence.STRONG, said.line, why)
    for said in log.all("taken"):
        why = f"{said.word('name')} is taken out of RAM at {hex_address(said.number('start'))}"
        yield Evidence(0, said.number("start"), Confidence.STRONG, said.line, why)
        yield exact(said.number("start") & -_WINDOW, Confidence.HINT, said.line, why)


def _by_registers(log: Log) -> Iterator[Evidence[int]]:
    """From the table that a fault prints: of the first thread it is swapper_pg_dir, in the first MiB of RAM.

    That of a process lies anywhere in RAM.
    """
    first = any("Comm: swapper" in said.text for said in log.all("release"))
    for said in log.all("control")[:1]:
        at = said.number("base")
        why = f"the page directory is at {hex_address(at & -_PGD_ALIGN)}"
        if first and at % _GRANULE < _IMAGE:
            yield exact(at & -_GRANULE, Confidence.LIKELY, said.line, why)
        else:
            yield Evidence(0, at, Confidence.LIKELY, said.line, why)


def _by_vendor_areas(log: Log) -> Iterator[Evidence[int]]:
    """From a hole between two banks, of which the log names the sizes, that a vendor's areas fill."""
    areas = log.all("vendor_area")
    listed = log.first("memory_mb")
    sizes = [int(word.removesuffix("MB")) for word in listed.word("banks").split()] if listed else []
    if not areas or len(sizes) < 2:
        return
    lowest = min(areas, key=lambda said: said.number("base"))
    start = lowest.number("base") - sizes[0] * MIB
    why = f"the vendor's areas begin at {hex_address(lowest.number('base'))}, behind the first bank of {sizes[0]} MiB"
    yield exact(start, Confidence.STRONG, lowest.line, why)


def _by_loader(log: Log) -> Iterator[Evidence[int]]:
    """From where the boot loader starts the kernel: a zImage takes the 128 MiB in which it runs."""
    for said in log.all("load", "kernel_at"):
        at = said.number("start")
        if not 0 < at < 4 * GIB:
            continue
        why = f"the zImage runs at {hex_address(at)}"
        yield exact(at & -_GRANULE, Confidence.LIKELY, said.line, f"{why}: the 128 MiB around it")
        for offset in _TEXT_OFFSETS:
            if at >= offset and (at - offset) % (16 * MIB) == 0:
                yield exact(at - offset, Confidence.HINT, said.line, f"{why}, where an Image runs")


def _by_loader_banks(log: Log) -> Iterator[Evidence[int]]:
    """From where the boot loader's RAM begins."""
    rows = [said for said in log.all("dram_bank", "bd_start") if "count" not in said or said.number("count")]
    if rows:
        lowest = min(rows, key=lambda said: said.number("start"))
        yield exact(lowest.number("start"), Confidence.HINT, lowest.line, "the boot loader's RAM begins there")


def _by_payload(log: Log, identity: LogIdentity) -> Iterator[Evidence[int]]:
    """From where the boot loader put device tree and initrd: near the start, by habit."""
    for said in log.all("blob", "dtb", "ramdisk"):
        at = said.number("start")
        if 0 < at < 4 * GIB:
            what = "the initrd" if said.kind == "ramdisk" else "the device tree"
            yield exact(at & -_GRANULE, Confidence.HINT, said.line, f"{what} lies at {hex_address(at)}")
    given = re.search(r"\binitrd=(\w+),", identity.cmdline)
    if given and not any("is not a memory region" in said.word("text") for said in log.all("said")):
        at, line = memparse(given[1])[0], next((said.line for said in log.all("cmdline")), 0)
        yield exact(at & -_GRANULE, Confidence.HINT, line, f"the initrd lies at {hex_address(at)}")


def _bounds(log: Log, identity: LogIdentity) -> Iterator[Evidence[int]]:
    """What lies in RAM lies above its start, and not further than RAM or lowmem is large."""
    counted, highmem = (
        total(log),
        any(said.word("name") == "HighMem" for said in log.all("zone", "zone_pages", "memmap")),
    )
    for said in log.all("region", "removed"):
        at = said.number("base")
        why = f"an area is reserved at {hex_address(at)}"
        yield Evidence(0, at, Confidence.STRONG, said.line, why)
        yield exact(at & -_GRANULE, Confidence.HINT, said.line, why)
    for said in log.all("vendor_area"):
        why = f"an area is reserved at {hex_address(said.number('base'))}"
        yield Evidence(0, said.number("base"), Confidence.STRONG, said.line, why)
    for said in log.all("cma")[-1:]:  # those before it are the machine's own, and may lie anywhere
        at = said.number("base")
        end = at + said.number("mib") * MIB
        if counted.size and not highmem and not machine_took(log):
            least = end - counted.size
            why = f"{size_text(counted.size)} of RAM hold the area at {hex_address(at)}"
            yield Evidence(max(least, 0), at, Confidence.LIKELY, said.line, why)
        else:
            why = f"lowmem holds the area at {hex_address(at)}"
            likely = Confidence.HINT if highmem else Confidence.LIKELY  # where there is highmem, it may lie there
            yield Evidence(0, at, likely, said.line, why)
            yield Evidence(max(end - _MOST_LOWMEM, 0), at, Confidence.HINT, said.line, f"{why}, with a split of 3 GiB")
    for said in log.all("pool"):
        if said.word("name") == "CMA":  # in RAM; what drivers alone use need not be
            at = said.number("base")
            why = f"a contiguous area lies at {hex_address(at)}"
            yield Evidence(0, at, Confidence.HINT, said.line, why)
            yield exact(at & -_USUAL, Confidence.HINT, said.line, f"{why}: the 512 MiB around it")


def _by_board(log: Log, identity: LogIdentity, board: Sequence[Span]) -> Iterator[Evidence[int]]:
    """From where the board's RAM begins and, by mem_map's place, ends."""
    lowest, end = min(bank.start for bank in board), max(bank.end for bank in board)
    yield exact(lowest, Confidence.HINT, 0, "the board's RAM begins there")
    if not log.all("load", "kernel_at"):
        yield exact(lowest & -_GRANULE, Confidence.LIKELY, 0, "the zImage runs in the first 128 MiB of RAM")
    said, pages = log.first("mem_map"), log.first("total")
    highmem = any(each.word("name") == "HighMem" for each in log.all("zone", "zone_pages", "memmap"))
    if said is None or pages is None or highmem or said.number("base") <= identity.page_offset:
        return
    # mem_map is the first large allocation, from the top of lowmem down (mm/page_alloc.c alloc_node_mem_map).
    top = end - (said.number("base") - identity.page_offset) - pages.number("pages") * 32
    why = f"mem_map at {hex_address(said.number('base'))} ends less than 16 MiB below the end of RAM"
    yield Evidence(max(top - _MEM_MAP_BELOW_END, 0), top, Confidence.STRONG, said.line, why)
