"""A set of page tables with what is known of their kernel: what every question about tables starts from."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.mmu.regs import regime_of
from bootmap.units import Span, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from bootmap.analysis.translation import SymbolFinder, Translation
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.facts.arm.permissions import Rights
    from bootmap.image.open import Image
    from bootmap.mmu.bulk import Map, Ranges, Translations
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime, Regs


class Tables(Struct, frozen=True, dict=True):
    """Page tables and their surroundings.

    Attributes:
        name: the words that named their source.
        kind: prediction, recording, raw, ELF core, LiME or QEMU.
        memory: physical memory, as ``mmu`` reads it.
        regs: the registers that the tables are read under.
        kernel: version, configuration and layout, where something tells them; its symbols may be none.
        version: the kernel's version, where only that is known too.
        page_offset: PAGE_OFFSET, where known.
        phys_offset: PHYS_OFFSET, where known.
        high_memory: end of lowmem in virtual space, where known.
        symbols: virtual addresses by name, empty where no table was given.
        replay: the whole boot, for a prediction.
        snapshot: the stage of it whose tables these are.
        image: the image, for anything but a prediction.
        assumptions: what was taken for what was not given, a sentence each.
    """

    name: str
    kind: str
    memory: Memory
    regs: Regs
    kernel: KernelModel | None = None
    version: str | None = None
    page_offset: int | None = None
    phys_offset: int | None = None
    high_memory: int | None = None
    symbols: Mapping[str, int] = field(default_factory=dict)
    replay: Replay | None = None
    snapshot: Snapshot | None = None
    image: Image | None = None
    assumptions: tuple[str, ...] = ()

    @cached_property
    def regime(self) -> Regime:
        """What the registers mean."""
        return regime_of(self.regs)

    @property
    def named_registers(self) -> dict[str, int]:
        """The registers that count, by their names in the architecture."""
        from bootmap.analysis.registers import named

        return named(self.regs)

    @cached_property
    def map(self) -> Map:
        """Everything that the tables translate, read once.

        Raises:
            ImageError: they cut the address space into more pieces than any machine has a use for.
        """
        from bootmap.errors import ImageError
        from bootmap.mmu.bulk import snapshot
        from bootmap.mmu.runs import TooManyRunsError

        try:
            return snapshot(self.memory, self.regime)
        except TooManyRunsError as error:
            raise ImageError(str(error), file=self.name) from None

    @cached_property
    def _names(self) -> SymbolFinder:
        from bootmap.analysis.translation import SymbolFinder

        return SymbolFinder(self.symbols)

    def walk(self, address: int, accesses: Sequence[Rights] = ()) -> Translation:
        """The walk of one virtual address as the CPU does it, with both halves of each entry and its writers.

        Args:
            address: virtual, 32 bits.
            accesses: kinds of access to check.

        >>> tables.walk(0xC030_0000).rights
        <Rights.PRIV: 7>
        """
        from bootmap.analysis.overview import virtual_layout
        from bootmap.analysis.translation import translate

        written, areas = None, tuple[str, ...]()
        if self.replay is not None and self.snapshot is not None:
            written = (self.replay, self.snapshot)
            areas = tuple(row.name for row in virtual_layout(*written) if row.start <= address < row.end)
        found = translate(self.memory, self.regime, address, accesses, written)
        return replace(found, areas=areas, symbol=self._names.name(address))

    def translate(self, addresses: ArrayLike) -> Translations:
        """Physical addresses and rights for an array of virtual addresses of any shape; see ``Translations``.

        Raises:
            ValueError: an address is no integer of 32 bits.
        """
        return self.map.translate(addresses)

    def ranges(
        self,
        *,
        writable: bool = False,
        executable: bool = False,
        user: bool = False,
        virtual: Span | None = None,
        physical: Span | None = None,
        memory_types: Sequence[str] = (),
    ) -> Ranges:
        """What is mapped, merged as far as rights and physical addresses go on; each argument narrows it.

        Args:
            writable: only what may be written.
            executable: only what may be executed.
            user: only what user mode may do (read, or write and execute as asked).
            virtual: only these virtual addresses, ``[start, end)``.
            physical: only what maps these physical addresses.
            memory_types: only these, by the names of ``analysis.selection.KINDS``.

        >>> len(tables.ranges(writable=True, executable=True))
        1
        """
        from bootmap.analysis.selection import Selection

        asked = Selection(virtual, physical, writable, executable, user, tuple(memory_types))
        return asked.of(self.map.ranges())

    def descriptors(self, span: Span) -> Iterator[int]:
        """The first address in ``span`` of every descriptor that a walk from there would end at."""
        from bootmap.analysis.translation import descriptors_in

        return descriptors_in(self.memory, self.regime, span)

    @property
    def incomplete(self) -> tuple[str, ...]:
        """A sentence on tables that the source does not hold; none where they are all there."""
        unread = self.map.unread
        if not unread:
            return ()
        size, first = sum(span.size for span in unread), unread[0]
        return (
            f"tables on the way of {size_text(size)} of virtual addresses are not in the source, nothing is known of "
            f"them; the first are {hex_address(first.start)}-{hex_address(first.end - 1)}",
        )

    def __repr__(self) -> str:
        stage = f" after {self.snapshot.name}" if self.snapshot is not None else ""
        form = "long" if self.regime.long else "short"
        return f"<Tables {self.name}: {self.kind}{stage}, {form} descriptors, TTBR0 {hex_address(self.regs.ttbr0)}>"


def predicted_tables(name: str, replay: Replay, snapshot: Snapshot) -> Tables:
    """The tables of one stage of a prediction, under the registers that its kernel runs with."""
    from bootmap.analysis.registers import linux_registers, stage_memory

    kernel = replay.state.kernel
    return Tables(
        name=name,
        kind="prediction",
        memory=stage_memory(replay, snapshot),
        regs=linux_registers(replay),
        kernel=kernel,
        version=kernel.version_text,
        page_offset=kernel.page_offset,
        phys_offset=replay.state.handover.phys_offset,
        high_memory=snapshot.vars.high_memory or None,
        symbols=kernel.symbols,
        replay=replay,
        snapshot=snapshot,
        assumptions=tuple(map(str, replay.state.assumptions)),
    )
