"""What is known of U-Boot after its boot script has run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.errors import InputError, MissingInputError, UsageError
from bootmap.inputs import boot_script
from bootmap.inputs.fs import read_file
from bootmap.inputs.uboot_env import hextoul
from bootmap.plan import script_parser
from bootmap.plan.script import replay
from bootmap.plan.setup import environment, loader_of
from bootmap.units import Span

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.uboot.command import Command
    from bootmap.plan.script import ScriptRun
    from bootmap.plan.setup import LoadedImage, Ramdisk, Told


def scripted(told: Told, file: str, extlinux: str | None) -> tuple[Told, ScriptRun]:
    """What is known once the script in ``file`` has come to its boot command, and how it came there.

    Args:
        told: what is known before.
        file: boot.scr, or its text.
        extlinux: the menu that the user gave; ``told`` has its command line.

    Raises:
        BootmapError: the script cannot be read or replayed, or what it needs is missing.
    """
    if told.command:
        raise UsageError("--script has the boot command: it does not go with --boot")
    try:
        text = boot_script.parse(read_file(file))
        ran = replace(replay(text, environment(told), told.changes), file=file)
    except InputError as error:
        raise error.in_file(file) from None
    parser = script_parser.note(text, loader_of(told).release)
    ran = replace(ran, assumptions=(*ran.assumptions, parser)) if parser else ran
    if ran.command[0] != "sysboot":
        if extlinux is not None:
            raise UsageError(f"{file}: line {ran.line}: boots with {ran.command[0]}, and reads no --extlinux")
        return replace(told, env=ran.env, changes={}, command=" ".join(ran.command)), ran
    if extlinux is None:
        raise MissingInputError(f"{file}: line {ran.line}: sysboot reads {ran.command[1]}; give it with --extlinux")
    line = {name: value for name, value in told.changes.items() if name == "bootargs"}
    return replace(told, env=ran.env, changes=line), ran


def loaded(ran: ScriptRun, command: Command, ramdisk: Ramdisk | None) -> tuple[Span, ...]:
    """Where the script has U-Boot read files from a disk: kernel, ramdisk and tree, whose sizes are known."""
    kernel, disk = command.kernel, command.ramdisk
    files = {kernel.at: Span(kernel.at, kernel.end)}
    if disk is not None:
        at = disk.start - command.ramdisk_header
        files[at] = Span(at, disk.end if ramdisk is None else disk.start + ramdisk.size)
    if command.dtb is not None and command.tree is not None:
        files[command.dtb] = Span(command.dtb, command.dtb + command.tree.totalsize)
    return tuple(files[load.address] for load in ran.loads if load.of_disk and load.address in files)


def sized(told: Told, ran: ScriptRun, image: LoadedImage, tree: Fdt) -> tuple[Told, tuple[str, ...]]:
    """The command with the ramdisk's size, and what was taken for granted.

    Where ``${filesize}`` is the ramdisk's own size, that of --ramdisk holds; where another file was loaded last, its.

    Raises:
        InputError: that file's size is not known.
    """
    load, words = ran.ramdisk_size_of, list(ran.command)
    if load is None or hextoul(words[2]) == load.address:
        return told, ran.assumptions
    if hextoul(words[1]) == load.address:
        size = image.header + (image.packed or image.size)
    elif len(words) > 3 and hextoul(words[3]) == load.address:
        size = tree.totalsize
    else:
        raise InputError(
            f"the ramdisk's size is that of {load.file!r} (line {load.line}), which is not known; give --boot",
            file=ran.file,
            line=ran.line,
        )
    words[2] += f":{size:x}"
    note = f"line {ran.line}: the ramdisk gets the size of {load.file!r}, which line {load.line} loads last: {size:#x}"
    return replace(told, command=" ".join(words)), (*ran.assumptions, note)
