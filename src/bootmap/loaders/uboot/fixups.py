"""What U-Boot writes into the tree once it is in its place: bootargs, memory, the ramdisk, its own version; its size.

Not here: what boards add of their own (ft_board_setup), network addresses, and the values of kaslr-seed and
smbios3-entrypoint, which stand as 0; a tree with those differs by them.

Source: boot/fdt_support.c ``fdt_root``, ``fdt_chosen``, ``fdt_fixup_memory_banks``, ``fdt_initrd``,
``fdt_shrink_to_minimum``; boot/image-fdt.c ``image_setup_libfdt``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.loaders.uboot import RAMDISK_OVERHEAD
from bootmap.inputs.fdt_edit import FdtEditor
from bootmap.units import align_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.uboot.release import UBoot
    from bootmap.units import Span

_PAGE = 0x1000
_SPARE = 5 * 16
"""Bytes of five reservations that shrinking leaves."""


def complete(
    uboot: UBoot, tree: Fdt, at: int, banks: Sequence[Span], ramdisk: Span | None, env: Mapping[str, str], fit: str = ""
) -> bytes:
    """The blob as the kernel gets it.

    Args:
        uboot: whose rules hold.
        tree: the tree as it was loaded.
        at: where it is in RAM.
        banks: RAM.
        ramdisk: where the ramdisk is in the end.
        env: variables that are set.
        fit: the name of the configuration where all came in a FIT.

    Raises:
        FdtError: the blob is of an old version, or in an unusual order.
    """
    blob = FdtEditor(tree)
    if "serial#" in env:
        blob.set(0, "serial-number", _string(env["serial#"]))
    _chosen(uboot, blob, env)
    if fit and uboot.does("fit_fdt_says_configuration"):
        blob.set(blob.child("chosen"), "u-boot,bootconf", _string(fit))
    _memory(blob, banks)
    if ramdisk is not None and uboot.does("fdt_initrd_before_shrinking"):
        _initrd(blob, ramdisk)
    _shrink(blob, at)
    if ramdisk is not None and not uboot.does("fdt_initrd_before_shrinking"):
        blob.totalsize += RAMDISK_OVERHEAD
        _initrd(blob, ramdisk)
    return blob.blob()


def _string(text: str) -> bytes:
    return text.encode("latin-1", "replace") + b"\0"


def _cells(blob: FdtEditor, name: str, default: int) -> int:
    value = blob.get(0, name)
    return int.from_bytes(value[:4], "big") if value is not None and len(value) == 4 else default


def _chosen(uboot: UBoot, blob: FdtEditor, env: Mapping[str, str]) -> None:
    blob.child("chosen")
    if uboot.does("kaslr_seed") and uboot.build.random_numbers and blob.get(blob.child("chosen"), "kaslr-seed") is None:
        blob.set(blob.child("chosen"), "kaslr-seed", bytes(8))
    if "bootargs" in env:
        blob.set(blob.child("chosen"), "bootargs", _string(env["bootargs"]))
    if uboot.does("fdt_says_version") and uboot.version:
        blob.set(blob.child("chosen"), "u-boot,version", _string(uboot.version))
    if uboot.does("fdt_says_smbios") and uboot.build.smbios:
        blob.set(blob.child("chosen"), "smbios3-entrypoint", bytes(8))


def _memory(blob: FdtEditor, banks: Sequence[Span]) -> None:
    blob.set(blob.child("memory"), "device_type", b"memory\0")
    n_address, n_size = _cells(blob, "#address-cells", 2), _cells(blob, "#size-cells", 1)
    reg = b""
    for bank in banks:
        for value, cells in ((bank.start, n_address), (bank.size, n_size)):
            width = 8 if cells == 2 else 4
            reg += (value & (1 << 8 * width) - 1).to_bytes(width, "big")
    blob.set(blob.child("memory"), "reg", reg)


def _initrd(blob: FdtEditor, ramdisk: Span) -> None:
    if not ramdisk.size:
        return
    blob.child("chosen")
    same = next((row for row in blob.reservations if row[0] == ramdisk.start), None)
    if same is not None:
        blob.reservations.remove(same)
    blob.reservations.append((ramdisk.start, ramdisk.size))
    width = 8 if _cells(blob, "#address-cells", 2) == 2 else 4
    for name, value in (("linux,initrd-start", ramdisk.start), ("linux,initrd-end", ramdisk.end)):
        blob.set(blob.child("chosen"), name, value.to_bytes(width, "big"))


def _shrink(blob: FdtEditor, at: int) -> None:
    """Make it end on the first page boundary that leaves some room."""
    own = next((row for row in blob.reservations if row[0] == at), None)
    if own is not None:
        blob.reservations.remove(own)
    offset = at % _PAGE
    blob.totalsize = align_up(blob.used + _SPARE + offset, _PAGE) - offset
    if own is not None:
        blob.reservations.append((at, blob.totalsize))
