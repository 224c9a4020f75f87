"""Runs scripts of memblock calls: each call of the script language, and the call of ``Memblock`` it stands for.

How a script is written is in ``bootmap.inputs.memblock_script``; how its results look is the report's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.memblock import Memblock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bootmap.facts.linux.memblock import MemblockRules
    from bootmap.inputs.memblock_script import ScriptOp

NEEDS = {
    "nomap": "memblock_nomap",
    "clear_nomap": "memblock_nomap",
    "is_map": "memblock_nomap",
    "hotplug": "memblock_flags",
    "bottom_up": "memblock_bottom_up",
    "trim": "memblock_trim",
    "cap": "memblock_cap",
}
"""Calls that only kernels with a feature have, and the feature."""


def _limit(memblock: Memblock, address: int) -> None:
    memblock.current_limit = address


def _bottom_up(memblock: Memblock, on: int) -> None:
    memblock.bottom_up = bool(on)


_CALLS: dict[str, Callable[..., int | None]] = {
    "add": Memblock.add,
    "remove": Memblock.remove,
    "reserve": Memblock.reserve,
    "free": Memblock.free,
    "nomap": Memblock.mark_nomap,
    "clear_nomap": Memblock.clear_nomap,
    "hotplug": Memblock.mark_hotplug,
    "limit": _limit,
    "bottom_up": _bottom_up,
    "enforce": Memblock.enforce_memory_limit,
    "cap": Memblock.cap_memory_range,
    "trim": Memblock.trim_memory,
    "alloc": Memblock.alloc_range,
    "allow_resize": Memblock.allow_resize,
    "is_mem": Memblock.is_memory,
    "is_map": Memblock.is_map_memory,
    "is_res": Memblock.is_reserved,
    "is_region_mem": Memblock.is_region_memory,
    "is_region_res": Memblock.is_region_reserved,
}


def run_script(ops: Iterable[ScriptOp], rules: MemblockRules | None = None) -> Iterator[tuple[ScriptOp, int, Memblock]]:
    """Yield each call, what it returned (0 for none), and memblock after it.

    The memblock is the same object each time: copy it to keep it.

    Raises:
        MemblockDeath: the kernel stops inside the call that is due.
    """
    memblock = Memblock(rules)
    for op in ops:
        if op.name == "reset":
            memblock, result = Memblock(rules), 0
        else:
            result = int(_CALLS[op.name](memblock, *op.arguments) or 0)
        yield op, result, memblock
