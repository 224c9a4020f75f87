"""Where RAM is, as far as a boot log tells: the banks as they were before the kernel cut them.

The best witness is taken: mem= on the command line, memblock's own lines, the node's ranges, the totals, which say how
much there is but not where, the boot loader, a bank that is cut.  All of them are kept, so that who disagrees is shown.

    log                                     banks
    efi: 0x..-0x.. [Conventional|..|WB..]   these, for a kernel that UEFI started: mem= and the tree's RAM are dropped
    memory[0x0] [0x..-0x..] / node 0: [..]  these, and what "Ignoring RAM" and "Truncating RAM" say was cut off them
    mem=512M@0x80000000                     that, unless the kernel counts less
    Memory: 448MB = 448MB total             one bank of that size at PHYS_OFFSET
    cma: Reserved 64 MiB at 0x5b800000      where nothing says how much there is: enough for what lies in it

Not here: PHYS_OFFSET (``phys_offset``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.bootlog.evidence import Confidence, Evidence, Weighed, choose, exact
from bootmap.bootlog.firmware import efi_map, memory_of
from bootmap.bootlog.vendor import taken_areas
from bootmap.errors import MissingInputError
from bootmap.units import GIB, KIB, MIB, PAGE_SIZE, Span, align_up, hex_address, memparse, merged, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log, Said

MOST = 1 << 40
_UNITS = {"KiB": KIB, "MiB": MIB, "GiB": GIB, "kB": KIB, "MB": MIB, "GB": GIB}
_LEAST_RAM = 16 * MIB
_STRUCT_PAGE = 32
RAM = "RAM"
_SLACK = 32
"""RAM sizes that differ by less than a 32nd say the same: firmware and no-map areas take some."""

Banks = tuple[Span, ...]


class Ram(Struct):
    """What a log tells of RAM.

    Attributes:
        banks: as the boot loader gave them, in order of address.
        cmdline: the command line that goes with them: without mem= where the kernel did not get what it asks for.
        taken: names of the values that came from lines of the log.
        assumptions: what was taken instead of what the log does not say.
        weighed: the banks, with every line that says how much RAM there is.
        otherwise: how they were chosen where no line says it.
        inside: addresses that are in RAM.
    """

    banks: list[Span] = field(default_factory=list)
    cmdline: str = ""
    taken: set[str] = field(default_factory=set)
    assumptions: list[str] = field(default_factory=list)
    weighed: Weighed[Banks] = field(default_factory=lambda: Weighed(RAM, None, option="--cmdline mem="))
    otherwise: str = ""
    inside: tuple[int, ...] = ()


class Total(Struct, frozen=True):
    """How much RAM the kernel counts.

    Attributes:
        size: bytes; 0 where the log does not say.
        taken: what that line, and those that follow from it, tell.
        line: its number.
    """

    size: int = 0
    taken: frozenset[str] = frozenset()
    line: int = 0


def bank_lines(log: Log) -> list[Said]:
    """The lines that list RAM bank by bank, of the earliest kind that there is."""
    calls = log.all("call")
    added = [said for said in calls if said.word("name") == "add"]
    if added and not any(said.word("name") == "remove" for said in calls):
        return added
    nodes = log.all("nodes")
    # In order of address: what begins lower than the one before it lies in the last page, and PFN_UP() wrapped to 0.
    whole = [
        said for before, said in zip([None, *nodes], nodes, strict=False) if before is None or _behind(said, before)
    ]
    return log.dump("memory") or whole


def _behind(said: Said, before: Said) -> bool:
    return said.number("start") > before.number("start")


def total(log: Log) -> Total:
    """How much RAM the kernel counts, by the best line there is."""
    listed, old, new = (log.first(kind) for kind in ("memory_mb", "memory_k", "memory"))
    pages = log.first("total")
    if old is not None:  # banks, before the machine took any away
        size = (old.number("present") + old.number("reserved")) * KIB
        return Total(size, frozenset({"memory_k.sum", "memory_mb.sum", "total.pages"}), old.line)
    if pages is None and new is None and listed is None and (built := log.first("all_pages")) is not None:
        # mem_map was taken off: 32 bytes of 4 KiB
        size = align_up(built.number("pages") * (PAGE_SIZE + _STRUCT_PAGE), 4 * MIB)
        return Total(size, frozenset({"all_pages"}), built.line)
    if pages is not None:
        taken = frozenset({"total.pages", "memory.present", "memory_mb.sum"})
        return Total(pages.number("pages") * PAGE_SIZE, taken, pages.line)
    if new is not None:
        return Total(new.number("present") * KIB, frozenset({"memory.present"}), new.line)
    if listed is not None:
        return Total(listed.number("sum") * MIB, frozenset({"memory_mb.sum"}), listed.line)
    return Total()


def machine_took(log: Log) -> bool:
    """Whether the machine's reserve callback took RAM away: the banks that are listed are less than was counted."""
    listed, old = log.first("memory_mb"), log.first("memory_k")
    if listed is None or old is None:
        return False
    return listed.number("sum") < (old.number("present") + old.number("reserved")) * KIB // MIB


