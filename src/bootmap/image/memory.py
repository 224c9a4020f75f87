"""The protocol through which every reader of physical memory is used, and the rules that all of them keep.

Whoever walks page tables needs only ``read``; the rest is for those who search a whole image.  How the
bytes are found (a mapped file, a dictionary of pages, a socket) is the business of the other modules here.

Rules: an address is physical, in bytes.  Memory that an image does not hold is an `AbsentMemoryError`,
never zeroes.  What is wrong with an image but leaves something to read is told in ``problems``; an image
of which nothing can be read is an `ImageError` when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bootmap.units import Span


class ImageMemory(Protocol):
    """Physical memory of some machine, as far as it is known."""

    @property
    def ranges(self) -> tuple[Span, ...]:
        """What is held: ascending, disjoint, adjacent ranges joined."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What was found wrong with the image, in words, one line each."""

    def read(self, pa: int, size: int) -> bytes:
        """The ``size`` bytes from physical address ``pa`` on.

        Raises:
            AbsentMemoryError: at least one of them is not held; names the first.
        """

    def view(self, span: Span) -> memoryview:
        """The bytes of ``span``, format ``B``, read-only: not copied where one mapping holds them all.

        numpy takes it as it is: ``numpy.frombuffer(memory.view(span), "<u4")``.

        Raises:
            AbsentMemoryError: at least one byte is not held; names the first.
        """
