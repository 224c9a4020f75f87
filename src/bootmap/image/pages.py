"""Memory given as pages: what a prediction is, and what a test writes down by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import AbsentMemoryError, ImageError
from bootmap.units import PAGE_SIZE, Span, align_down, merged

if TYPE_CHECKING:
    from collections.abc import Mapping


class PageMemory:
    """A `Memory` over ``{physical address of a page: its 4096 bytes}``; the mapping is used, not copied.

    Raises:
        ImageError: a key is not a multiple of 4096 or its bytes are not 4096.
    """

    def __init__(self, pages: Mapping[int, bytes]) -> None:
        for pa, data in pages.items():
            if pa % PAGE_SIZE or pa < 0:
                raise ImageError(f"the page at {pa:#x} is not aligned to {PAGE_SIZE} bytes")
            if len(data) != PAGE_SIZE:
                raise ImageError(f"the page at {pa:#010x} has {len(data)} bytes, expected {PAGE_SIZE}")
        self._pages = pages
        self.ranges: tuple[Span, ...] = merged(Span(pa, pa + PAGE_SIZE) for pa in pages)
        self.problems: tuple[str, ...] = ()

    def read(self, pa: int, size: int) -> bytes:
        """See `Memory.read`."""
        offset = pa % PAGE_SIZE
        page = self._pages.get(pa - offset)
        if page is not None and 0 <= size <= PAGE_SIZE - offset:
            return bytes(page[offset : offset + size])
        return bytes(self._joined(Span(pa, pa + size)))

    def view(self, span: Span) -> memoryview:
        """See `Memory.view`; a span that crosses from one page into the next is copied."""
        page = self._pages.get(align_down(span.start, PAGE_SIZE))
        offset = span.start % PAGE_SIZE
        if page is not None and 0 <= span.size <= PAGE_SIZE - offset:
            return memoryview(page)[offset : offset + span.size].toreadonly()
        return memoryview(self._joined(span)).toreadonly()

    def _joined(self, span: Span) -> bytearray:
        if span.end < span.start:
            raise ValueError(f"a range of negative size: {span.start:#x}, {span.size}")
        out = bytearray()
        at = span.start
        while at < span.end:
            page = self._pages.get(align_down(at, PAGE_SIZE))
            if page is None:
                raise AbsentMemoryError(at)
            part = page[at % PAGE_SIZE : at % PAGE_SIZE + span.end - at]
            out += part
            at += len(part)
        return out
