"""bootz and bootm: where kernel, ramdisk and device tree end up, and what U-Boot says on the way.

    start -> the image is reserved (bootz), or loaded and reserved (bootm)
          -> the ramdisk is moved        below initrd_high, or bootm_low + bootm_mapsize; ~0: it stays
          -> the tree's areas are reserved
          -> the tree is moved           below fdt_high, or as above; ~0: it stays
          -> the tree is completed       ``fixups``

Up to 2024.10 the tree's reserved areas are not known yet when the ramdisk is placed: it may land on one of them.

Source: boot/bootm.c, boot/image-board.c, boot/image-fdt.c, cmd/bootz.c of 2021.01, 2023.01, 2025.01 and 2026.10-rc2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.facts.loaders.uboot import ALLOC_ALIGN, FDT_PAD, IN_PLACE
from bootmap.inputs.uboot_env import hextoul
from bootmap.loaders.uboot.areas import areas_of
from bootmap.loaders.uboot.board import area_flags
from bootmap.loaders.uboot.fit import find_parts
from bootmap.loaders.uboot.lmb import EXISTS, INVALID, NO_CASE, OK, Lmb
from bootmap.loaders.uboot.unpack import RefusedError, unpacked
from bootmap.shown import Shown
from bootmap.units import Span, merged

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.uboot.board import UBootBoard
    from bootmap.loaders.uboot.command import Command
    from bootmap.loaders.uboot.release import UBoot

_ULONG = 0xFFFFFFFF
_FDT_HEADER = 40
_NO_NEWLINE = "Failed using fdt_high value for Device Tree"
"""U-Boot ends this message without a newline."""
_IN_PLACE_WARNING = (
    "WARNING:",
    "The 'fdt_high' environment variable is set to ~0. This is known to cause",
    "boot failures due to placement of DT at non-8-byte-aligned addresses.",
    "This system will likely fail to boot. Unset the 'fdt_high' environment",
    "variable and submit a fix upstream.",
)


class UBootPlaced(Shown, Struct):
    """What came of it.

    Attributes:
        kernel: the kernel's bytes when it is started.
        entry: physical address of its first instruction.
        ramdisk: where the ramdisk is in the end.
        dtb: where the tree is in the end, with all its room.
        in_place: the tree was not moved.
        said: lines that U-Boot prints, in order.
        failed: why no kernel is started; "" where one is.
        lmb: the list of memory in the end.
    """

    kernel: Span
    entry: int
    ramdisk: Span | None = None
    dtb: Span | None = None
    in_place: bool = False
    said: list[str] = field(default_factory=list)
    failed: str = ""
    lmb: Lmb | None = None


def run(uboot: UBoot, board: UBootBoard, command: Command) -> UBootPlaced:
    """Replay a boot command: a pure function of what it is given."""
    kernel = command.kernel
    load = kernel.start if kernel.load is None else kernel.load
    entry = kernel.start + kernel.entry if kernel.load is None else kernel.entry
    result = UBootPlaced(Span(load, load + kernel.size), entry)
    lmb = result.lmb = board.lmb(uboot, command.env)
    lmb.said = result.said
    if not uboot.does("global_lmb"):
        result.said += [NO_CASE] * board.no_case
    try:
        _load_files(uboot, board, lmb, command, result)
        if command.fit is not None:
            command, why = find_parts(uboot, command, command.fit, result.said)
            if why:
                raise RefusedError(why)
            blob = command.fit.span if command.fit is not None else Span(0, 0)
            _load_os(uboot, board, lmb, command, result, blob)
        else:
            (_bootz if command.name == "bootz" else _bootm)(uboot, board, lmb, command, result)
        _ramdisk_high(uboot, board, lmb, command, result)
        if command.dtb is not None and command.tree is not None:
            _setup_tree(uboot, board, lmb, command, result)
    except RefusedError as refused:
        result.failed = str(refused)
    return result


def _load_files(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced) -> None:
    """fs_read_lmb_check(): since 2025.01 what is loaded stays reserved."""
    if not uboot.does("load_spares_reserved"):
        return
    for span in command.loaded:
        known = lmb if uboot.does("global_lmb") else Lmb(uboot, board.banks, lmb.reserved)
        if known.reserve_at(span.start, span.size) != OK:
            result.said.append("** Reading file would overwrite reserved memory **")
            raise RefusedError(f"U-Boot loads no file to {span}: some of that is reserved, or is no RAM")


def _bootz(uboot: UBoot, _board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced) -> None:
    kernel = command.kernel
    result.said.append(f"Kernel image @ {kernel.at:#08x} [ {0:#08x} - {kernel.size:#08x} ]")
    if not uboot.does("lmb_alloc_mem"):
        lmb.reserve(kernel.at, kernel.size)
    elif lmb.reserve_at(kernel.at, kernel.size) != OK:
        result.said.append(f"Failed to allocate memory for the image at {kernel.at:#x}")
        raise RefusedError("the kernel overlaps memory that is reserved, or is not in RAM")
    _find_images(uboot, command, result, Span(kernel.at, kernel.at + kernel.size))


def _bootm(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced) -> None:
    result.said.append(f"## Booting kernel from Legacy Image at {command.kernel.at:08x} ...")
    _find_images(uboot, command, result, Span(0, 0))
    _load_os(uboot, board, lmb, command, result, Span(command.kernel.at, command.kernel.end))


def _load_os(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced, blob: Span) -> None:
    """bootm_load_os(): copy the kernel out of ``blob``, and reserve where it goes."""
    kernel, load = command.kernel, result.kernel.start
    size = kernel.size
    stays = load == kernel.start
    verb = "Uncompressing" if kernel.packed else "XIP" if stays else "Loading"
    what = f"{verb} Kernel Image{' (no loading done)' if kernel.load is None else ''}"
    result.said.append(f"   {what}" + (f" to {load:x}" if uboot.does("says_load_address") else ""))
    if kernel.packed or not stays:
        size, result.failed = unpacked(uboot, command, result.said)
        if not result.failed and not _in_ram(board, result.kernel):
            result.said.append("data abort")
            raise RefusedError(
                f"U-Boot {'unpacks' if kernel.packed else 'copies'} the kernel to {result.kernel}, and not all of that "
                f"is RAM: the image's load address is wrong"
            )
    if (kernel.packed or not stays) and load < blob.end and load + size > blob.start:
        if command.fit is None:
            return  # U-Boot sees the overlap, and goes on without a reservation
        result.said += [
            "ERROR: new format image overwritten - must RESET the board to recover",
            "Resetting the board..." if uboot.does("says_resetting") else "resetting ...",
        ]
        raise RefusedError(f"the kernel is loaded over the FIT that it is in, {result.kernel}")
    if not uboot.does("lmb_alloc_mem"):
        lmb.reserve(load, size)
    elif lmb.reserve_at(load, size) != OK:
        result.said.append(f"Unable to allocate memory {load:#x} for loading OS")
        raise RefusedError("the kernel is loaded over memory that is reserved, or where no RAM is")


def _find_images(uboot: UBoot, command: Command, result: UBootPlaced, kernel: Span) -> None:
    """Look at the ramdisk, then at the tree, and whether they lie in the kernel."""
    place = "OS={:x}..{:x}" if uboot.does("check_overlap") else "OS={:#x}..{:#x}"
    ramdisk = command.ramdisk
    if ramdisk is not None and command.ramdisk_header:
        result.said.append(
            f"## Loading init Ramdisk from Legacy Image at {ramdisk.start - command.ramdisk_header:08x} ..."
        )
    if ramdisk is not None and ramdisk.start and kernel.size and _overlaps(ramdisk, kernel):
        result.said.append(f"ERROR: RD image overlaps OS image ({place.format(*kernel)})")
        raise RefusedError("the ramdisk overlaps the kernel")
    if command.dtb is None or command.tree is None:
        return
    result.said.append(f"## Flattened Device Tree blob at {command.dtb:08x}")
    result.said.append(f"   Booting using the fdt blob at {command.dtb:#08x}")
    if kernel.size and _tree_overlaps(uboot, Span(command.dtb, command.dtb + command.tree.totalsize), kernel):
        result.said.append(f"ERROR: FDT image overlaps OS image ({place.format(*kernel)})")
        raise RefusedError("the device tree overlaps the kernel")
    if uboot.does("says_working_fdt"):
        result.said.append(f"Working FDT set to {command.dtb:x}")


def _overlaps(one: Span, kernel: Span) -> bool:
    """Whether U-Boot finds that the ramdisk overlaps the kernel: what ends at 4 GiB ends at 0 for it."""
    end, kernel = one.end & _ULONG, Span(kernel.start, kernel.end & _ULONG)
    around = one.start < kernel.start and end >= kernel.end
    return one.start in kernel or kernel.start < end <= kernel.end or around


def _tree_overlaps(uboot: UBoot, tree: Span, kernel: Span) -> bool:
    """Whether U-Boot says that the tree overlaps the kernel; which is not the same as that it does."""
    if uboot.does("check_overlap"):
        end = tree.size  # its size, where the end was meant
        return (
            tree.start in kernel
            or kernel.start < end <= kernel.end
            or (tree.start < kernel.start and end >= kernel.end)
        )
    if not uboot.does("check_overlap_before_end"):
        kernel = Span(kernel.start, kernel.end + 1)
    return tree.start in kernel or tree.end in kernel


def _ramdisk_high(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced) -> None:
    ramdisk, env = command.ramdisk, command.env
    if ramdisk is None or not ramdisk.start:
        return
    highest = _ULONG & hextoul(env["initrd_high"]) if "initrd_high" in env else None
    if highest == IN_PLACE and not (uboot.does("global_lmb") and uboot.build.phys_64bit):
        result.ramdisk = ramdisk
        if not uboot.does("lmb_alloc_mem"):
            lmb.reserve(ramdisk.start, ramdisk.size)
        elif lmb.reserve_at(ramdisk.start, ramdisk.size) != OK:
            result.said.append("in-place initrd alloc failed")
            raise RefusedError("the ramdisk stays (initrd_high), but its place is reserved, or not in RAM")
        return
    if highest is None:
        highest = board.mapsize(uboot, env) + board.low(uboot, env)
        highest &= uboot.address_mask if uboot.does("global_lmb") else _ULONG
    start = _allocate(uboot, lmb, ramdisk.size, highest, result)
    if start is None:
        result.said.append("ramdisk - allocation error")
        raise RefusedError(f"there is no room for a ramdisk of {ramdisk.size:#x} bytes{_below(highest)}")
    result.ramdisk = Span(start, start + ramdisk.size)
    end = start + ramdisk.size & _ULONG
    line = f"   Loading Ramdisk to {start:08x}, end {end:08x} ... "
    _copied(uboot, board, result, line, ramdisk, result.ramdisk)


def _in_ram(board: UBootBoard, place: Span) -> bool:
    return any(bank.start <= place.start and place.end <= bank.end for bank in merged(board.banks))


def _copied(uboot: UBoot, board: UBootBoard, result: UBootPlaced, line: str, source: Span, to: Span) -> None:
    """Say that something is copied; where there is no RAM, that ends U-Boot."""
    in_ram = to.start == source.start or (_in_ram(board, source) and _in_ram(board, to))
    backwards = to.start > source.start and (
        to.start - source.start < to.size or not uboot.does("memmove_forward_if_clear")
    )
    if to.end > 1 << 32 and backwards:  # the last byte has a low address: U-Boot writes over whatever is there
        result.said.append(line.rstrip())
        raise RefusedError(f"U-Boot copies {to.size:#x} bytes to {to.start:#010x}, beyond the end of memory, and hangs")
    result.said.append(line + ("OK" if in_ram else "data abort"))
    if not in_ram:
        raise RefusedError(
            f"U-Boot copies {source} to {to}, and not all of that is RAM: the file is too large for its place, or "
            f"bootm_low, bootm_size or bootm_mapsize is wrong"
        )


def _below(highest: int) -> str:
    return f" below {highest:#010x}" if highest else ""


def _allocate(uboot: UBoot, lmb: Lmb, size: int, highest: int, result: UBootPlaced) -> int | None:
    start = lmb.allocate(size, ALLOC_ALIGN, highest)
    if start is None and uboot.does("lmb_says_failed"):
        result.said.append(f"ERROR: Failed to allocate {size:#x} bytes below {highest & _ULONG:#x}.")
    return start


def _setup_tree(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced) -> None:
    """image_setup_linux(): reserve the tree's areas, then place it."""
    assert command.dtb is not None
    assert command.tree is not None
    overwritten = _overwritten(command, result)
    if not overwritten:
        _reserve_areas(uboot, lmb, command.tree, result)
    try:
        if overwritten:
            result.said.append("ERROR: image is not a fdt - must RESET the board to recover.")
            raise RefusedError(f"{overwritten} was copied over the device tree at {command.dtb:#010x}")
        _relocate_fdt(uboot, board, lmb, command, result)
    except RefusedError:
        if result.said[-1].endswith("data abort"):
            raise
        start = result.said.pop() if result.said[-1] == _NO_NEWLINE else ""
        if uboot.does("resets_without_fdt"):
            result.said += [f"{start}FDT creation failed!", "resetting ..."]
        else:
            result.said.append(f"{start}FDT creation failed! hanging...### ERROR ### Please RESET the board ###")
        raise
    if uboot.does("kaslr_seed") and not uboot.build.random_numbers and not has_seed(command.tree):
        result.said.append("No RNG device")


