"""What the kernel in an image says of itself: its banner, and the line about its CPU in the log.

Both lie in the kernel's own image, so a few tens of MiB from PHYS_OFFSET on are searched, no more.
Sources: init/version.c ``linux_banner``, arch/arm/kernel/setup.c ``setup_processor``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.analysis.locate.located import Banner
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.image.memory import ImageMemory

_FAR = 64 * MIB
_STEP = 2 * MIB
_OVERLAP = 1024
_VERSION_AT = b"Linux version "
_CPU_AT = b"] revision "
_VERSION = re.compile(rb"Linux version (\d[\x21-\x7e]{0,63}) [\x20-\x7e]{0,500}")
_CPU = re.compile(
    rb"CPU: ([\x20-\x7e]{1,80}) \[([0-9a-f]{8})\] revision \d{1,3} \([\x20-\x7e]{1,20}\), cr=([0-9a-f]{8})"
)


def read_banner(memory: ImageMemory, start: int) -> Banner:
    """Search from ``start``, an address in the image, on."""
    banner = cpu = None
    for data in _portions(memory, Span(start, start + _FAR)):
        if banner is None and _VERSION_AT in data:
            banner = _VERSION.search(data)
        if cpu is None and _CPU_AT in data:
            cpu = _CPU.search(data)
        if banner and cpu:
            break
    return Banner(
        text=banner[0].decode("ascii") if banner else None,
        version=banner[1].decode("ascii") if banner else None,
        cpu=cpu[1].decode("ascii") if cpu else None,
        midr=int(cpu[2], 16) if cpu else None,
        sctlr=int(cpu[3], 16) if cpu else None,
    )


def _portions(memory: ImageMemory, span: Span) -> Iterator[bytes]:
    for held in memory.ranges:
        at, end = max(held.start, span.start), min(held.end, span.end)
        while at < end:
            yield bytes(memory.view(Span(at, min(at + _STEP + _OVERLAP, end))))
            at += _STEP
