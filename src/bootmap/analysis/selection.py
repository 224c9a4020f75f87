"""Which of the ranges of a map are asked for: by address, by rights, by memory type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm.memory_attrs import MemoryType, Policy
from bootmap.facts.arm.permissions import Rights

if TYPE_CHECKING:
    from bootmap.mmu.attributes import Attributes
    from bootmap.mmu.bulk import Ranges
    from bootmap.units import Span

KINDS: dict[str, MemoryType | Policy] = {kind.value: kind for kind in (*MemoryType, *Policy)}
"""Memory types, and policies of the inner cache for Normal memory, by the names that people type."""


class Selection(Struct, frozen=True):
    """What is asked for; the default is everything.

    Attributes:
        virtual: only these virtual addresses; ranges are cut.
        physical: only what maps these physical addresses; ranges are cut.
        writable: only what may be written.
        executable: only what may be executed.
        user: only what user mode may do: read alone, or write and execute where those are asked for.
        kinds: only these names of ``KINDS``, any of them; empty for all.
    """

    virtual: Span | None = None
    physical: Span | None = None
    writable: bool = False
    executable: bool = False
    user: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    def of(self, ranges: Ranges) -> Ranges:
        """The part of ``ranges`` that is asked for."""
        if self.virtual is not None:
            ranges = ranges.within(self.virtual)
        if self.physical is not None:
            ranges = ranges.mapping(self.physical)
        if self.writable or self.executable or self.user or self.kinds:
            ranges = ranges.filter(self._admits)
        return ranges

    def _admits(self, attributes: Attributes) -> bool:
        rights = attributes.rights & (Rights.USER if self.user else Rights.ALL)
        wanted = [kind for given, kind in ((self.writable, Rights.WRITE), (self.executable, Rights.EXECUTE)) if given]
        if not all(rights & kind for kind in wanted) or (self.user and not rights):
            return False
        memory = attributes.memory
        own = {memory.type, memory.inner.policy if memory.inner is not None else None}
        return not self.kinds or any(KINDS[kind] in own for kind in self.kinds)