def has_seed(tree: Fdt) -> bool:
    """Whether the tree brings a kaslr-seed of its own, which U-Boot leaves alone."""
    chosen = tree.node("/chosen")
    prop = chosen.get("kaslr-seed") if chosen is not None else None
    return prop is not None and len(prop.value) == 8 and any(prop.value)


def _overwritten(command: Command, result: UBootPlaced) -> str:
    """What was copied over the tree's header before U-Boot reads it; "" for nothing."""
    assert command.dtb is not None
    header = Span(command.dtb, command.dtb + _FDT_HEADER)
    if result.kernel.start != command.kernel.start and result.kernel.overlaps(header):
        return "the kernel"
    moved = result.ramdisk is not None and result.ramdisk != command.ramdisk and result.ramdisk.overlaps(header)
    return "the ramdisk" if moved else ""


def _reserve_areas(uboot: UBoot, lmb: Lmb, tree: Fdt, result: UBootPlaced) -> None:
    """boot_fdt_add_mem_rsv_regions()."""
    for area in areas_of(tree):
        flags = area_flags(uboot, area.no_map)
        numbers = f"addr={area.base:x} size={area.size:x}"
        if uboot.does("lmb_alloc_mem"):
            if uboot.does("fdt_areas_outside_ram_pass") and not lmb.in_memory(area.base, area.size):
                continue
            done = lmb.reserve_at(area.base, area.size, flags)
        else:
            done = lmb.reserve(area.base, area.size, flags)
        if (
            done == OK
            or (done == EXISTS and uboot.does("fdt_areas_again_is_fine"))
            or (done == INVALID and uboot.does("fdt_areas_not_in_ram_are_fine"))
        ):
            continue
        if uboot.does("lmb_flags"):
            numbers += f" flags={flags:x}"
        error = f": {done}" if uboot.does("fdt_areas_say_error") else ""
        result.said.append(f"ERROR: reserving fdt memory region failed ({numbers}){error}")