def read_ram(log: Log, identity: LogIdentity, phys_offset: int, tree: int | None = None) -> Ram:
    """The banks.

    Args:
        log: the log.
        identity: its kernel.
        phys_offset: PHYS_OFFSET, or its stand-in.
        tree: where the device tree lies, which is in RAM; None where not known.

    Raises:
        MissingInputError: the log says nothing of RAM.
    """
    ram = Ram(cmdline=identity.cmdline, inside=() if tree is None else (tree,))
    if (firmware := efi_map(log)) is not None:
        ram.banks = memory_of(firmware)
        ram.weighed = weigh_ram(log, identity, tuple(ram.banks))
        return ram
    if machine_took(log):
        ram.taken.add("machine.took")
    asked = _from_cmdline(log, ram, phys_offset)
    ram.banks = asked or _given_back(log, _listed(log, ram) or _from_totals(log, ram, identity, phys_offset), identity)
    ram.weighed = replace(weigh_ram(log, identity, tuple(ram.banks), (), phys_offset), otherwise=ram.otherwise)
    return ram


def weigh_ram(
    log: Log, identity: LogIdentity, taken: Banks | None, given: Banks = (), phys_offset: int = 0
) -> Weighed[Banks]:
    """RAM, with every line that says how much there is.

    Args:
        log: the log.
        identity: its kernel.
        taken: the banks that were made of the best of these; None to take those of the best witness.
        given: those of a board that is given.
        phys_offset: PHYS_OFFSET, or its stand-in, for lines that say how much RAM there is and not where.
    """
    rows = [exact(given, Confidence.GIVEN, 0, "the board has it")] if given else []
    rows += _sizes(log, identity, phys_offset)
    found = choose(RAM, rows, same_size)
    found = replace(found, option="--cmdline mem=")
    return found if taken is None else found.held_against(taken, same_size)


def size_words(banks: Banks | None) -> str:
    """How much RAM there is, where nothing says where it begins."""
    return size_text(sum(bank.size for bank in banks)) if banks else "not known"


def same_size(one: Banks, other: Banks) -> bool:
    """Whether two lists of banks are as large, but for what firmware and no-map areas take."""
    sizes = sorted(sum(bank.size for bank in banks) for banks in (one, other))
    return (sizes[1] - sizes[0]) * _SLACK <= sizes[1]


def _sizes(log: Log, identity: LogIdentity, start: int) -> Iterator[Evidence[Banks]]:
    """What each line says; only the sizes count where it does not say where RAM is: then it begins at ``start``."""
    firmware, rows = efi_map(log), log.first("efi_row")
    if firmware is not None and rows is not None:
        yield exact(tuple(memory_of(firmware)), Confidence.CERTAIN, rows.line, "UEFI's memory map is listed")
    banks = bank_lines(log)
    if banks:
        told = [Span(said.number("start"), max(said.number("last") + 1, said.number("start"))) for said in banks]
        yield exact(tuple(_given_back(log, told, identity)), Confidence.CERTAIN, banks[0].line, "the banks are listed")
    counted = total(log)
    if counted.size:
        lost = _left_out(log)
        text = f"the kernel counts {size_text(counted.size)}" + (", and leaves out what it ignores" if lost else "")
        yield exact((Span(start, start + counted.size + lost),), Confidence.STRONG, counted.line, text)
    for said in log.all("truncating"):
        if said.number("start") < said.number("last") < MOST:
            whole = (Span(said.number("start"), said.number("last")),)
            yield exact(whole, Confidence.LIKELY, said.line, "a bank that is cut is named whole")
    loader = from_loader(log, start)
    said_loader = log.first("dram_bank") or log.first("bd_start") or log.first("dram")
    if loader and said_loader is not None:
        size = size_text(sum(bank.size for bank in loader))
        yield exact(tuple(loader), Confidence.LIKELY, said_loader.line, f"the boot loader finds {size}")
    asked = _asked(identity.cmdline, start)
    if asked:
        line = next((said.line for said in log.all("cmdline", "bootargs")), 0)
        size = size_text(sum(bank.size for bank in asked))
        yield exact(tuple(asked), Confidence.LIKELY, line, f"mem= asks for {size}")


