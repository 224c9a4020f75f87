"""What takes of lowmem after paging_init: the bounce buffers of swiotlb, and the crash kernel.

Source: arch/arm/mm/init.c ``mem_init`` (swiotlb, from 5.3 on with LPAE and RAM above 4 GiB); kernel/dma/swiotlb.c
IO_TLB_DEFAULT_SIZE; arch/arm/kernel/setup.c ``reserve_crashkernel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.inputs.cmdline import parameq, parse
from bootmap.units import GIB, MIB, Span, memparse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.boot.sequence import Replay

CRASH_KERNEL = "crash kernel, later"
"""What the budget calls it."""
_SWIOTLB = 64 * MIB
_SINCE_SWIOTLB = (5, 3)


def taken_later(replay: Replay) -> Mapping[str, int]:
    """Bytes of lowmem by what will take them."""
    kernel, memblock = replay.state.kernel, replay.usual_stage.memblock
    end = memblock.end_of_dram() if len(memblock.memory) else 0
    bounce = kernel.has("lpae") and kernel.version >= _SINCE_SWIOTLB and end > 4 * GIB
    crash = replay.state.crashk_res  # None without CONFIG_KEXEC, or without room: then nothing is taken
    return {"swiotlb, later": _SWIOTLB if bounce else 0, CRASH_KERNEL: crash.size if crash is not None else 0}


def crashkernel(cmdline: str) -> Span | None:
    """The last ``crashkernel=SIZE[@START]``, its start 0 where it is not given; None without one of that form."""
    found = None
    for param in parse(cmdline):
        if parameq(param.name, "crashkernel") and param.value:
            size, rest = memparse(param.value)
            if size and (not rest or rest.startswith("@")):
                start = memparse(rest[1:])[0] if rest else 0
                found = Span(start, start + size)
    return found
