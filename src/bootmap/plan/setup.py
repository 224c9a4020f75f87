"""From what a user has of U-Boot to the boot that is to be replayed: printenv, bdinfo, a command, sizes.

What is not given is derived: the release from the variable ``ver`` or the banner, addresses from ``kernel_addr_r`` and
its like, U-Boot's own place from bdinfo.  What cannot be derived is asked for by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.assumptions import Assumption
from bootmap.errors import InputError, MissingInputError, UnsupportedError, UsageError
from bootmap.inputs import bdinfo, extlinux, fdt, fit, uboot_env
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten
from bootmap.inputs.fs import file_name, read_file
from bootmap.inputs.uimage import HEADER_BYTES
from bootmap.loaders.uboot.board import UBootBoard
from bootmap.loaders.uboot.command import Command, KernelImage
from bootmap.loaders.uboot.fit import in_ram
from bootmap.loaders.uboot.release import UBoot
from bootmap.loaders.uboot.unpack import taken_for_granted
from bootmap.shown import Shown
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.kernel_file import KernelFile

_BANNER = re.compile(r"U-Boot (?:SPL )?20\d\d\.\d\d[^\r\n]*")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_MOST_EXPANSIONS = 64
_LONGEST = 1 << 16  # of a command; U-Boot's own buffer (CONFIG_SYS_CBSIZE) has 256 to some thousand
_FIT_AT = ("fit_addr_r", "loadaddr", "kernel_addr_r")
KERNEL_VARIABLES = ("kernel_addr_r", "loadaddr", "kernel_addr")
_RAMDISK_AT = ("ramdisk_addr_r", "ramdiskaddr", "rdaddr", "initrd_addr", "ramdisk_addr")
FDT_VARIABLES = ("fdt_addr_r", "fdtaddr", "fdt_addr", "fdtcontroladdr")
"""Variables with the address of each, in the order in which they are looked for."""


class LoaderSetup(Shown, Struct, frozen=True):
    """One board with one boot loader, and with a kernel or without.

    Attributes:
        name: for people.
        uboot: the boot loader; None for QEMU's own.
        board: RAM, and U-Boot's place in it.
        command: what is typed; for QEMU the files, wherever they are.
        kernel: the kernel; None for the boot loader alone.
        handover: CPU, zImage and what else the user said; U-Boot's tree and addresses replace those in it.
        script: what was taken for granted of the boot script, in words.
    """

    name: str
    uboot: UBoot | None
    board: UBootBoard
    command: Command
    kernel: KernelModel | None = None
    handover: Handover | None = None
    script: tuple[str, ...] = ()

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What was not given of the boot loader and what was taken instead."""
        of_board = tuple(Assumption(text, "--bdinfo") for text in self.board.assumptions)
        of_build = () if self.uboot is None else taken_for_granted(self.uboot, self.command)
        return of_board + tuple(Assumption(text, "--boot") for text in (*of_build, *self.script))


class Told(Struct, frozen=True):
    """What is known of U-Boot.

    Attributes:
        env: variables.
        info: what bdinfo said, None where not given.
        version: U-Boot's version as the user gave it; "" to look for it.
        banks: RAM as the user gave it; empty to take bdinfo's.
        command: what is typed; "" for bootz or bootm with the usual variables.
        changes: variables set on top of ``env``; "" deletes one.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    info: bdinfo.Bdinfo | None = None
    version: str = ""
    banks: tuple[Span, ...] = ()
    command: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)


def read_bdinfo(file: str) -> tuple[str, bdinfo.Bdinfo]:
    """A console log, and what bdinfo printed in it; the file is read once, as it may be a pipe.

    Raises:
        InputError: it cannot be read, or has no bank of RAM.
    """
    text = read_file(file).decode("utf-8", "replace")
    try:
        return text, bdinfo.parse(text)
    except InputError as error:
        raise error.in_file(file_name(file)) from None


def menu_changes(file: str, data: bytes, ramdisk: str | None) -> dict[str, str]:
    """What the default entry of an extlinux.conf sets.

    Raises:
        InputError: it is no menu.
        MissingInputError: the entry has a ramdisk, and none was given.
    """
    try:
        label = extlinux.parse(data.decode("utf-8", "replace")).default
    except InputError as error:
        raise error.in_file(file) from None
    if label.initrd and ramdisk is None:
        raise MissingInputError(f"{file}: {label.name!r} has a ramdisk; give {label.initrd} with --ramdisk")
    return {"bootargs": label.append} if label.append else {}


def version_in(text: str) -> str:
    """The version line in a console log; "" where there is none."""
    found = _BANNER.search(text)
    return found[0].strip() if found else ""


def environment(told: Told) -> dict[str, str]:
    """The variables with the user's changes."""
    merged = {**told.env, **told.changes}
    return {name: value for name, value in merged.items() if value or name not in told.changes}