def cut_at(said: Said) -> int:
    """Where the kernel cuts RAM off, by a line that says it ignores or truncates some; some name the last byte."""
    end = said.number("to" if said.kind == "truncating" else "start")
    return end + (end % PAGE_SIZE == PAGE_SIZE - 1)


def _left_out(log: Log) -> int:
    """Bytes of RAM that the kernel ignores, and so does not count."""
    rows = [
        (said.number("to" if said.kind == "truncating" else "start"), said.number("last"))
        for said in log.all("ignoring", "truncating")
    ]
    rows += [(said.number("start"), said.number("end")) for said in log.all("dt_range") if said.number("end") < MOST]
    return sum(max(end - start, 0) for start, end in rows)


def _from_cmdline(log: Log, ram: Ram, phys_offset: int) -> list[Span]:
    """mem= replaces what the boot loader said; what the kernel counts shows whether it got as much."""
    banks = _asked(ram.cmdline, phys_offset)
    counted = total(log)
    asked = sum(bank.size for bank in banks)
    if not banks or not counted.size or abs(counted.size - asked) * _SLACK <= asked:
        return banks
    more = counted.size > asked
    cut = log.all("ignoring", "truncating", "dt_range", "dt_block") or bank_lines(log)
    below = any("PHYS_OFFSET" in said.word("text") for said in log.all("said"))
    if not more and (cut or below):
        return banks
    ram.cmdline = re.sub(r"(?:^|\s)mem=\S+", " ", ram.cmdline).strip()
    why = "the kernel did not heed mem=, which" if more else "the machine's reserve callback took RAM away: mem="
    ram.assumptions.append(
        f"{why} asks for {size_text(asked)}, and by line {counted.line} the kernel has {size_text(counted.size)}, "
        "which is believed"
    )
    return []


def _asked(cmdline: str, phys_offset: int) -> list[Span]:
    """The banks of mem=: the first drops those that the boot loader gave, each adds one; what they share counts once.

    Source: arch/arm/kernel/setup.c ``early_mem``, ``arm_add_memory``.
    """
    banks = []
    for value in re.findall(r"(?:^|\s)mem=(\S+)", cmdline):
        size, rest = memparse(value)
        start = memparse(rest[1:])[0] if rest.startswith("@") else phys_offset
        if 0 < size < MOST and start < MOST:
            banks.append(Span(start, start + size))
    return list(merged(banks))


def _listed(log: Log, ram: Ram) -> list[Span]:
    lines = bank_lines(log)
    ram.taken |= {f"{said.kind}:{said.line}" for said in lines}
    banks = [Span(said.number("start"), said.number("last") + 1) for said in lines]
    if not all(bank.start < bank.end <= MOST for bank in banks):
        raise MissingInputError("the log's list of RAM holds none: the boot loader gave no memory")
    return banks


def _from_totals(log: Log, ram: Ram, identity: LogIdentity, start: int) -> list[Span]:
    """One bank where the log only says how much RAM there is."""
    counted = total(log)
    size = counted.size
    ram.taken |= counted.taken
    listed = log.first("memory_mb")
    lowmem = identity.layout.get("lowmem")
    low = lowmem.number("end") - identity.page_offset if lowmem else 0
    if listed is not None and len(listed.word("banks").split()) > 1:
        ram.taken.add("banks.unknown")
        ram.assumptions.append("the banks are taken as one: the log names their sizes, not their places")
        if low > size:
            size = low
            ram.taken.add("lowmem.end")
    elif low and not size:
        size = low
        ram.taken.add("lowmem.end")
    if not size:
        told = from_loader(log, start) or _cut_bank(log) or _around_areas(log, ram, start)
        if told:
            return _with_below(log, told, start)
    if not 0 < size < MOST:
        raise MissingInputError("the log does not say how much RAM there is")
    cut = [said.number("start") for said in log.all("truncating", "ignoring")]
    if cut:
        return [Span(start, max(start + PAGE_SIZE, min(cut)))]
    below = [said for said in log.all("dt_range") if said.number("end") == start]
    if below:
        return [Span(min(said.number("start") for said in below), start + size)]
    return taken_areas(log).holes([Span(start, start + size)])