def _relocate_fdt(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced) -> None:
    """boot_relocate_fdt()."""
    assert command.dtb is not None
    assert command.tree is not None
    size = command.tree.totalsize + FDT_PAD
    high = command.env.get("fdt_high")
    highest = None if high is None else hextoul(high) & _ULONG
    if highest == IN_PLACE:
        if uboot.does("fdt_in_place_warns"):
            result.said += _IN_PLACE_WARNING
        if not uboot.does("lmb_alloc_mem"):
            lmb.reserve(command.dtb, size)
        elif lmb.reserve_at(command.dtb, size) != OK:
            result.said.append(f"Failed to reserve memory for fdt at {command.dtb:#x}")
            raise RefusedError("the device tree stays (fdt_high), but its place is reserved, or not in RAM")
        result.in_place = True
        start: int | None = command.dtb
    elif highest is not None:
        start = _allocate(uboot, lmb, size, highest, result)
        if start is None:
            if uboot.does("lmb_alloc_mem"):
                result.said.append("Failed to allocate memory for Device Tree relocation")
            else:
                result.said.append(
                    "Failed using fdt_high value for Device Tree" if highest else "device tree - allocation error"
                )
    else:
        start = _by_bank(uboot, board, lmb, command, result, size)
    if start is None:
        raise RefusedError(f"there is no room for a device tree of {size:#x} bytes{_below(highest or 0)}")
    result.dtb = Span(start, start + size)
    if result.in_place:
        result.said.append(f"   Using Device Tree in place at {start:08x}, end {start + size - 1:08x}")
    else:
        line = f"   Loading Device Tree to {start:08x}, end {start + size - 1:08x} ... "
        used = command.tree.totalsize  # fdt_open_into() does not touch the room that it leaves behind
        _copied(uboot, board, result, line, Span(command.dtb, command.dtb + used), Span(start, start + used))
    if uboot.does("says_working_fdt"):
        result.said.append(f"Working FDT set to {start:x}")


def _by_bank(uboot: UBoot, board: UBootBoard, lmb: Lmb, command: Command, result: UBootPlaced, size: int) -> int | None:
    """Place the tree without fdt_high."""
    mapsize, low = board.mapsize(uboot, command.env), board.low(uboot, command.env)
    if not uboot.does("fdt_by_bank"):
        start = _allocate(uboot, lmb, size, (mapsize + low) & uboot.address_mask, result)
    else:
        start = None
        for bank in board.banks:
            if bank.end < low:
                continue
            if uboot.does("fdt_mapsize_from_low"):
                usable = min(bank.end, low + mapsize)
                used = usable - max(bank.start, low)
            else:
                usable = bank.start + min(bank.size, mapsize)
                used = usable - bank.start - max(bank.start, low)
            start = _allocate(uboot, lmb, size, usable & uboot.address_mask, result)
            if start is not None:
                break
            mapsize -= used
            if not mapsize:
                break
    if start is None:
        result.said.append("device tree - allocation error")
    return start
