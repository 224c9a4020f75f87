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

    from bootmap.image.memory import ImageMemory

WINDOW = 2 * MIB  # fits the second-level cache of most machines


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
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError):
                raise ImageError(f"cannot be mapped: {error.strerror}", file=path) from None
            raise
        self._descriptor = descriptor
        self.data = memoryview(self._map)

    def __len__(self) -> int:
        return len(self.data)

    def holds(self, part: memoryview) -> bool:
        """Whether ``part`` is a slice of ``data``."""
        return part.obj is self._map

    def copy_into(self, part: memoryview, buffer: memoryview) -> None:
        """Copy ``part``, a slice of ``data``, with reads in place of page faults: several times faster.

        Raises:
            ImageError: the file was cut short meanwhile, or cannot be read.
        """
        offset, done = _address(part) - _address(self.data), 0
        while done < len(part):
            try:
                count = os.preadv(self._descriptor, [buffer[done : len(part)]], offset + done)
            except OSError as error:
                raise ImageError(f"cannot be read: {error.strerror}", file=self.name, offset=offset + done) from None
            if count == 0:
                raise ImageError("the file was cut short while it was read", file=self.name, offset=offset + done)
            done += count

    def close(self) -> None:
        """Unmap the file; where somebody still holds a view of it, the last of them does."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        with contextlib.suppress(BufferError):
            self.data.release()
            self._map.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)


class FileMemory(PieceMemory):
    """A `Memory` over slices of mapped files.  A context manager: leaving it unmaps the files."""

    def __init__(self, files: Sequence[MappedFile], pieces: Iterable[Piece], problems: Iterable[str] = ()) -> None:
        super().__init__(pieces, problems)
        self._files = files

    def moved(self, by: int) -> FileMemory:
        """The same bytes ``by`` bytes further up: what an image without an address is, once its base is known.

        The files are shared; closing either one is enough.
        """
        pieces = (Piece(start + by, data, "") for start, data in zip(self._starts, self._data, strict=True))
        return FileMemory(self._files, pieces, self.problems)

    def copy(self, span: Span, buffer: memoryview) -> memoryview:
        """Copy ``span`` to the beginning of ``buffer``, without mapping what is read; return that part of it.

        Raises:
            AbsentMemoryError: at least one byte is not held.
            ImageError: a file was cut short meanwhile.
        """
        at = 0
        for part in self._parts(span):
            target = buffer[at : at + len(part)]
            file = next((file for file in self._files if file.holds(part)), None)
            if file is None:
                target[:] = part
            else:
                file.copy_into(part, target)
            at += len(part)
        return buffer[:at].toreadonly()

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


def windows(memory: ImageMemory, size: int = WINDOW) -> Iterator[tuple[int, memoryview]]:
    """Everything that ``memory`` holds, ascending, as (physical address, bytes), at most ``size`` bytes at once.

    Windows end at multiples of ``size``, a power of two, so that nothing aligned and smaller is cut in two.
    A window is good until the next one is asked for: files are read into one buffer, which stays in the CPU's
    cache, so that looking at a whole dump costs little more than reading it.
    """
    buffer = memoryview(bytearray(size)) if isinstance(memory, FileMemory) else None
    for held in memory.ranges:
        start = held.start
        while start < held.end:
            span = Span(start, min(align_down(start, size) + size, held.end))
            if isinstance(memory, FileMemory) and buffer is not None:
                yield start, memory.copy(span, buffer)
            else:
                yield start, memory.view(span)
            start = span.end


def _address(view: memoryview) -> int:
    """Where in this process's memory the bytes of ``view`` lie."""
    import numpy as np

    address: int = np.frombuffer(view, np.uint8).ctypes.data
    return address
