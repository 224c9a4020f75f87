"""Files mapped into memory: the one place that opens a dump.

Nothing is read until it is looked at, so a dump may be larger than the machine's memory.  Not here: what
the bytes mean, and compressed dumps, which cannot be mapped (open.py names the tool that unpacks them).
A file that is cut short while it is mapped ends the process with SIGBUS, as with every program that maps.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
from typing import TYPE_CHECKING

from bootmap.errors import ImageError
from bootmap.image.pieces import Piece, PieceMemory
from bootmap.units import MIB, Span, align_down

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from bootmap.image.memory import Memory


class MappedFile:
    """A file mapped read-only.  ``data`` is all of it, ``name`` the path as it was given.

    Raises:
        ImageError: the file is absent, unreadable, empty or not one that can be mapped.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        try:
            # Not blocking: a named pipe is refused below instead of waiting for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise ImageError(getattr(error, "strerror", None) or str(error), file=path) from None
        try:
            mode = os.fstat(descriptor).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
                raise ImageError("expected a regular file or a block device, which can be mapped", file=path)
            size = os.lseek(descriptor, 0, os.SEEK_END)
            if size == 0:
                raise ImageError("the file is empty", file=path)
            self._map = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise ImageError(f"cannot be mapped: {error.strerror}", file=path) from None
        finally:
            os.close(descriptor)
        self.data = memoryview(self._map)

    def __len__(self) -> int:
        return len(self.data)

    def trim(self) -> None:
        """Give back the pages that were read so far; they are mapped again when they are read again."""
        self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Unmap the file; where somebody still holds a view of it, the last of them does."""
        with contextlib.suppress(BufferError):
            self.data.release()
            self._map.close()


class FileMemory(PieceMemory):
    """A `Memory` over slices of mapped files.  A context manager: leaving it unmaps the files."""

    def __init__(self, files: Sequence[MappedFile], pieces: Iterable[Piece], problems: Iterable[str] = ()) -> None:
        super().__init__(pieces, problems)
        self._files = files

    def trim(self) -> None:
        """Give back the pages that were read so far, so that searching a large dump takes little memory."""
        for file in self._files:
            file.trim()

    def close(self) -> None:
        """Unmap the files; the memory holds nothing afterwards."""
        self.release()
        for file in self._files:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def windows(memory: Memory, size: int = 16 * MIB) -> Iterator[tuple[int, memoryview]]:
    """Everything that ``memory`` holds, ascending, as (physical address, bytes), at most ``size`` bytes at once.

    Windows end at multiples of ``size``, a power of two, so that nothing aligned and smaller is cut in two.
    A window is good until the next one is asked for: of a mapped file no more than one stays in memory.
    """
    for held in memory.ranges:
        start = held.start
        while start < held.end:
            end = min(align_down(start, size) + size, held.end)
            yield start, memory.view(Span(start, end))
            if isinstance(memory, FileMemory):
                memory.trim()
            start = end
