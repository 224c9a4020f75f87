"""The log of memblock calls: the provenance of every region, shared by all copies of one memblock.

A copy costs nothing: it remembers how much of the common list is its own, and parts from it only when both
go on.  What the calls do is in ``bootmap.boot.memblock``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, overload

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemblockOp(NamedTuple):
    """One call, and the range of bytes it bears on.

    Attributes:
        name: the kernel's name of the call without ``memblock_``; "double_array" for what memblock
            itself reserves and frees when an array grows.
        base: first byte; for an allocation the address found, 0 where it failed.
        size: length in bytes, after the kernel's rounding and cutting.
        flags: the flags given, set or cleared.
        origin: whatever the caller attached to say where this came from.
        result: the kernel's return value: 0 or -ENOMEM, or the address for an allocation (0: failed).
    """

    name: str
    base: int
    size: int
    flags: int
    origin: object | None
    result: int

    def bears_on(self, address: int) -> bool:
        """Whether the byte at ``address`` is in the range; a failed allocation has none."""
        failed = self.name == "alloc_range" and not self.result
        return not failed and self.base <= address < self.base + self.size


class OpLog(Sequence[MemblockOp]):
    """Calls in their order, oldest first; only ever grows."""

    __slots__ = ("_length", "_ops")

    def __init__(self) -> None:
        self._ops: list[MemblockOp] = []
        self._length = 0

    def copy(self) -> OpLog:
        """A log that has the same past and its own future."""
        other = OpLog.__new__(OpLog)
        other._ops = self._ops
        other._length = self._length
        return other

    def append(self, op: MemblockOp) -> None:
        """Add the latest call."""
        if len(self._ops) != self._length:  # a copy has gone on with the common list
            self._ops = self._ops[: self._length]
        self._ops.append(op)
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[MemblockOp]:
        return islice(self._ops, self._length)

    @overload
    def __getitem__(self, index: int) -> MemblockOp: ...

    @overload
    def __getitem__(self, index: slice) -> list[MemblockOp]: ...

    def __getitem__(self, index: int | slice) -> MemblockOp | list[MemblockOp]:
        if isinstance(index, slice):
            return self._ops[: self._length][index]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._ops[index if index >= 0 else self._length + index]
