"""What is known of U-Boot after its boot script has run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.errors import InputError, MissingInputError, UsageError
from bootmap.inputs import boot_script
from bootmap.inputs.fs import read_file
from bootmap.inputs.uboot_env import hextoul
from bootmap.plan.script import parser
from bootmap.plan.script.files import GivenFiles
from bootmap.plan.script.replay import replay
from bootmap.plan.setup import environment, loader_of, menu_changes
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.uboot.command import Command
    from bootmap.plan.script.replay import ScriptRun
    from bootmap.plan.setup import LoadedImage, Ramdisk, Told

_PLAIN, _MARKS = ("bootz", "bootm", "booti"), (";", "&", "|", "\n")


def scripted(
    told: Told, file: str | None, files: Sequence[str], hush: str | None, extlinux: str | None, ramdisk: str | None
) -> tuple[Told, ScriptRun | None]:
    """What is known once the script in ``file`` has come to its boot command, and how it came there.

    Without a script that is what is typed (``told.command``), where it is more than a boot command.

    Args:
        told: what is known before.
        file: boot.scr, or its text; None for none.
        files: what it loads, as ``NAME=PATH``.
        hush: "old" or "modern"; None for the older parser, noted where the newer would come to something else.
        extlinux: the menu that the user gave; ``told`` has its command line.
        ramdisk: the ramdisk that the user gave.

    Raises:
        BootmapError: the script cannot be read or replayed, or what it needs is missing.
    """
    given = GivenFiles(files)
    if file is None and (not told.command or _is_plain(told.command)):
        if files or hush:
            option = "--file" if files else "--hush"
            raise UsageError(f"{option} is about what U-Boot runs: it goes with --script, or with --boot 'run bootcmd'")
        return told, None
    if file is not None and told.command:
        raise UsageError("--script has the boot command: it does not go with --boot")
    text = told.command
    if file is not None:
        try:
            text = boot_script.parse(read_file(file))
        except InputError as error:
            raise error.in_file(file) from None
    release = loader_of(told).release
    if hush == "modern" and release < parser.SINCE:
        raise UsageError("--hush modern: U-Boot has a newer parser since 2024.04; this one has the older")
    name, typed, modern = file or "--boot", file is None, hush == "modern"
    try:
        ran = _ran(told, text, given, typed=typed, modern=modern)
    except InputError as error:
        raise error.in_file(name) from None
    if not hush and release >= parser.SINCE:
        try:
            other = _ran(told, text, given, typed=typed, modern=True)
        except InputError as error:
            note = parser.note(text, ran, error)
        else:
            note = parser.note(text, ran, other)
        ran = replace(ran, assumptions=(*ran.assumptions, note)) if note else ran
    return _after(told, replace(ran, file=name), extlinux, ramdisk)


def _ran(told: Told, text: str, files: GivenFiles, *, typed: bool, modern: bool) -> ScriptRun:
    return replay(
        text,
        environment(told),
        told.changes,
        files=files,
        release=loader_of(told).release,
        typed=typed,
        modern=modern,
    )


def _is_plain(command: str) -> bool:
    """Whether what is typed is a boot command alone."""
    words = command.split()
    return not words or (words[0] in _PLAIN and not any(mark in command for mark in _MARKS))


def _after(told: Told, ran: ScriptRun, extlinux: str | None, ramdisk: str | None) -> tuple[Told, ScriptRun]:
    if ran.command[0] != "sysboot":
        if extlinux is not None:
            raise UsageError(f"{ran.file}: {ran.at}: boots with {ran.command[0]}, and reads no --extlinux")
        return replace(told, env=ran.env, changes={}, command=" ".join(ran.command)), ran
    line = {name: value for name, value in told.changes.items() if name == "bootargs"}
    if extlinux is None:
        if ran.menu is None:
            raise MissingInputError(f"{ran.file}: {ran.at}: sysboot reads {ran.command[1]}; give it with --extlinux")
        line |= menu_changes(ran.command[1], ran.menu, ramdisk)
    return replace(told, env=ran.env, changes=line, command=""), ran


def loaded(ran: ScriptRun, command: Command, ramdisk: Ramdisk | None) -> tuple[Span, ...]:
    """Where the script has U-Boot read files from a disk: those whose sizes are known."""
    kernel, disk = command.kernel, command.ramdisk
    files = {kernel.at: Span(kernel.at, kernel.end)}
    if disk is not None:
        at = disk.start - command.ramdisk_header
        files[at] = Span(at, disk.end if ramdisk is None else disk.start + ramdisk.size)
    if command.dtb is not None and command.tree is not None:
        files[command.dtb] = Span(command.dtb, command.dtb + command.tree.totalsize)
    spans = []
    for load in ran.loads:
        if load.of_disk and load.size is not None:
            spans.append(Span(load.address, load.address + load.size))
        elif load.of_disk and load.address in files:
            spans.append(files[load.address])
    return tuple(spans)


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
            f"{ran.at}: the ramdisk's size is that of {load.file!r} ({load.at}), which is not known; give it with "
            f"--file {load.file}=PATH",
            file=ran.file,
        )
    words[2] += f":{size:x}"
    note = f"{ran.at}: the ramdisk gets the size of {load.file!r}, which {load.at} loads last: {size:#x}"
    return replace(told, command=" ".join(words)), (*ran.assumptions, note)