def _with_below(log: Log, banks: list[Span], start: int) -> list[Span]:
    """The banks, with the RAM right below ``start`` that the kernel says it ignores."""
    below = [said.number("start") for said in log.all("dt_range") if said.number("end") == start]
    if not below or banks[0].start != start:
        return banks
    return [Span(min(below), banks[0].end), *banks[1:]]


def from_loader(log: Log, start: int) -> list[Span]:
    """The banks that U-Boot names before it starts the kernel; ``start`` where it only says how much there is."""
    banks = [
        Span(said.number("start"), said.number("start") + said.number("count") * _UNITS[said.word("unit")])
        for said in log.all("dram_bank")
        if said.number("count")
    ]
    told = zip(log.all("bd_start"), log.all("bd_size"), strict=False)  # what bdinfo prints
    banks = banks or [Span(at.number("start"), at.number("start") + size.number("size")) for at, size in told]
    banks = [bank for bank in banks if bank.start < bank.end <= MOST]
    if banks:
        return banks
    said = log.first("dram")
    if said is None:
        return []
    whole, _, part = said.word("amount").partition(".")
    unit = _UNITS[said.word("unit")]
    size = int(whole) * unit + (int(part) * unit // 10 ** len(part) if part else 0)
    return [Span(start, start + size)] if 0 < size < MOST else []


def _cut_bank(log: Log) -> list[Span]:
    """A bank that the kernel cuts is named whole."""
    return [
        Span(said.number("start"), said.number("last"))
        for said in log.all("truncating")
        if said.number("start") < said.number("last") < MOST
    ]


def _around_areas(log: Log, ram: Ram, start: int) -> list[Span]:
    """The least power of two that holds what lies in RAM, for a log that ends before it says how much there is."""
    areas = [said.number("base") + said.number("mib") * MIB for said in log.all("cma")[-1:]]
    ends = [said.number("base") + said.number("mib") * MIB for said in log.all("pool")]
    ends += [said.number("last") + (said.kind == "dtb") for said in log.all("dtb", "ramdisk")]
    ends += [said.number("last") + 1 for said in log.all("call") if said.word("name") == "reserve"]
    ends += [address + 1 for address in ram.inside]
    ends = [end for end in [*areas, *ends] if start < end < 4 * GIB]
    if not ends:
        return []
    size = max(1 << (max(ends) - start - 1).bit_length(), _LEAST_RAM)
    if areas and max(ends) == areas[0]:  # the default area is put as high as it can be
        size = areas[0] - start
    ram.otherwise = "the log ends before it says how much there is, and what lies in it goes up to " + hex_address(
        max(ends) - 1
    )
    return [Span(start, start + size)]


def _given_back(log: Log, banks: list[Span], identity: LogIdentity) -> list[Span]:
    """Banks as they were before the kernel cut them: what it ignored belongs to them."""
    found = sorted(banks)
    for said in log.all("ignoring", "truncating"):
        start = said.number("start")
        whole = said.kind == "truncating" or "CONFIG_HIGHMEM" in said.word("rest")
        end = min(said.number("last") + (1 if whole and said.number("last") % PAGE_SIZE else 0), MOST)
        if not whole:  # adjust_lowmem_bounds takes RAM away up to its end, holes and all
            found[-1] = Span(found[-1].start, max(found[-1].end, end))
        elif any(bank.start == start for bank in found):
            found = [Span(bank.start, max(bank.end, end)) if bank.start == start else bank for bank in found]
        else:
            found = [Span(bank.start, min(bank.end, start)) for bank in found]
            found.append(Span(start, end))
    last = found[-1]
    for said in log.all("dt_range"):
        end = said.number("end")
        if 4 * GIB < end < MOST and align_up(last.end, MIB) >= said.number("start"):
            last = Span(last.start, end)
    if last.end in (4 * GIB - 1, 4 * GIB - PAGE_SIZE) and not identity.lpae:
        last = Span(last.start, 4 * GIB)  # the last page below 4 GiB is always lost
    return sorted(bank for bank in [*found[:-1], last] if bank.size > 0)
