"""What a search for page tables gives: the kernel's table, those of its processes, and what speaks for each.

Confidence is counted, not estimated: every `Check` says how many things were looked at and how many were as they should
be, and a `Located` says how many of its checks hold.  Nothing is weighed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from bootmap.image.memory import ImageMemory
    from bootmap.mmu.regs import Regs
    from bootmap.units import Span

TableFormat = Literal["short", "long"]
UserKind = Literal["process", "identity map", "empty"]


class Check(Struct, frozen=True):
    """One thing that must be so if this is the kernel's table.

    Attributes:
        name: a word for programs.
        text: what was looked at, in words.
        held: how many of the things looked at were as they should be.
        of: how many were looked at; 0 where the image holds nothing to look at.
    """

    name: str
    text: str
    held: int
    of: int

    @property
    def holds(self) -> bool:
        """At least nine in ten are: a machine that runs while it is dumped changes under the hand."""
        return self.of > 0 and 10 * self.held >= 9 * self.of


class UserTable(Struct, frozen=True):
    """Another first-level table that has the kernel's half.

    Attributes:
        root: physical address.
        kind: ``process``: user pages are mapped, or may be, by tables that the image does not hold; ``identity map``:
            sections that map the kernel to its physical addresses, for switching the MMU off; ``empty``: no user half,
            just made or left over.
        tables: second-level (long format: last-level) tables below its user half.
        missing: tables that are named there and that the image does not hold.
        pages: user pages that the hardware sees in them.
        shared: entries of the kernel's half that are as in the kernel's own table.
        shared_of: entries of the kernel's half that are not empty, there or here.
    """

    root: int
    kind: UserKind
    tables: int
    missing: int
    pages: int
    shared: int
    shared_of: int


class Banner(Struct, frozen=True):
    """What the kernel's own text in the image says of it; None where it was not found.

    Attributes:
        text: the line that begins with ``Linux version``.
        version: the version in it.
        cpu: the CPU's name as the kernel logs it.
        midr: Main ID Register, from the same line.
        sctlr: SCTLR at that time, from the same line (``cr=``).
    """

    text: str | None = None
    version: str | None = None
    cpu: str | None = None
    midr: int | None = None
    sctlr: int | None = None


class Located(Struct, frozen=True):
    """A kernel whose tables were found.

    Attributes:
        root: physical address of swapper_pg_dir.
        format: of its descriptors.
        page_offset: PAGE_OFFSET.
        phys_offset: PHYS_OFFSET.
        lowmem: virtual addresses of the straight map, from its first to its last section.
        shift: bytes to add to the image's addresses to make them physical; 0 where those are known.
        checks: what speaks for it.
        users: the other tables with its kernel half, by address.
        banner: what the kernel says of itself.
        arch: key of ``spec.regs.ARCHES``.
        regs: registers with which its tables can be read; those beside the root as Linux sets them.
        assumptions: what had to be taken for granted, a sentence each.
    """

    root: int
    format: TableFormat
    page_offset: int
    phys_offset: int
    lowmem: Span
    shift: int
    checks: tuple[Check, ...]
    users: tuple[UserTable, ...]
    banner: Banner
    arch: str
    regs: Regs
    assumptions: tuple[str, ...] = ()

    @property
    def confidence(self) -> tuple[int, int]:
        """How many checks hold, of those that there was anything for."""
        counted = [check for check in self.checks if check.of]
        return sum(check.holds for check in counted), len(counted)

    @property
    def processes(self) -> tuple[UserTable, ...]:
        """The tables that map user pages."""
        return tuple(user for user in self.users if user.kind == "process")


class Search(Struct, frozen=True):
    """The answer to a search.

    Attributes:
        found: kernels, the one that most speaks for first.
        candidates: places that looked like first-level tables and were judged.
        size: bytes that were looked at.
        problems: what was left out, and what did not fit, a sentence each.
    """

    found: tuple[Located, ...]
    candidates: int
    size: int
    problems: tuple[str, ...] = ()

    @property
    def best(self) -> Located | None:
        """The first of ``found``."""
        return self.found[0] if self.found else None


class Moved:
    """Memory whose addresses are ``shift`` bytes further up than in the image below it."""

    def __init__(self, memory: ImageMemory, shift: int) -> None:
        self._memory = memory
        self._shift = shift

    def read(self, pa: int, size: int, /) -> bytes:
        """See ``mmu.memory.Memory.read``."""
        if pa < self._shift:
            raise LookupError(f"no memory at {pa:#x}")
        return self._memory.read(pa - self._shift, size)
