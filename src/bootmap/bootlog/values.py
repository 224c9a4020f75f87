"""The board's numbers beside PHYS_OFFSET, each with every line that bears on it: for people, and for who disagrees.

    RAM          U-Boot's DRAM line, mem=, what the kernel counts
    PAGE_OFFSET  lowmem's line, addresses of per-CPU areas and of mem_map, the page directory in an oops
    VMALLOC_END  the vmalloc area's line
    dtb, initrd  the boot loader's lines, memblock's, the command line's, the kernel's own

Not here: what is made of them for a prediction (``board``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.bootlog.banks import bank_lines, from_loader, total
from bootmap.bootlog.evidence import Confidence, Evidence, Weighed, exact, weigh
from bootmap.units import hex_address, memparse, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.log import Log

_SPLITS = (0xC0000000, 0xB0000000, 0x80000000, 0x40000000)
_SLACK = 32
"""RAM sizes that differ by less than a 32nd say the same: firmware and no-map areas take some."""


def values(log: Log, phys: Weighed | None) -> tuple[Weighed, ...]:
    """Every number that any line bears on."""
    found = [
        _ram(log),
        weigh("PAGE_OFFSET", _page_offset(log)),
        weigh("VMALLOC_END", _vmalloc_end(log)),
        weigh("device tree", _tree(log)),
        weigh("initrd", _initrd(log)),
    ]
    return tuple(each for each in [*([phys] if phys else []), *found] if each.witnesses or each.against)


def _ram(log: Log) -> Weighed:
    """The best witness's size; who differs by more than a little is against it."""
    rows = list(_sizes(log))
    if not rows:
        return Weighed("RAM", None)
    best = max(rows, key=lambda row: row.confidence)
    close = [row for row in rows if abs(row.low - best.low) * _SLACK <= best.low]
    return Weighed("RAM", best.low, tuple(close), tuple(row for row in rows if row not in close))


def _sizes(log: Log) -> Iterator[Evidence]:
    counted = total(log)
    if counted.size:
        text = f"the kernel counts {size_text(counted.size)}"
        yield exact(counted.size, Confidence.STRONG, counted.line, text)
    banks = bank_lines(log)
    if banks:
        size = sum(max(said.number("last") + 1 - said.number("start"), 0) for said in banks)
        yield exact(size, Confidence.STRONG, banks[0].line, f"the banks are {size_text(size)} in all")
    told = from_loader(log, 0)
    said = log.first("dram_bank") or log.first("dram")
    if told and said is not None:
        size = sum(bank.size for bank in told)
        yield exact(size, Confidence.LIKELY, said.line, f"the boot loader finds {size_text(size)}")
    for line in log.all("cmdline")[:1]:
        asked = sum(memparse(value)[0] for value in re.findall(r"(?:^|\s)mem=(\S+)", line.word("text")))
        if asked:
            yield exact(asked, Confidence.LIKELY, line.line, f"mem= asks for {size_text(asked)}")


def _page_offset(log: Log) -> Iterator[Evidence]:
    for said in log.all("layout"):
        if said.word("name") == "lowmem":
            yield exact(said.number("start"), Confidence.CERTAIN, said.line, "lowmem begins there")
    for said in log.all("percpu", "mem_map", "pgd"):
        if "base" in said and (below := [split for split in _SPLITS if split <= said.number("base")]):
            yield exact(below[0], Confidence.LIKELY, said.line, f"{hex_address(said.number('base'))} is in lowmem")


def _vmalloc_end(log: Log) -> Iterator[Evidence]:
    for said in log.all("layout"):
        if said.word("name") == "vmalloc":
            yield exact(said.number("end"), Confidence.CERTAIN, said.line, "the vmalloc area ends there")


def _tree(log: Log) -> Iterator[Evidence]:
    moved = log.first("dtb")
    if moved is not None:
        yield exact(moved.number("start"), Confidence.CERTAIN, moved.line, "the boot loader moves it there")
        return
    for said in log.all("blob"):
        if said.number("start"):
            yield exact(said.number("start"), Confidence.LIKELY, said.line, "the boot loader finds it there")
    for said in log.all("call"):
        if re.search(r"setup_arch|early_init_fdt_reserve_self", said.word("rest")) and said.word("name") == "reserve":
            yield exact(said.number("start"), Confidence.CERTAIN, said.line, "the kernel reserves it")


def _initrd(log: Log) -> Iterator[Evidence]:
    for said in log.all("ramdisk"):
        yield exact(said.number("start"), Confidence.CERTAIN, said.line, "the boot loader moves it there")
    for said in log.all("cmdline")[:1]:
        given = re.search(r"\binitrd=(\w+),", said.word("text"))
        if given:
            yield exact(memparse(given[1])[0], Confidence.CERTAIN, said.line, "initrd= on the command line")
    for said in log.all("said"):
        match = re.match(r"INITRD: (0x[0-9a-f]+)\+", said.word("text"))
        if match:
            yield exact(int(match[1], 16), Confidence.CERTAIN, said.line, "the kernel names it")
