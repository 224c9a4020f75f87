"""A kernel that barebox starts: what its iomem says, where bootm puts things, then the kernel's boot from there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bootmap.analysis.layout import LoadMap, Phase, Placed, load_map
from bootmap.assemble.board import Board
from bootmap.assemble.board_file import read_boards
from bootmap.assemble.handover import assemble
from bootmap.assemble.kernel import Kernel
from bootmap.assumptions import Assumption
from bootmap.errors import InputError, MissingInputError, UnsupportedError, UsageError
from bootmap.inputs import fdt, iomem
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.fs import file_name, read_file
from bootmap.inputs.kernel_file import KernelFile
from bootmap.loaders.barebox.bootm import BareboxBoard, BareboxCommand, bootm
from bootmap.loaders.barebox.release import Barebox
from bootmap.loaders.uboot.areas import areas_of
from bootmap.plan.chain import Chain, continued, in_order, kept, moved
from bootmap.plan.load import needed_zimage, parse_bank, read_ramdisk
from bootmap.plan.setup import image_of
from bootmap.units import MIB, Span, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bootmap.plan.setup import LoadedImage, Ramdisk

_BANNER = "barebox 20"
_LOADADDR, _RAMDISK_AT, _BOOTARGS = "bootm.image.loadaddr", "bootm.initrd.loadaddr", "linux.bootargs."
_LEAST_BANK = 16 * MIB
_FLAGS, _WITH_WORD = "cfv", "rLaeo"
_ELSEWHERE = (
    "what this board's barebox writes into the tree besides (PSCI, network addresses, partitions, a secure monitor's "
    "place) is not in it; only the tree's size hangs on that"
)
_EFI = (
    "barebox has no CONFIG_EFI_LOADER, or global.bootm.efi is disabled; else its UEFI starts this kernel, which has an "
    "EFI stub"
)


def barebox_chain(
    board: str,
    *,
    iomem_file: str | None = None,
    barebox: str = "",
    dram: Iterable[str] = (),
    boot: str = "",
    changes: Iterable[str] = (),
    ramdisk: str | None = None,
    cmdline: str | None = None,
    cpu: str | None = None,
    zimage: str | None = None,
    image: str | None = None,
    **kernel: Any,
) -> Chain:
    """Replay barebox's bootm, then the kernel.

    Args:
        board: file of the kernel's device tree (``bootm.oftree``).
        iomem_file: file of what barebox's iomem prints, or of a whole console log.
        barebox: its release, or the line that it begins with; "" to look for it in the log.
        dram: banks of RAM as ``BASE,SIZE``, where there is no iomem.
        boot: the command, ``bootm -a ADDR -L ADDR ...``; "" for one without addresses.
        changes: ``NAME=VALUE`` of ``global``: bootm.image.loadaddr, bootm.initrd.loadaddr, linux.bootargs....
        ramdisk: its file, or its size.
        cmdline: the command line that barebox sets; None for the tree's.
        cpu: the CPU's name.
        zimage: the zImage's file, or its size.
        image: the kernel file.
        kernel: further arguments of `Kernel.load`.

    Raises:
        BootmapError: something cannot be read, is missing, or is not modelled.
    """
    text, found = _iomem(iomem_file)
    version, release = _release(barebox, text)
    banks = tuple(map(parse_bank, dram))
    packed = needed_zimage(zimage, image)
    given = _board(board, cpu, packed)
    tree = given.description
    assert isinstance(tree, Fdt)
    own = _own(release, found, banks, tree)
    has_kernel = kernel.get("config") is not None or image is not None
    read = Kernel.load(image=image, **kernel) if has_kernel else None
    command = _command(boot, changes, image_of(packed), packed, read_ramdisk(ramdisk), tree, cmdline)
    told = [Assumption(each, "--iomem") for each in own.assumptions]
    told += [] if version else [Assumption(f"barebox is {release.text}", "--barebox")]
    told.append(Assumption(_ELSEWHERE))
    if release.does("reserves_own_tree"):
        told.append(
            Assumption("before 2023.11 barebox reserves a copy of the tree in its own heap too: not in this tree")
        )
    stub = read is not None and read.model().config.enabled("EFI_STUB")
    placed = bootm(release, own, replace(command, efi_stub=stub))
    name = f"barebox {release.text}"
    extra = tuple(_regions(own))
    if placed.failed or placed.dtb is None or read is None:
        return Chain(name, placed, LoadMap(in_order(*extra, *moved(placed)), own.banks), tuple(told))
    model, handover = assemble(read, given.replace(load_addr=placed.entry))
    if release.does("efi_zimages_apart") and stub:
        told.append(Assumption(_EFI))
    replay = continued(model, replace(handover, cmdline=None), placed, fdt.parse(placed.blob), (*told, *kept(handover)))
    return Chain(name, placed, load_map(replay, extra), tuple(told), replay)


def _iomem(file: str | None) -> tuple[str, iomem.Iomem | None]:
    if file is None:
        return "", None
    text = read_file(file).decode("utf-8", "replace")
    try:
        return text, iomem.parse(text)
    except InputError as error:
        raise error.in_file(file_name(file)) from None


def _release(given: str, log: str) -> tuple[str, Barebox]:
    """What says which release it is, "" where nothing does; and the release."""
    text = given or next((line for line in log.splitlines() if line.startswith(_BANNER)), "")
    release = Barebox.named(text) if text else Barebox.newest()
    if release is None:
        raise UsageError(f"--barebox {given}: is no release (2025.08.0, or the line that barebox begins with, is)")
    if release.too_old:
        raise UnsupportedError(f"barebox {release.text} is not modelled; 2020.12 and later are")
    return text, release


def _board(path: str, cpu: str | None, packed: KernelFile | int) -> Board:
    read = read_boards(path)[0]
    if read.data is not None:
        raise UnsupportedError(f"{path}: is a FIT image; barebox's bootm is modelled for a zImage or uImage and a tree")
    board = Board.of_file(read, cpu=cpu, zimage=packed)
    if not isinstance(board.description, Fdt):
        raise UsageError(f"{path}: is an ATAG list; barebox's placements are modelled for device trees")
    return board


def _own(release: Barebox, found: iomem.Iomem | None, banks: tuple[Span, ...], tree: Fdt) -> BareboxBoard:
    if found is not None:
        return BareboxBoard(found.banks, found.regions)
    if not banks:
        raise MissingInputError(
            "nothing says where RAM is; give what barebox's iomem prints (--iomem), or --dram BASE,SIZE"
        )
    if min(banks[0].end, 1 << 32) - banks[0].start < _LEAST_BANK:
        raise UsageError("--dram: the first bank is too small for what barebox is taken to need; give --iomem")
    if not release.does("keeps_reserved_memory"):
        return BareboxBoard.of_banks(banks)
    areas = (Span(area.base, area.base + area.size) for area in areas_of(tree))
    kept = tuple(span for span in areas if any(bank.start <= span.start and span.end <= bank.end for bank in banks))
    own = BareboxBoard.of_banks(banks, kept)
    if not kept:
        return own
    return replace(own, assumptions=(*own.assumptions, "barebox's own tree reserves the same memory as the kernel's"))


def _command(
    boot: str,
    changes: Iterable[str],
    image: LoadedImage,
    packed: KernelFile | int,
    disk: Ramdisk | None,
    tree: Fdt,
    cmdline: str | None,
) -> BareboxCommand:
    if image.packed:
        raise UnsupportedError(
            "a compressed uImage is not modelled for barebox; give it uncompressed (mkimage -C none)"
        )
    if isinstance(packed, KernelFile) and packed.appended_dtb and not image.header:
        raise UnsupportedError(
            "a device tree stands behind the zImage: barebox boots that one, and tells it of no ramdisk"
        )
    values = _variables(changes)
    words = _words(boot)
    at, disk_at = words.get("a", values.get(_LOADADDR)), words.get("L", values.get(_RAMDISK_AT))
    bootargs = [value for name, value in sorted(values.items()) if name.startswith(_BOOTARGS)]
    return BareboxCommand(
        image.size,
        tree,
        (image.load or 0) if image.header else None,
        _number(at, "-a, bootm.image.loadaddr") if at is not None else None,
        disk.size if disk is not None else None,
        _number(disk_at, "-L, bootm.initrd.loadaddr") if disk_at is not None else None,
        disk is not None and disk.header > 0,
        bootargs=cmdline if cmdline is not None else " ".join(bootargs),
    )


def _variables(changes: Iterable[str]) -> Mapping[str, str]:
    values = {}
    for change in changes:
        name, equals, value = change.partition("=")
        name = name.removeprefix("global.")
        if not equals or (name not in (_LOADADDR, _RAMDISK_AT) and not name.startswith(_BOOTARGS)):
            raise UsageError(f"--set {change}: expected {_LOADADDR}=ADDR, {_RAMDISK_AT}=ADDR or {_BOOTARGS}NAME=TEXT")
        if value:
            values[name] = value
    return values


def _words(boot: str) -> Mapping[str, str]:
    """The options of the command, by letter."""
    try:
        words = shlex.split(boot)
    except ValueError:
        raise UsageError(f"--boot {boot!r}: a quotation mark is not closed") from None
    if words and words.pop(0) != "bootm":
        raise UsageError(f"--boot {boot!r}: only bootm is modelled for barebox")
    values = {}
    while words and words[0].startswith("-"):
        letters = words.pop(0)[1:]
        flags, last = letters[:-1], letters[-1:]
        if not last or any(flag not in _FLAGS for flag in flags) or last not in _FLAGS + _WITH_WORD or last == "e":
            raise UsageError(
                f"--boot: -{letters} is not modelled; -a ADDR, -L ADDR, -r FILE, -o FILE, -c, -f and -v are"
            )
        if last in _WITH_WORD:
            if not words:
                raise UsageError(f"--boot: -{last} wants a word behind it")
            values[last] = words.pop(0)
    return values


def _number(word: str, what: str) -> int:
    value = whole_number(word)
    if value is None or not 0 <= value < 1 << 32:
        raise UsageError(f"{word!r} is no address ({what}): expected a number such as 0x42000000")
    return value


def _regions(own: BareboxBoard) -> Iterable[Placed]:
    for span, name in own.regions:
        if name != iomem.RESERVED:
            what = name if name.startswith("barebox") else f"barebox's {name}"
            yield Placed(what, span.start, span.size, "loader", until=Phase.LOADER)
