"""setup_machine_tags: RAM, initrd and command line from an ATAG list.

Source: arch/arm/kernel/atags_parse.c ``setup_machine_tags``, ``squash_mem_tags``, ``parse_tag_mem32``,
``parse_tag_cmdline``; arch/arm/mm/init.c ``parse_tag_initrd2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.records import Bank
from bootmap.boot.setup.fdt_scan import COMMAND_LINE_SIZE, arm_add_memory
from bootmap.boot.setup.machine import applies
from bootmap.boot.setup.meminfo import add_bank
from bootmap.boot.trace import Origin
from bootmap.facts.linux import atags
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.inputs.atags import AtagList


_DEFAULT_RAM = 16 * MIB


def setup_default_tags(state: BootState) -> None:
    """Take the tags that the kernel has for itself: 16 MiB at PHYS_OFFSET, and no command line but its own."""
    start, size = state.handover.phys_offset, _DEFAULT_RAM
    origin = Origin("default_tags", "16 MiB at PHYS_OFFSET, which the kernel takes where it was told nothing")
    state.banks.append(Bank(start, start + size, origin))
    arm_add_memory(state, start, size, origin)
    text = state.kernel.config.text("CMDLINE") if state.handover.cmdline is None else state.handover.cmdline
    state.cmdline = text[: COMMAND_LINE_SIZE - 1]


def setup_machine_tags(state: BootState, tags: AtagList) -> None:
    """Take what the tags say, in their order; the last command line and initrd win."""
    config = state.kernel.config
    fixed = _fixup(state)
    for tag in tags.tags:
        if tag.number == atags.MEM and fixed:
            continue
        if tag.number == atags.MEM:
            start, size = tag["start"], tag["size"]
            origin = Origin("ATAG list", f"ATAG_MEM {size:#x}@{start:#x}", tag.offset)
            state.banks.append(Bank(start, start + size, origin))
            arm_add_memory(state, start, size, origin)
        elif tag.number in (atags.INITRD, atags.INITRD2) and config.enabled("BLK_DEV_INITRD"):
            start = tag["start"] if tag.number == atags.INITRD2 else state.pa(tag["start"])
            state.vars.phys_initrd_start, state.vars.phys_initrd_size = start, tag["size"]
            state.initrd_origin = Origin("ATAG list", tag.name, tag.offset)
    state.told_banks = [Span(bank.start, bank.end) for bank in state.banks]
    state.cmdline = tags_command_line(state, tags)


def tags_command_line(state: BootState, tags: AtagList) -> str:
    """The command line as the kernel puts it together from the tags and its configuration."""
    config = state.kernel.config
    text = config.text("CMDLINE")
    if state.handover.cmdline is not None:
        return state.handover.cmdline[: COMMAND_LINE_SIZE - 1]
    for tag in tags.tags:
        if tag.number != atags.CMDLINE:
            continue
        if config.enabled("CMDLINE_EXTEND"):
            text = f"{text} {tag.string()}"
        elif not config.enabled("CMDLINE_FORCE"):
            text = tag.string()
    return text[: COMMAND_LINE_SIZE - 1]


def _fixup(state: BootState) -> bool:
    """Take the RAM that the machine's ``fixup`` knows; whether it did, so that ATAG_MEM means nothing any more."""
    kernel, machine = state.kernel, state.machine.machine
    ram = next((ram for ram in machine.fixup if applies(kernel, ram)), None) if machine else None
    if ram is None:
        return False
    for start, size in ram.banks:
        origin = Origin("machine", f"{machine.name if machine else ''}: {ram.source}")
        state.banks.append(Bank(start, start + size, origin))
        if kernel.has("memblock_holds_banks"):
            state.memblock.add(start, size, origin=origin)
        else:
            add_bank(state, start, size, origin)
    return True
