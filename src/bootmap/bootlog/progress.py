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
    _row(
        "interrupts",
        "start_kernel",
        r"\bCalibrating delay|NR_IRQS|sched_clock: |Console: colour|"
        r"Mount-cache hash|Testing write buffer",
    ),
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
# Said by a kernel that goes on with the tags that are built into it.
_WARNS = Sought(re.compile(r"Warning: Neither atags nor dtb found"))
# What start_kernel says between mem_init and the initcalls, and nobody keeps who only cuts out what is about memory.
_MIDST = re.compile(
    r"Testing write buffer coherency|Mount-cache hash table|^pid_max: |Calibrating delay|Security Framework|NR_IRQS|"
    r"^Console: colour|^rcu: "
)
_DRIVERS = 1.0
"""Seconds after which start_kernel is over, and drivers are at work."""
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
    clocked = _by_clock(boot)
    if clocked is not None and clocked[0] > furthest:
        furthest, line = clocked
    panic, oops = boot.line_with(_PANIC), boot.line_with(_OOPS)
    if panic is not None and _WARNS.search(panic[1]) and _goes_on(boot, panic[0]):
        panic = None
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
        elif furthest >= names.index("memory freed") and not console and not _in_the_midst(names[furthest], last[1]):
            ending = Ending.CUT
        end = (0, "", ending)
    milestone = MILESTONES[furthest] if furthest >= 0 else None
    return BootProgress(milestone, line, end[2], end[0], end[1], *last, console)


def _goes_on(boot: Boot, line: int) -> bool:
    """Whether the kernel says more behind a line."""
    begins = next(row.pattern for row in MILESTONES if row.name == "started")
    rows = enumerate(boot.lines, boot.first)
    return any(number > line and begins.search(row.text) for number, row in rows)


def _in_the_midst(furthest: str, last: str) -> bool:
    """Whether a log ends in the midst of what start_kernel says."""
    return furthest in ("memory freed", "interrupts") and _MIDST.search(last) is not None


def _by_clock(boot: Boot) -> tuple[int, int] | None:
    """The milestone that printk's clock shows, as an index, and a line: it stands at 0 until time_init (start_kernel).

    None where the banner does not have it at 0: then it is the clock of a terminal program.
    """
    banner = next((line for line in boot.lines if "Linux version " in line.text), None)
    if banner is None or banner.clock != 0:
        return None
    rows = enumerate(boot.lines, boot.first)
    latest, number = max(((line.clock or 0, number) for number, line in rows), default=(0, 0))
    if not latest:
        return None
    names = [row.name for row in MILESTONES]
    return names.index("drivers" if latest >= _DRIVERS else "interrupts"), number
