"""From files and words to a boot that can be replayed: the options of ``bootmap plan``, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from bootmap.assemble.handover import assemble
from bootmap.assemble.kernel import Kernel
from bootmap.errors import FdtError, InputError, MissingInputError, UsageError
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.uimage import HEADER_BYTES, MAGIC
from bootmap.loaders.uboot.board import UBootBoard as RamAndLoader
from bootmap.loaders.uboot.command import Command, KernelImage
from bootmap.plan.chain import kept
from bootmap.plan.script.scripted import loaded, scripted, sized
from bootmap.plan.setup import (
    LoaderSetup,
    Ramdisk,
    Told,
    blank_tree,
    board_of,
    command_of,
    fit_command_of,
    fit_configuration,
    image_of,
    loader_of,
    menu_changes,
    read_bdinfo,
    version_in,
    with_addresses,
)
from bootmap.units import Span, memparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bootmap.assemble.board import Board
    from bootmap.assemble.board_file import BoardFile
    from bootmap.inputs.kernel_file import KernelFile
    from bootmap.loaders.uboot.release import UBoot
    from bootmap.plan.script.replay import ScriptRun
    from bootmap.plan.setup import LoadedImage

Result = TypeVar("Result")


def uboot_setups(
    boards: Sequence[str],
    *,
    loader: str = "u-boot",
    printenv: str | None = None,
    bdinfo: str | None = None,
    uboot: str = "",
    dram: Iterable[str] = (),
    boot: str = "",
    changes: Iterable[str] = (),
    extlinux: str | None = None,
    script: str | None = None,
    files: Sequence[str] = (),
    hush: str | None = None,
    ramdisk: str | None = None,
    dtb_size: int | None = None,
    cpu: str | None = None,
    zimage: str | None = None,
    image: str | None = None,
    anywhere: bool = False,
    **kernel: Any,
) -> list[LoaderSetup]:
    """One boot for each board; one without a tree where there is none.

    Args:
        boards: files of device trees, or FIT images with everything in them.
        loader: "u-boot", or "qemu" for QEMU's own, which takes RAM from ``dram`` and asks for no addresses.
        printenv: file of U-Boot's variables: what printenv prints, or the image in flash.
        bdinfo: file of what bdinfo prints, or of a whole console log.
        uboot: its release, or the line that it begins with; "" to look for it.
        dram: banks of RAM as ``BASE,SIZE``, where there is no bdinfo.
        boot: what is typed, a boot command or others that come to one, such as ``run bootcmd``; "" for the usual
            command with the usual variables.
        changes: ``NAME=VALUE``, variables on top; ``NAME=`` deletes one.
        extlinux: file of an extlinux.conf.
        script: file of a boot script, boot.scr or its text: sets variables, says where files are loaded, and boots.
        files: ``NAME=PATH``, what the script or the command loads under that name: a file, or a folder for all below;
            ``NAME=`` where there is no such file.
        hush: the parser that U-Boot reads them with, "old" or "modern"; None for the older, noted where it matters.
        ramdisk: its file, or its size.
        dtb_size: bytes of the tree, without a board.
        cpu: the CPU's name.
        zimage: the zImage's file, or its size.
        image: the kernel file.
        anywhere: addresses that nothing tells are made up: they are what is looked for.
        kernel: further arguments of `Kernel.load`.

    Raises:
        BootmapError: something cannot be read, is missing, or is not modelled.
    """
    from bootmap.assemble.board import Board, read_zimage
    from bootmap.assemble.board_file import read_boards

    told = _told(printenv, bdinfo, uboot, dram, boot, changes, extlinux, ramdisk)
    ran: ScriptRun | None = None
    if (script is not None or files) and (loader == "qemu" or anywhere):
        raise UsageError(f"{'--script' if script is not None else '--file'} goes with U-Boot, and not with --propose")
    if loader != "qemu" and not anywhere:
        told, ran = scripted(told, script, files, hush, extlinux, ramdisk)
    if loader == "qemu":
        if not told.banks:
            raise MissingInputError("nothing says where RAM is; give --dram BASE,SIZE")
        uboot_used, ram = None, RamAndLoader(told.banks, told.banks[0].end)
    else:
        uboot_used = loader_of(told)
        ram = board_of(told, uboot_used)
        told = with_addresses(told, ram.banks[0].start) if anywhere else told
    disk = read_ramdisk(ramdisk)
    given = read_zimage(zimage if zimage is not None else image)
    if not boards:
        packed = _needed(given)
        tree = blank_tree(dtb_size or 0)
        command, notes = _command(told, ran, uboot_used, image_of(packed), disk, tree)
        return [LoaderSetup("a board without a tree", uboot_used, ram, command, script=notes)]
    model = None
    if kernel.get("config") is not None or image is not None:
        model = Kernel.load(image=image, **kernel)
    setups = []
    for path in boards:
        read = _chosen(read_boards(path), fit_configuration(told))
        packed = _needed(given or _kernel_in(read, model is not None))
        board = Board.of_file(read, cpu=cpu, zimage=packed)
        if not isinstance(board.description, Fdt):
            raise UsageError(f"{path}: is an ATAG list; U-Boot's placements are modelled for device trees")
        if read.data is not None and uboot_used is not None:
            command = _fit_command(told, read, disk, board.description)
            notes = ran.assumptions if ran is not None else ()
        else:
            command, notes = _command(told, ran, uboot_used, image_of(packed), disk, board.description)
        setups.append(_with_kernel(LoaderSetup(path, uboot_used, ram, command, script=notes), model, board))
    return setups


def _chosen(reads: Sequence[BoardFile], configuration: str) -> BoardFile:
    """The board of the configuration that is booted; the first where none has that name, which is told later."""
    return next((read for read in reads if configuration and read.name.endswith(f":{configuration}")), reads[0])


def _needed(packed: KernelFile | int | None) -> KernelFile | int:
    if packed is None:
        raise MissingInputError("nothing says how large the zImage is; give --zimage FILE or SIZE")
    return packed


def _kernel_in(read: BoardFile, is_started: bool) -> KernelFile | int | None:
    """The kernel of a FIT, read if it is to be started, else its size; None without a FIT."""
    from bootmap.inputs.zimage import is_zimage, parse_kernel

    if read.kernel is None:
        return None
    return parse_kernel(read.kernel, read.name) if is_started and is_zimage(read.kernel) else len(read.kernel)


def _fit_command(told: Told, read: BoardFile, ramdisk: Ramdisk | None, tree: Fdt) -> Command:
    if ramdisk is not None:
        raise UsageError("--ramdisk: a FIT brings its own ramdisk, or none")
    assert read.data is not None
    try:
        return fit_command_of(told, read.data, tree)
    except FdtError as error:
        raise error.in_file(read.name) from None


def _command(
    told: Told, ran: ScriptRun | None, uboot: UBoot | None, image: LoadedImage, ramdisk: Ramdisk | None, tree: Fdt
) -> tuple[Command, tuple[str, ...]]:
    """The command, and what was taken for granted of the script that gives it."""
    if ran is not None:
        told, notes = sized(told, ran, image, tree)
        command = command_of(told, image, ramdisk, tree)
        return replace(command, loaded=loaded(ran, command, ramdisk)), notes
    if uboot is not None:
        return command_of(told, image, ramdisk, tree), ()
    start = told.banks[0].start
    size = ramdisk.header + ramdisk.size if ramdisk is not None else 0  # QEMU takes a header off, U-Boot's rules aside
    disk = Span(start, start + size) if size else None
    return Command("qemu", KernelImage(start, image.size), disk, 0, tree, {}), ()


def _with_kernel(setup: LoaderSetup, kernel: Kernel | None, board: Board) -> LoaderSetup:
    if kernel is None:
        return setup
    model, handover = assemble(kernel, board.replace(load_addr=setup.command.kernel.at))
    return replace(setup, kernel=model, handover=replace(handover, assumptions=kept(handover)))


def _told(
    printenv: str | None,
    bdinfo_file: str | None,
    uboot: str,
    dram: Iterable[str],
    boot: str,
    changes: Iterable[str],
    extlinux_file: str | None,
    ramdisk: str | None,
) -> Told:
    from bootmap.inputs import uboot_env
    from bootmap.inputs.fs import read_file

    env = _parsed(printenv, uboot_env.parse) if printenv is not None else {}
    text, info = read_bdinfo(bdinfo_file) if bdinfo_file is not None else ("", None)
    set_now = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {change}: expected NAME=VALUE, or NAME= to delete it")
        set_now[name] = value
    if extlinux_file is not None:
        set_now |= menu_changes(extlinux_file, read_file(extlinux_file), ramdisk)
    return Told(env, info, uboot or version_in(text), tuple(map(parse_bank, dram)), boot, set_now)


def _parsed(path: str, parse: Callable[[bytes], Result]) -> Result:
    from bootmap.inputs.fs import read_file

    try:
        return parse(read_file(path))
    except InputError as error:
        raise error.in_file(path) from None


def parse_bank(text: str) -> Span:
    """``--dram``: a bank of RAM.

    Raises:
        UsageError: it is not written as ``BASE,SIZE``.
    """
    start, rest = memparse(text)
    size, tail = memparse(rest[1:])
    if not rest.startswith(",") or tail or not size or start + size > 1 << 40:
        raise UsageError(f"--dram {text}: expected BASE,SIZE such as 0x40000000,512M")
    return Span(start, start + size)


def needed_zimage(zimage: str | None, image: str | None) -> KernelFile | int:
    """``--zimage``, else the kernel file: what is loaded, or its size.

    Raises:
        BootmapError: it cannot be read, or neither is given.
    """
    from bootmap.assemble.board import read_zimage

    return _needed(read_zimage(zimage if zimage is not None else image))


def read_ramdisk(text: str | None) -> Ramdisk | None:
    """``--ramdisk``: the ramdisk of a file, or of a size; None for none.

    Raises:
        BootmapError: the file cannot be read, or is empty.
    """
    if text is None:
        return None
    number, rest = memparse(text)
    if text[:1].isdigit() and not rest:
        return Ramdisk(number)
    from bootmap.inputs.fs import read_file

    data = read_file(text)
    if not data:
        raise UsageError(f"--ramdisk {text}: the file is empty")
    if data.startswith(MAGIC) and len(data) > HEADER_BYTES:
        return Ramdisk(min(int.from_bytes(data[12:16], "big"), len(data) - HEADER_BYTES), HEADER_BYTES)
    return Ramdisk(len(data))