def with_addresses(told: Told, start: int) -> Told:
    """The same with addresses where none are set, as if RAM that begins at ``start`` had room there."""
    env = environment(told)
    made = {
        names[0]: f"{start + offset:#x}"
        for names, offset in ((KERNEL_VARIABLES, 32 * MIB), (FDT_VARIABLES, 96 * MIB), (_RAMDISK_AT, 112 * MIB))
        if not any(env.get(name) for name in names)
    }
    return replace(told, env={**told.env, **made})


def loader_of(told: Told) -> UBoot:
    """Which U-Boot it is.

    Raises:
        MissingInputError: nothing says it.
        UnsupportedError: it is older than what is modelled.
    """
    env = environment(told)
    uboot = UBoot.named(told.version or env.get("ver", ""), env.get("board"), env.get("soc"))
    if uboot is None:
        if told.version:
            raise UsageError(
                f"--uboot {told.version}: is no release (2023.01, or the line that U-Boot begins with, is)"
            )
        raise MissingInputError("nothing says which release of U-Boot this is; give --uboot 2023.01")
    if uboot.too_old:
        raise UnsupportedError(f"U-Boot {uboot.text} is not modelled; 2013.07 and later are")
    return uboot


def board_of(told: Told, uboot: UBoot) -> UBootBoard:
    """RAM and U-Boot's place.

    Raises:
        MissingInputError: nothing says where RAM is.
    """
    if told.info is not None:
        return UBootBoard.of(told.info)
    if told.banks:
        return UBootBoard.of_banks(uboot, told.banks)
    raise MissingInputError("nothing says where RAM is; give what bdinfo prints (--bdinfo), or --dram BASE,SIZE")


class LoadedImage(Struct, frozen=True):
    """The kernel file as U-Boot sees it: unpacked bytes behind its header; load and entry address of a uImage.

    ``packed`` are the bytes behind the header where U-Boot unpacks them, else 0; ``packing`` is how they are packed.
    """

    size: int
    header: int = 0
    load: int | None = None
    entry: int = 0
    packed: int = 0
    packing: str = "none"


class Ramdisk(Struct, frozen=True):
    """The ramdisk file as U-Boot sees it: bytes behind its header, and bytes of the header, 0 for none."""

    size: int
    header: int = 0


def image_of(kernel: KernelFile | int) -> LoadedImage:
    """What U-Boot sees of a kernel file, or of a zImage of that many bytes.

    Raises:
        UnsupportedError: it is compressed and has no load address.
    """
    if isinstance(kernel, int):
        return LoadedImage(kernel)
    header = kernel.uimage
    size = kernel.zimage_size or 0
    if header is None:
        return LoadedImage(size)
    # mkimage's kernel_noload, and images that are started where they are, have 0 as load address
    if header.packed and not header.load:
        raise UnsupportedError("a compressed uImage without a load address (kernel_noload) is not modelled")
    whole = size + len(kernel.appended_dtb or b"")
    return LoadedImage(whole, HEADER_BYTES, header.load or None, header.entry, header.packed, header.packing)


def blank_tree(size: int) -> Fdt:
    """A tree that says nothing, of so many bytes."""
    tree = fdt.parse(flatten(MadeNode(properties={"#address-cells": cells(1), "#size-cells": cells(1)})))
    return tree if size <= tree.totalsize else fdt.parse(_grown(tree.data, size))


def _grown(data: bytes, size: int) -> bytes:
    if size > fdt.MAX_SIZE:
        raise UsageError(f"--dtb-size {size}: a device tree has at most {fdt.MAX_SIZE} bytes")
    return (data[:4] + size.to_bytes(4, "big") + data[8:]).ljust(size, b"\0")


