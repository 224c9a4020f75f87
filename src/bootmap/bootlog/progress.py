"""How far a boot came, and how it ended: the last thing that was said, and whether it was the end.

Source: init/main.c ``start_kernel``, ``kernel_init``; arch/arm/kernel/setup.c ``setup_arch``; arch/arm/boot/compressed.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.inputs.sought import Sought
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.bootlog.capture import Boot


class Ending(Enum):
    """How a boot ended."""

    RUNS = "runs"
    """It reached its first process."""
    OOPS = "oops"
    """A fault in the kernel."""
    PANIC = "panic"
    """The kernel, or its decompressor, gave up and said why."""
    SILENT = "silent"
    """Nothing more was said."""
    CUT = "cut"
    """The log ends, and nothing says that the boot did: a part of dmesg rather than a console."""
    LOADER = "loader"
    """The kernel was not started."""


class Milestone(NamedTuple):
    """A line that every boot passes: its kind, who says it, and what it looks like."""

    name: str
    who: str
    pattern: Sought


def _row(name: str, who: str, pattern: str) -> Milestone:
    return Milestone(name, who, Sought(re.compile(pattern)))


MILESTONES = (
    _row("loader", "the boot loader", r"^U-Boot |^barebox |^DRAM: |^## (?:Booting|Loading|Flattened)|Load Address: "),
    _row("handed over", "the boot loader", r"^Starting kernel|^## Transferring control|Kernel image @ 0x"),
    _row("unpacking", "the decompressor", r"Uncompressing Linux"),
    _row("unpacked", "the decompressor", r"Uncompressing Linux.* done|^ ?done, booting the kernel"),
    _row("started", "start_kernel", r"Booting Linux on physical CPU|\bLinux version [2-9]\."),
    _row("machine known", "setup_machine_fdt", r"\bMachine(?: model)?: |Machine model:"),
    _row("memory types", "build_mem_type_table", r"Memory policy: "),
    _row(
        "reserved", "arm_memblock_init", r"\bcma: (?:CMA: )?[Rr]eserved|Reserved memory: created|OF: reserved mem: 0x"
    ),
    _row("mapped", "paging_init", r"On node 0 totalpages|Zone ranges:|free_area_init_node: node 0|Initmem setup node"),
    _row("set up", "setup_arch", r"\b(?:percpu|PERCPU): Embedded|Built \d+ zonelists"),
    _row("command line", "start_kernel", r"Kernel command line: "),
    _row("memory freed", "mem_init", r"\bMemory: \d+(?:K|k|MB)"),
    _row("interrupts", "start_kernel", r"\bCalibrating delay|NR_IRQS|sched_clock: |Console: colour"),
    _row("drivers", "do_initcalls", r"Setting up static identity map|NET: Registered|DMA: preallocated|SMP: Total of"),
    _row("init memory freed", "kernel_init", r"Freeing (?:unused kernel|init)\b.* memory"),
    _row("first process", "kernel_init", r"Run /\S+ as init|login: |systemd\[1\]|INIT: version|BusyBox v|init started"),
)
"""In the order of a boot."""

_OOPS = Sought(re.compile(r"Unable to handle kernel |Internal error: |Unhandled fault: |kernel BUG at "))
_PANIC = Sought(
    re.compile(
        r"Kernel panic - not syncing|-- System halted|^Error: (?:unrecognized|invalid)|\bunrecognized/unsupported |"
        r"Neither atags nor dtb found|Invalid atags/device tree pointer|Error: invalid dtb"
    )
)
# What stands in a capture of a console, and in no copy of dmesg.
_CONSOLE = Sought(re.compile(r"^U-Boot |^Starting kernel|Uncompressing Linux|^DRAM: |^## "))


class BootProgress(Shown, Struct, frozen=True):
    """How far a boot came.

    Attributes:
        last: the furthest milestone; None where none was passed.
        line: number of its line.
        ending: how it ended.
        end_line: number of the line with which it ended, 0 where it did not.
        end_text: that line.
        last_line: number of the last line in which anything is said.
        last_text: that line.
        console: whether it is a capture of a console, in which silence means something.
    """

    last: Milestone | None
    line: int
    ending: Ending
    end_line: int
    end_text: str
    last_line: int
    last_text: str
    console: bool = True

    def reached(self, name: str) -> bool:
        """Whether the milestone of this name, or a later one, was passed."""
        names = [row.name for row in MILESTONES]
        return self.last is not None and names.index(self.last.name) >= names.index(name)


def progress_of(boot: Boot) -> BootProgress:
    """How far ``boot`` came."""
    furthest, line = -1, 0
    for index in reversed(range(len(MILESTONES))):
        if (found := boot.line_with(MILESTONES[index].pattern)) is not None:
            furthest, line = index, found[0]
            break
    panic, oops = boot.line_with(_PANIC), boot.line_with(_OOPS)
    end: tuple[int, str, Ending] | None = None
    if panic is not None and (oops is None or panic[0] <= oops[0]):
        end = (*panic, Ending.PANIC)
    elif oops is not None:
        end = (*oops, Ending.OOPS)
    console = boot.line_with(_CONSOLE) is not None
    numbered = enumerate(reversed(boot.lines))
    last = next(((boot.first + len(boot.lines) - 1 - n, row.text.strip()) for n, row in numbered if row.text), (0, ""))
    names = [row.name for row in MILESTONES]
    if end is None:
        ending = Ending.SILENT
        if furthest >= names.index("init memory freed"):
            ending = Ending.RUNS
        elif furthest <= names.index("loader"):
            ending = Ending.LOADER
        elif furthest >= names.index("memory freed") and not console:
            ending = Ending.CUT
        end = (0, "", ending)
    milestone = MILESTONES[furthest] if furthest >= 0 else None
    return BootProgress(milestone, line, end[2], end[0], end[1], *last, console)
