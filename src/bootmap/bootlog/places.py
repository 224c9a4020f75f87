"""What lies where in RAM when the kernel starts: device tree, initrd, image and what the boot loader reserved.

From the boot loader's own lines, from memblock=debug, from the command line, and last from a fault: a kernel that dies
reading the device tree names the address at which it looked for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.analysis.oops.linear import physical_of
from bootmap.bootlog.evidence import Confidence, Evidence, Weighed, choose, exact
from bootmap.bootlog.given import Given
from bootmap.units import GIB, PAGE_SIZE, Span, memparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.bootlog.log import Log, Said

_PGD_BYTES = (0x4000, 0x5000)
_BLOB = re.compile(r"setup_arch|early_init_fdt_reserve_self|early_init_dt_reserve_memory|arm_dt_memblock")
_CHECKS_TREE = ("fdt_check_header", "fdt_ro_probe_", "early_init_dt_verify")
"""Functions that read the tree's first words: where they fault, it begins."""
_RESERVES_TREE = r"setup_arch|early_init_fdt_reserve_self"
_NAMED = re.compile(r"INITRD: (0x[0-9a-f]+)\+(0x[0-9a-f]+) ")
TREE, INITRD = "device tree", "initrd"
BY_COMMAND_LINE = "initrd= on the command line"
_RESERVED_BY_US = re.compile(r"arm_memblock_init|arm_mm_memblock_reserve|reserve_initrd|efi")


class Places(Struct, frozen=True):
    """Where things lie, in physical addresses; None where the log does not say.

    Attributes:
        tree: the device tree or ATAG list, weighed.
        blob_size: bytes reserved for it, 0 where not known.
        ramdisk: the initrd as (start, size), weighed.
        image: the kernel's image.
        memreserve: rows of (start, size) that the device tree reserves.
        taken: names of the values that came from lines of the log.
    """

    tree: Weighed[int]
    blob_size: int
    ramdisk: Weighed[tuple[int, int]]
    image: Span | None = None
    memreserve: tuple[tuple[int, int], ...] = ()
    taken: frozenset[str] = frozenset()

    @property
    def params(self) -> int | None:
        """Physical address of the device tree or ATAG list."""
        return self.tree.value

    @property
    def initrd(self) -> tuple[int, int] | None:
        """(start, size) of the initrd, where the command line does not already say it."""
        best = self.ramdisk.best
        return None if best is not None and best.text == BY_COMMAND_LINE else self.ramdisk.value


def read_places(log: Log, given: Given | None = None) -> Places:
    """Where things lie, by everything that ``log`` says of it."""
    given = given or Given()
    taken: set[str] = set()
    behind = 0 if log.open_ends else 1
    reserved = [said for said in log.all("call") if said.word("name") == "reserve"]
    trees, initrds = list(_trees(log, given)), list(_initrds(log, given))
    told = choose(TREE, trees)
    params, blob_size = _unannounced(log, told.value, reserved, behind, taken)
    if told.value is None and params is not None:
        trees.append(exact(params, Confidence.STRONG, 0, "it is reserved before memblock=debug is read"))
    params, blob_size, rows = _by_calls(log, params, blob_size, reserved, behind, taken)
    if params is not None and not trees:
        line = next((said.line for said in reserved if said.number("start") == params), 0)
        trees.append(exact(params, Confidence.STRONG, line, "the kernel reserves it"))
    image, rest = _by_arm_memblock_init(reserved, behind, taken)
    if rest is not None:
        start = rest.number("start")
        size = rest.number("last") + behind - start
        if params is None and not initrds and log.first("freed_initrd") is None:
            # Every board has a tree to be reserved, not every one an initrd.
            params, blob_size = start, size
            trees.append(exact(start, Confidence.LIKELY, rest.line, "arm_memblock_init reserves it"))
            taken.add(f"call:{rest.line}")
        elif not initrds:
            initrds.append(exact((start, size), Confidence.STRONG, rest.line, "arm_memblock_init reserves it"))
            taken.add(f"call:{rest.line}")
    tree, initrd = choose(TREE, trees), choose(INITRD, initrds, same_initrd)
    return Places(
        replace(tree, option="--dtb-addr"),
        blob_size,
        replace(initrd, option="--initrd"),
        image,
        tuple(rows),
        frozenset(taken),
    )


def with_fault(places: Places, log: Log, page_offset: int, phys_offset: int | None) -> Places:
    """The same, with what a fault tells: a kernel that dies in fdt_check_header names the device tree's address."""
    fault, pc = log.first("fault"), log.first("pc_at")
    if fault is None or pc is None or phys_offset is None or pc.word("name") not in _CHECKS_TREE:
        return places
    at = physical_of(fault.number("base"), page_offset, phys_offset) & -8
    row = exact(at, Confidence.LIKELY, fault.line, f"{pc.word('name')} looks for it there")
    tree = choose(TREE, [*places.tree.witnesses, *places.tree.against, row])
    return replace(places, tree=replace(tree, option="--dtb-addr"))


