"""Find the page tables in an image of memory about which nothing is known.

    scan (one pass, a few words of each candidate) -> families of tables with one straight map of lowmem
        -> the kernel's table among them, its processes' tables -> checks, each counted -> ranked

The kernel must be little-endian Linux with 4 KiB pages, 2.6.38 or later.  Not here: what the tables map (``mmu``), and
guesses: a place that does not map itself is no kernel's table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.analysis.locate import long as locate_long
from bootmap.analysis.locate import short as locate_short
from bootmap.analysis.locate.banner import read_banner
from bootmap.analysis.locate.located import Located, Search
from bootmap.analysis.locate.scan import ROOT_SHORT, scan
from bootmap.analysis.registers import arch_of_cpu, registers_as_set
from bootmap.facts.arm.cpus import cpu_by_midr
from bootmap.facts.arm.regs import SCTLR
from bootmap.image.files import FileMemory
from bootmap.units import PAGE_SIZE, hex_address

if TYPE_CHECKING:
    from bootmap.analysis.locate.located import Banner
    from bootmap.analysis.locate.scan import Scan
    from bootmap.image.memory import ImageMemory
    from bootmap.mmu.regs import Regs

_LEAST_CHECKS = 3
_OUT_OF_PLACE = (
    "swapper_pg_dir itself seems not to be in the image: the table does not lie where head.S puts it, it is the most "
    "complete of those that share the kernel's half"
)
_TOLD = {"v4": "v5", "v5": "v5", "xscale": "xscale", "v6": "v7", "v6k": "v7", "v6kz": "v7", "v7": "v7", "v7lpae": "v7"}
"""What the descriptors alone tell of an architecture: ``locate_short.architecture`` cannot tell v6 from v7."""


def locate(memory: ImageMemory, *, base_known: bool = True) -> Located | None:
    """The kernel's page tables in ``memory``: the best of what `search` finds, None where there is nothing.

    Args:
        memory: the image.
        base_known: its addresses are physical; otherwise they count from 0, and ``Located.shift`` is to be added.
    """
    return search(memory, base_known=base_known).best


def search(memory: ImageMemory, *, base_known: bool = True) -> Search:
    """All kernels whose page tables are in ``memory``, the one that most speaks for first.

    Passes over it once, 16 MiB at a time; what looks like a table a second time.  An image without an address in which
    no kernel is found that every check speaks for is searched again for tables off their alignment.

    A file that is cut short meanwhile ends the process, as with every program that maps files.
    """
    found: dict[tuple[int, int], Located] = {}
    candidates, problems = 0, list[str]()
    for phase in range(0, PAGE_SIZE if base_known else ROOT_SHORT, PAGE_SIZE):
        passed = scan(memory, phase)
        leaves = locate_short.Leaves(memory)
        short = _short(leaves, passed, base_known=base_known)
        long = _long(memory, passed, problems, base_known=base_known) if phase == 0 else []
        if not short and not long and not base_known:
            short = _short(leaves, passed, base_known=False, vote=True)
        candidates += len(passed.short) + (len(passed.long) if phase == 0 else 0)
        problems += [problem for problem in passed.problems if problem not in problems]
        found |= {(each.root, each.shift): each for each in short + long if _enough(each)}
        if any(each.confidence[0] == each.confidence[1] for each in found.values()):
            break
    if not found and base_known and candidates:
        problems += _begins_elsewhere(memory)
    return Search(tuple(sorted(found.values(), key=_rank)), candidates, passed.size, tuple(problems))


def _enough(located: Located) -> bool:
    """Whether more than the bare straight map speaks for it."""
    held, of = located.confidence
    return held >= _LEAST_CHECKS and 2 * held >= of


def _begins_elsewhere(memory: ImageMemory) -> list[str]:
    """A sentence that says where an image seems to begin, if its tables fit together at another address only."""
    if not isinstance(memory, FileMemory) or len(memory.ranges) != 1:
        return []
    start = memory.ranges[0].start
    best = search(memory.moved(-start), base_known=False).best
    if best is None or best.shift == start:
        return []
    return [
        f"a kernel's tables are here, but they fit together only if the image begins at {hex_address(best.shift)}, "
        f"not at {hex_address(start)}"
    ]


def _rank(located: Located) -> tuple[int, int, int, int]:
    held, of = located.confidence
    return of - held, -held, -len(located.users), located.root


def _short(leaves: locate_short.Leaves, passed: Scan, *, base_known: bool, vote: bool = False) -> list[Located]:
    found = []
    for family in locate_short.families(leaves, passed.short, base_known=base_known, vote=vote):
        address = locate_short.kernel_table(family)
        users = locate_short.user_tables(leaves, family, address)
        vectors = locate_short.vectors_word(leaves, family, address)
        told = locate_short.architecture(family, address, vectors)
        banner = read_banner(leaves.memory, family.phys_offset - family.shift)
        arch, assumptions = _architecture(told, banner)
        root = address + family.shift
        if not locate_short.in_place(family, address):
            assumptions = (*assumptions, _OUT_OF_PLACE)
        located = Located(
            root=root,
            format="short",
            page_offset=family.page_offset,
            phys_offset=family.phys_offset,
            lowmem=locate_short.lowmem(family, family.tables[address])[0],
            shift=family.shift,
            checks=locate_short.checks(leaves, family, address, users),
            users=users,
            banner=banner,
            arch=arch,
            regs=_registers(registers_as_set(arch, root, long=False), banner),
            assumptions=assumptions,
        )
        found.append(located)
    return found


def _long(memory: ImageMemory, passed: Scan, problems: list[str], *, base_known: bool) -> list[Located]:
    kernels, wrong = locate_long.kernels(memory, passed.long, base_known=base_known)
    problems += wrong
    found = []
    for kernel in kernels:
        users = locate_long.user_tables(memory, kernel, passed.processes.get(kernel.entries[-1], ()))
        banner = read_banner(memory, kernel.phys_offset - kernel.shift)
        located = Located(
            root=kernel.root,
            format="long",
            page_offset=kernel.page_offset,
            phys_offset=kernel.phys_offset,
            lowmem=locate_long.lowmem(kernel)[0],
            shift=kernel.shift,
            checks=locate_long.checks(memory, kernel, users),
            users=users,
            banner=banner,
            arch="v7lpae",
            regs=_registers(registers_as_set("v7lpae", kernel.root, long=True), banner),
            assumptions=(),
        )
        found.append(located)
    return found


def _architecture(told: str, banner: Banner) -> tuple[str, tuple[str, ...]]:
    """The architecture, by the CPU that the kernel logged where its descriptors do not contradict."""
    cpu = cpu_by_midr(banner.midr) if banner.midr is not None else None
    logged = arch_of_cpu(cpu) if cpu is not None else None
    if logged is not None and _TOLD[logged] == told:
        return logged, ()
    if logged is not None:
        return told, (f"the log names an ARM{logged} ({banner.cpu}), but the descriptors are those of an ARM{told}",)
    if told == "v7":
        return told, ("ARMv6 and ARMv7 have the same short descriptors: taken for an ARMv7 without LPAE (--arch)",)
    return told, ()


def _registers(regs: Regs, banner: Banner) -> Regs:
    """The registers with SCTLR as the kernel logged it, where it did and the MMU is on in it."""
    if banner.sctlr is None or not SCTLR["M"].of(banner.sctlr):
        return regs
    return replace(regs, sctlr=banner.sctlr)