def command_of(told: Told, image: LoadedImage, ramdisk: Ramdisk | None, tree: Fdt | None) -> Command:
    """The boot command.

    Args:
        told: variables, and what is typed.
        image: the kernel.
        ramdisk: the ramdisk; None for none, or where the command says its size.
        tree: the tree.

    Raises:
        MissingInputError: a variable is missing.
        UsageError: the command is none that is modelled, or names no number.
    """
    env = environment(told)
    words = expand(told.command, env).split() if told.command else []
    if words and words[0] == "booti":
        raise UsageError("booti starts 64-bit kernels; a 32-bit one is started by bootz or bootm")
    if words and words[0] not in ("bootz", "bootm"):
        raise UsageError(f"{words[0]!r} is not modelled; bootz and bootm are")
    name = words[0] if words else "bootm" if image.header else "bootz"
    if name == "bootz" and image.header:
        raise UsageError("bootz starts a zImage without U-Boot's header; this one has it (bootm)")
    if name == "bootm" and not image.header:
        raise UsageError("bootm wants an image with U-Boot's header; this is a plain zImage (bootz)")
    at = _number(words[1], "the kernel's address") if len(words) > 1 else _variable(env, KERNEL_VARIABLES, "the kernel")
    where = None
    if len(words) > 2:
        where = _ramdisk(words[2], ramdisk)
    elif ramdisk is not None and not words:
        where = _behind(_variable(env, _RAMDISK_AT, "the ramdisk"), ramdisk)
    dtb = None
    if len(words) > 3:
        dtb = _number(words[3], "the tree's address")
    elif not words:
        dtb = _variable(env, FDT_VARIABLES, "the device tree")
    kernel = KernelImage(at, image.size, image.header, image.load, image.entry, image.packed, image.packing)
    header = ramdisk.header if ramdisk is not None and where is not None else 0
    return Command(name, kernel, where, dtb, tree, env, header)


def fit_command_of(told: Told, data: bytes, tree: Fdt) -> Command:
    """The boot command for a FIT that has everything.

    Args:
        told: variables, and what is typed.
        data: the FIT.
        tree: the tree that is in it.

    Raises:
        MissingInputError: nothing says where the FIT is.
        UsageError: the command is not one for a FIT.
        InputError: the FIT has no configuration that can be booted.
    """
    env = environment(told)
    words = expand(told.command, env).split()
    address, _, name = words[1].partition("#") if len(words) > 1 else ("", "", "")
    if words and (words[0] != "bootm" or len(words) > 2 or any(mark in name for mark in "#:")):
        raise UsageError(
            f"--boot {told.command!r}: a FIT is started with 'bootm ADDR' or 'bootm ADDR#CONFIGURATION'; overlays and "
            f"files beside it are not modelled"
        )
    what = "the FIT"
    at = _number(address, f"{what}'s address") if address else _variable(env, _FIT_AT, what)
    blob = fdt.parse(data, fit.LARGEST)
    kernel, found = in_ram(fit.parts(blob, data, name), at, blob.totalsize)
    return Command("bootm", kernel, None, None, tree, env, fit=found)


def fit_configuration(told: Told) -> str:
    """The configuration of a FIT that the command names; "" for the default one."""
    words = expand(told.command, environment(told)).split()
    return words[1].partition("#")[2] if len(words) > 1 else ""


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace ``${name}`` by the variables' values, and ``run name`` by its commands, as often as it takes.

    Raises:
        InputError: they name each other for ever, or what comes of them is longer than any command.
    """
    begun = text
    for _ in range(_MOST_EXPANSIONS):
        found = _VARIABLE.findall(text)
        if not found:
            return text
        if len(text) + sum(len(env.get(name, "")) for name in found) > _LONGEST:
            raise InputError(f"what the variables of {begun[:60]!r} stand for is longer than {_LONGEST} characters")
        text = _VARIABLE.sub(lambda name: env.get(name[1], ""), text)
    raise InputError(f"the variables of {begun[:60]!r} name each other")


def _ramdisk(word: str, file: Ramdisk | None) -> Span | None:
    if word == "-":
        return None
    start, colon, length = word.partition(":")
    if colon and (file is None or not file.header):  # a header has the size that counts
        file = Ramdisk(_number(length, "the ramdisk's size"))
    if file is None:
        raise MissingInputError("nothing says how large the ramdisk is; write ADDR:SIZE, or give --ramdisk")
    return _behind(_number(start, "the ramdisk's address"), file)


def _behind(start: int, file: Ramdisk) -> Span:
    return Span(start + file.header, start + file.header + file.size)


def _number(word: str, what: str) -> int:
    digits = word.removeprefix("0x")
    if not digits or any(char not in "0123456789abcdefABCDEF" for char in digits) or len(digits) > 8:
        raise UsageError(f"{word!r} is no address: {what} is hexadecimal, as U-Boot reads it")
    return int(digits, 16)


def _variable(env: Mapping[str, str], names: tuple[str, ...], what: str) -> int:
    for name in names:
        if env.get(name):
            return uboot_env.hextoul(env[name])
    raise MissingInputError(
        f"nothing says where {what} is loaded: none of {', '.join(names)} is set; give --boot or --set"
    )