def same_initrd(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two say the same, but for the whole pages that the kernel counts."""
    return all(abs(a - b) < PAGE_SIZE for a, b in ((one[0], other[0]), (sum(one), sum(other))))


def _trees(log: Log, given: Given) -> Iterator[Evidence[int]]:
    """The device tree where the boot loader says that it puts it, or leaves it, and where the kernel reserves it."""
    if given.params is not None:
        yield exact(given.params, Confidence.GIVEN, 0, "as given")
    moved = log.all("dtb")[:1]
    for said in moved:
        yield exact(said.number("start"), Confidence.CERTAIN, said.line, "the boot loader moves it there")
    for said in log.all("blob")[:1]:
        if said.number("start") and not moved:
            yield exact(said.number("start"), Confidence.LIKELY, said.line, "the boot loader finds it there")
    for said in log.all("started")[-1:]:
        if "to" in said and said.number("to") and not moved:
            yield exact(said.number("to"), Confidence.HINT, said.line, "the boot loader is told so")
    for said in log.all("call"):
        if said.word("name") == "reserve" and re.search(_RESERVES_TREE, said.word("rest")):
            yield exact(said.number("start"), Confidence.CERTAIN, said.line, "the kernel reserves it")
            return


def _initrds(log: Log, given: Given) -> Iterator[Evidence[tuple[int, int]]]:
    """The initrd as (start, size) where the boot loader puts it, and as the kernel names it."""
    if given.initrd is not None:
        yield exact(given.initrd, Confidence.GIVEN, 0, "as given")
    for said in log.all("ramdisk")[:1]:
        place = (said.number("start"), said.number("last") - said.number("start"))  # U-Boot prints the end behind it
        yield exact(place, Confidence.CERTAIN, said.line, "the boot loader moves it there")
    for said in log.all("started")[-1:]:  # where it stays, unless it is moved
        if "start" in said and "size" in said and not log.all("ramdisk"):
            place = (said.number("start"), said.number("size"))
            yield exact(place, Confidence.LIKELY, said.line, "the boot loader is told so")
    for said in log.all("said"):
        match = _NAMED.match(said.word("text"))
        if match:
            yield exact((int(match[1], 16), int(match[2], 16)), Confidence.CERTAIN, said.line, "the kernel names it")
    for said in (log.all("cmdline") or log.all("bootargs"))[-1:]:
        match = re.search(r"\binitrd=(\w+),(\w+)", said.word("text"))
        if match:
            place = (memparse(match[1])[0], memparse(match[2])[0])
            yield exact(place, Confidence.CERTAIN, said.line, BY_COMMAND_LINE)


def _by_calls(
    log: Log, params: int | None, blob_size: int, reserved: Iterable[Said], behind: int, taken: set[str]
) -> tuple[int | None, int, list[tuple[int, int]]]:
    """The device tree by memblock's calls, and what else is reserved before the lists are printed."""
    listed = log.first("dump_totals")
    areas = {said.number("base") for said in log.all("cma", "pool")}
    rows = []
    for said in reserved:
        caller, start = said.word("rest"), said.number("start")
        size = min(max(said.number("last") + behind - start, 0), 4 * GIB)
        by_boot_loader = _BLOB.search(caller)
        # Whoever else reserves memory before the lists are printed: the machine's callback, dynamic areas.
        before = listed is not None and said.line < listed.line and start not in areas
        if not by_boot_loader and not (before and not _RESERVED_BY_US.search(caller)):
            continue
        taken.add(f"call:{said.line}")
        if params is None and by_boot_loader:
            params = start
        if params == start and not blob_size:
            blob_size = size
        else:
            rows.append((start, size))
    return params, blob_size, rows


def _unannounced(
    log: Log, params: int | None, reserved: Iterable[Said], behind: int, taken: set[str]
) -> tuple[int | None, int]:
    """What is in the list of reservations and was not announced: made before memblock=debug was read.

    That is the device tree's blob, which 5.11 and later reserve first of all.
    """
    known = sorted((said.number("start"), said.number("last") + behind) for said in reserved)
    if not known:
        return params, 0
    size = 0
    for row in log.dump("reserved"):
        at, end = row.number("start"), row.number("last") + 1
        for start, last in [*known, (end, end)]:
            if at < min(start, end) and params is None:
                params, size = at, min(start, end) - at
                taken.add(f"dump_row:{row.line}")
            at = max(at, last)
    return params, size


def _by_arm_memblock_init(reserved: Iterable[Said], behind: int, taken: set[str]) -> tuple[Span | None, Said | None]:
    """The image, which it reserves first, and the line of the initrd, which comes next."""
    own = [said for said in reserved if re.search(r"arm_memblock_init|reserve_initrd", said.word("rest"))]
    if not own:
        return None, None
    taken.add(f"call:{own[0].line}")
    image = Span(own[0].number("start"), own[0].number("last") + behind)
    rest = [said for said in own[1:] if said.number("last") + behind - said.number("start") not in _PGD_BYTES]
    return image, rest[0] if rest else None
