"""Silence: what a boot that says nothing more may have come upon, by where it stopped.

Between the boot loader's last line and the kernel's first there is no console that works without being asked for.  What
can be said is what the prediction says of this very board, and where to look.

Source: arch/arm/kernel/head.S, arch/arm/boot/compressed/head.S, init/main.c ``start_kernel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.bootlog.predicted import made_up
from bootmap.bootlog.progress import Ending
from bootmap.bootlog.trials import used_ram
from bootmap.units import size_text

if TYPE_CHECKING:
    from bootmap.bootlog.case import LogCase

_EARLY = (
    "earlycon (with stdout-path in the device tree) on the command line; before that CONFIG_DEBUG_LL and earlyprintk, "
    "with the address of this board's UART, show what is said before paging_init"
)
# Milestone -> what happened, what may be the cause, what to do.
_AFTER = {
    "loader": ("the boot loader said no more", "it waits, or has hung: nothing of the kernel was started", ()),
    "handed over": (
        "nothing was heard of the kernel after the boot loader handed over",
        "either it runs without a console, or it died before it had one: in the decompressor, in head.S (a CPU or a "
        "machine that it does not know, a device tree that was overwritten), or in paging_init",
        (
            _EARLY,
            "console= must name this board's UART (ttyS0, ttyAMA0, ttymxc0, ...)",
            "the kernel must be 32-bit ARM and loaded where the boot loader starts it; bootz needs all three addresses",
        ),
    ),
    "unpacking": (
        "the decompressor did not come to its end",
        "it overwrote itself, its data is damaged, or it writes to RAM that is not there",
        ("load the zImage 32 MiB or more into RAM, clear of where the kernel is unpacked to",),
    ),
    "unpacked": (
        "the kernel was unpacked and started, and nothing was heard of it",
        "it runs without a console, or it died in head.S or in paging_init, which have none: the device tree or the "
        "memory map is where to look",
        (_EARLY, "console= must name this board's UART"),
    ),
}
_NEXT = {
    "started": ("unknown", "setup_machine_fdt and head.S's checks"),
    "machine known": ("being listed", "the parameters and build_mem_type_table"),
    "memory types": ("listed", "arm_memblock_init, which reserves areas, and paging_init"),
    "reserved": ("reserved", "paging_init, which builds the page tables"),
    "mapped": ("mapped", "the page allocator's mem_map, and unflatten_device_tree, which reads the device tree"),
    "set up": ("set up", "the command line and the first allocations"),
    "command line": ("set up", "mem_init, which frees RAM to the page allocator"),
    "memory freed": (
        "in use",
        "interrupts, timers and the console: a bootconsole is silenced when the real one takes "
        "over; keep_bootcon keeps it",
    ),
    "interrupts": ("in use", "drivers: initcall_debug names the one that hangs"),
    "drivers": ("in use", "drivers: initcall_debug names the one that hangs"),
}


def silence_finding(case: LogCase) -> LogFinding | None:
    """What the silence at the end of a boot may be; None for one that is not silent."""
    progress = case.progress
    if progress.ending is not Ending.SILENT or progress.last is None:
        return None
    name = progress.last.name
    if name in _AFTER:
        headline, cause, advice = _AFTER[name]
        reasons: tuple[Reason, ...] = (
            Reason(progress.last_line, f'"{_shown(progress.last_text)}" is the last that was said'),
            Reason(0, cause),
        )
        reasons = (*reasons, *_predicted(case))
        return LogFinding("silence", True, headline, reasons, tuple(LogChange(text) for text in advice), certain=False)
    state, following = _NEXT[name]
    who = progress.last.who
    headline = f"silent after {who}" if progress.console else f"the log ends after {who}, in silence or cut off"
    reasons = (
        Reason(progress.last_line, f'"{_shown(progress.last_text)}" is the last that was said'),
        Reason(0, f"memory is {state} by then; what comes next is {following}"),
    )
    reasons = (*reasons, *_predicted(case))
    changes = (LogChange("earlycon, and keep_bootcon, to hear more"),) if name != "drivers" else ()
    return LogFinding("silence", True, headline, reasons, changes, certain=False)


def _predicted(case: LogCase) -> tuple[Reason, ...]:
    """What the prediction says of this very board, where it finds nothing wrong."""
    if case.found is None or made_up(case) or not case.found.replay.outcome.all_well:
        return ()
    ram = size_text(used_ram(case.found.replay))
    text = f"predicted for this board: it boots, with {ram} of RAM; as far as the log tells, memory does not stop it"
    return (Reason(0, text),)


def _shown(text: str) -> str:
    return text if len(text) <= 70 else f"{text[:67]}..."
