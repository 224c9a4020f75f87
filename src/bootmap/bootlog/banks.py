"""Where RAM is, as far as a boot log tells: PHYS_OFFSET, and the banks as they were before the kernel cut them.

The best witness is taken: mem= on the command line, memblock's own lines, the node's ranges, and last the totals, which
say how much there is but not where.

    log                                     banks
    mem=512M@0x80000000                     that, and nothing else
    memory[0x0] [0x..-0x..] / node 0: [..]  these, and what "Ignoring RAM" and "Truncating RAM" say was cut off them
    Memory: 448MB = 448MB total             one bank of that size at PHYS_OFFSET

Not here: everything else of the board.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootmap.errors import MissingInputError
from bootmap.units import GIB, KIB, MIB, PAGE_SIZE, Span, align_up, memparse

if TYPE_CHECKING:
    from bootmap.bootlog.log import Log, Said

_PHYS_GRANULE = 128 * MIB
"""How far from the start of RAM a boot loader may put a zImage (arch/arm/boot/compressed/head.S AUTO_ZRELADDR)."""
_MOST = 1 << 40


@dataclass
class Ram:
    """What a log tells of RAM.

    Attributes:
        phys_offset: PHYS_OFFSET in bytes.
        phys_known: whether the log says so; else 0 stands in for it.
        banks: as the boot loader gave them, in order of address.
        assumptions: what was taken instead of what the log does not say.
    """

    phys_offset: int = 0
    phys_known: bool = True
    banks: list[Span] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)


def page_directory(log: Log) -> int | None:
    """Where swapper_pg_dir lies, in bytes: it is the only reservation of its size that arm_memblock_init makes."""
    behind = 0 if log.open_ends else 1
    for said in log.all("call"):
        size = said.number("last") + behind - said.number("start")
        if re.search(r"arm_(?:mm_)?memblock_(?:reserve|init)", said.word("rest")) and size in (0x4000, 0x5000):
            return said.number("start")
    return None


class RamReader:
    """Reads RAM out of one log; notes in ``taken`` which lines went in."""

    def __init__(self, log: Log, page_offset: int, lpae: bool, cmdline: str, taken: set[str]) -> None:
        self.log = log
        self.page_offset = page_offset
        self.lpae = lpae
        self.cmdline = cmdline
        self.taken = taken
        low = next((said for said in log.all("layout") if said.word("name") == "lowmem"), None)
        self.low = low.number("end") - page_offset if low else 0
        self.ram = Ram()

    def read(self, phys_offset: int | None = None, *, banks: bool = True) -> Ram:
        """Everything, or PHYS_OFFSET without the banks; ``phys_offset`` where the user knows it.

        Raises:
            MissingInputError: the log says nothing of RAM.
        """
        self._phys_offset(phys_offset)
        if not 0 <= self.ram.phys_offset < (_MOST if self.lpae else 4 * GIB) or self.ram.phys_offset % PAGE_SIZE:
            raise MissingInputError(
                f"the log says that RAM begins at {self.ram.phys_offset:#x}, where none can; give --phys-offset"
            )
        if not banks:
            return self.ram
        listed, old = self.log.first("memory_mb"), self.log.first("memory_k")
        if listed and old and listed.number("sum") < (old.number("present") + old.number("reserved")) * KIB // MIB:
            self.taken.add("machine.took")
        self.ram.banks = self._from_cmdline() or self._given_back(self._listed() or self._from_totals())
        return self.ram

    def _below(self) -> Said | None:
        return next((said for said in self.log.all("said") if "below PHYS_OFFSET" in said.word("text")), None)

    def _phys_offset(self, given: int | None) -> None:
        """Where RAM begins to the kernel: from the page directory's reservation, else the lowest bank."""
        ram = self.ram
        directory = page_directory(self.log)
        starts = [said.number("start") for said in self._bank_lines()]
        wanted = [memparse(start)[0] for start in re.findall(r"\bmem=\w+@(\w+)", self.cmdline)]
        loaded = self._loaded()
        if given is not None:
            ram.phys_offset = given
        elif (below := self._below()) is not None:
            ram.phys_offset = int(re.findall(r"[0-9a-f]+", below.word("text"))[-1], 16)
        elif directory is not None:
            ram.phys_offset = self._below_directory(directory, starts)
        elif starts or wanted:
            ram.phys_offset = min(starts or wanted)
        elif loaded:
            ram.phys_offset = loaded[0] & -_PHYS_GRANULE
            ram.assumptions.append(
                f"PHYS_OFFSET is {ram.phys_offset:#010x}, the start of the 128 MiB in which the kernel or the device "
                f"tree lies ({loaded[0]:#010x}): the log does not say where RAM begins (--phys-offset)"
            )
        else:
            ram.phys_known = False
            ram.assumptions.append("PHYS_OFFSET is 0: the log does not say where RAM begins (--phys-offset)")

    def _below_directory(self, directory: int, starts: list[int]) -> int:
        """PHYS_OFFSET from where the page directory lies, 16 KiB above it or, on some SoCs, 2 MiB and more.

        Those show it by a bank that begins on a 2 MiB boundary not far below.
        """
        usual = max(directory - (0x3000 if self.lpae else 0x4000), 0)
        near = [start for start in starts if start <= usual < start + 4 * MIB and start % (2 * MIB) == 0]
        return min(near, default=usual)

    def _loaded(self) -> list[int]:
        """Physical addresses of the kernel, else of the device tree, best witness first."""
        # Some vendors print the virtual address of the identity map.
        found = [said.number("start") for said in self.log.all("idmap") if said.number("start") < self.page_offset]
        found += [said.number(name) for said in self.log.all("load") for name in ("start", "base") if name in said]
        found += [said.number("start") for said in self.log.all("blob", "dtb")]
        return [address for address in found if 0 < address < 4 * GIB]

    def _bank_lines(self) -> list[Said]:
        """The lines that list RAM bank by bank, of the earliest kind that there is."""
        calls = self.log.all("call")
        added = [said for said in calls if said.word("name") == "add"]
        if added and not any(said.word("name") == "remove" for said in calls):
            return added
        return self.log.dump("memory") or self.log.all("nodes")

    def _from_cmdline(self) -> list[Span]:
        """mem= replaces what the boot loader said."""
        banks = []
        for value in re.findall(r"(?:^|\s)mem=(\S+)", self.cmdline):
            size, rest = memparse(value)
            start = memparse(rest[1:])[0] if rest.startswith("@") else self.ram.phys_offset
            if 0 < size < _MOST and start < _MOST:
                banks.append(Span(start, start + size))
        return banks

    def _listed(self) -> list[Span]:
        lines = self._bank_lines()
        self.taken |= {f"{said.kind}:{said.line}" for said in lines}
        banks = [Span(said.number("start"), said.number("last") + 1) for said in lines]
        if not all(bank.start < bank.end <= _MOST for bank in banks):
            raise MissingInputError("the log's list of RAM holds none: the boot loader gave no memory")
        return banks

    def _from_totals(self) -> list[Span]:
        """One bank where the log only says how much RAM there is."""
        start, size = self.ram.phys_offset, self._total()
        listed = self.log.first("memory_mb")
        if listed is not None and len(listed.word("banks").split()) > 1:
            self.taken.add("banks.unknown")
            self.ram.assumptions.append("RAM is one bank: the log names the sizes of banks, not their places")
            if self.low > size:
                size = self.low
                self.taken.add("lowmem.end")
        elif self.low and not size:
            size = self.low
            self.taken.add("lowmem.end")
        if not 0 < size < _MOST:
            raise MissingInputError("the log does not say how much RAM there is")
        cut = [said.number("start") for said in self.log.all("truncating", "ignoring")]
        if cut:
            return [Span(start, max(start + PAGE_SIZE, min(cut)))]
        ranges = self.log.all("dt_range")
        if self._below() is not None and ranges:
            return [Span(min(said.number("start") for said in ranges), start + size)]
        return [Span(start, start + size)]

    def _total(self) -> int:
        """How much RAM there is in bytes, 0 where the log does not say."""
        listed, old, new = (self.log.first(kind) for kind in ("memory_mb", "memory_k", "memory"))
        total = self.log.first("total")
        if old is not None:  # banks, before the machine took any away
            size = (old.number("present") + old.number("reserved")) * KIB
            self.taken.add("memory_k.sum")
            self.taken |= {"memory_mb.sum", "total.pages"}
            return size
        if total is not None:
            self.taken |= {"total.pages", "memory.present", "memory_mb.sum"}
            return total.number("pages") * PAGE_SIZE
        if new is not None:
            self.taken.add("memory.present")
            return new.number("present") * KIB
        if listed is not None:
            self.taken.add("memory_mb.sum")
            return listed.number("sum") * MIB
        return 0

    def _given_back(self, banks: list[Span]) -> list[Span]:
        """Banks as they were before the kernel cut them: what it ignored belongs to them."""
        found = sorted(banks)
        for said in self.log.all("ignoring", "truncating"):
            start = said.number("start")
            whole = said.kind == "truncating" or "CONFIG_HIGHMEM" in said.word("rest")
            end = min(said.number("last") + (1 if whole and said.number("last") % PAGE_SIZE else 0), _MOST)
            if not whole:  # adjust_lowmem_bounds takes RAM away up to its end, holes and all
                found[-1] = Span(found[-1].start, max(found[-1].end, end))
            elif any(bank.start == start for bank in found):
                found = [Span(bank.start, max(bank.end, end)) if bank.start == start else bank for bank in found]
            else:
                found = [Span(bank.start, min(bank.end, start)) for bank in found]
                found.append(Span(start, end))
        last = found[-1]
        for said in self.log.all("dt_range"):
            end = said.number("end")
            if 4 * GIB < end < _MOST and align_up(last.end, MIB) >= said.number("start"):
                last = Span(last.start, end)
        if last.end in (4 * GIB - 1, 4 * GIB - PAGE_SIZE) and not self.lpae:
            last = Span(last.start, 4 * GIB)  # the last page below 4 GiB is always lost
        return sorted(bank for bank in [*found[:-1], last] if bank.size > 0)
