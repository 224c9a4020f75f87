"""What barebox writes into the kernel's tree, and how it writes the tree: every fix-up moves what it sets to the end.

    unflatten -> initrd -> PSCI -> memory, bootargs -> flatten

The strings are not shared, the block of reservations has 16 entries.

Not here: what it reserves of its own heap before 2023.11 (``reserves_own_tree``: the address is the heap's affair, the
size is the tree's), and what boards, network cards, partitions, watchdogs and overlays add of their own; a tree with
those differs.

Source: common/oftree.c ``of_fixup_bootargs``, common/memory.c ``of_memory_fixup``, arch/arm/cpu/psci-of.c
``of_psci_fixup``, drivers/of/base.c ``of_add_initrd``, drivers/of/fdt.c ``of_flatten_dtb``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.barebox import RESERVE_MAP
from bootmap.inputs.fdt_writer import MadeNode, cells, editable, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.barebox.release import Barebox
    from bootmap.units import Span

_HEADER = struct.Struct(">10I")
_BEGIN_NODE, _END_NODE, _PROP, _END = 1, 2, 3, 9
_PSCI = (b"arm,psci-0.2", b"arm,psci-1.0")


class FixedUp(Struct, frozen=True):
    """What barebox writes into a tree.

    Attributes:
        banks: RAM.
        ramdisk: where the ramdisk is; None for none.
        bootargs: the command line that it sets; "" to leave the tree's.
        psci: how PSCI is called, where it corrects that; "" where it does not.
        reset_source: its build has CONFIG_RESET_SOURCE.
        monitor: where barebox stays as secure monitor (CONFIG_ARM_SECURE_MONITOR); None where it does not.
        appended: the tree stood behind the zImage: barebox reserves nothing in it.
    """

    banks: tuple[Span, ...]
    ramdisk: Span | None = None
    bootargs: str = ""
    psci: str = ""
    reset_source: bool = True
    monitor: Span | None = None
    appended: bool = False


def complete(barebox: Barebox, tree: Fdt, what: FixedUp) -> bytes:
    """The blob as the kernel gets it.

    Args:
        barebox: whose rules hold.
        tree: the tree as it was loaded.
        what: what is written into it.
    """
    root = editable(tree)
    if what.ramdisk is not None:
        chosen = root.child("chosen")
        _set(chosen, "linux,initrd-start", cells(what.ramdisk.start, width=2))
        _set(chosen, "linux,initrd-end", cells(what.ramdisk.end, width=2))
    if what.psci:
        _psci(barebox, root, what.psci)
    _memory(root, what.banks)
    _chosen(barebox, root, what)
    return _flatten(root, [(address, size) for address, size, *_ in tree.reservations], what)


def writable(tree: Fdt) -> bool:
    """Whether barebox can write RAM into the tree: addresses and sizes have one cell or two."""
    root = editable(tree)
    return all(_cells(root, name) in (1, 2) for name in ("#address-cells", "#size-cells"))


def without_heap(barebox: Barebox, tree: bytes) -> tuple[bytes, int | None]:
    """A tree that barebox made without what it reserves of its heap for it, and where that is; None for nowhere."""
    for at in range(_HEADER.size + 16 * (RESERVE_MAP - 1), _HEADER.size - 1, -16):
        if barebox.does("reserves_own_tree") and tree[at + 8 : at + 16] == len(tree).to_bytes(8, "big"):
            return tree[:at] + bytes(16) + tree[at + 16 :], int.from_bytes(tree[at : at + 8], "big")
    return tree, None


def _set(node: MadeNode, name: str, value: bytes) -> None:
    """of_set_property(): what is set comes to stand last."""
    node.properties.pop(name, None)
    node.properties[name] = value


def _psci(barebox: Barebox, root: MadeNode, method: str) -> None:
    found = None
    if barebox.does("psci_by_compatible"):
        nodes = list(_below(root))
        for wanted in _PSCI:
            found = found or next(
                (n for n in nodes if wanted in n.properties.get("compatible", b"").split(b"\0")), None
            )
    found = found or root.child("psci")
    cpus = next((node for node in root.children if node.name == "cpus"), None)
    if cpus is None:
        return
    for node in _below(root):
        if node.properties.get("device_type") == b"cpu\0":
            _set(node, "enable-method", text("psci"))
    _set(found, "compatible", text("arm,psci-1.0"))
    _set(found, "method", text("smc" if barebox.does("psci_is_smc") else method))


def _below(node: MadeNode) -> Iterator[MadeNode]:
    for child in node.children:
        yield child
        yield from _below(child)


def _cells(root: MadeNode, name: str) -> int:
    value = root.properties.get(name, b"")
    return int.from_bytes(value, "big") if len(value) == 4 else 1


def _memory(root: MadeNode, banks: Sequence[Span]) -> None:
    root.children = [
        node for node in root.children if node.properties.get("device_type", b"").split(b"\0")[0] != b"memory"
    ]
    n_address, n_size = _cells(root, "#address-cells"), _cells(root, "#size-cells")
    for bank in banks:
        node = root.child(f"memory@{bank.start:x}")
        _set(node, "device_type", text("memory"))
        reg = b""
        for value, width in ((bank.start, n_address), (bank.size, n_size)):
            reg += cells(value & (1 << 32 * width) - 1, width=width)
        _set(node, "reg", reg)


def _chosen(barebox: Barebox, root: MadeNode, what: FixedUp) -> None:
    chosen = root.child("chosen")
    _set(chosen, "barebox-version", text(f"barebox-{barebox.text}"))
    if what.bootargs.strip():
        _set(chosen, "bootargs", what.bootargs.lstrip().encode("latin-1", "replace") + b"\0")
    _set(chosen, "reset-source", text("unknown"))
    if what.reset_source:
        _set(chosen, "reset-source-instance", cells(0))


def _flatten(root: MadeNode, rows: list[tuple[int, int]], what: FixedUp) -> bytes:
    strings, out = bytearray(), bytearray()

    def write(node: MadeNode) -> None:
        out.extend(struct.pack(">I", _BEGIN_NODE) + _padded(text(node.name)))
        for name, value in node.properties.items():
            out.extend(struct.pack(">3I", _PROP, len(value), len(strings)) + _padded(value))
            strings.extend(text(name))
        for child in node.children:
            write(child)
        out.extend(struct.pack(">I", _END_NODE))

    write(root)
    out.extend(struct.pack(">I", _END))
    at = _HEADER.size + 16 * RESERVE_MAP
    total = at + len(out) + len(strings)
    added = [(span.start, span.size) for span in (what.ramdisk, what.monitor) if span is not None]
    if not what.appended and len(rows) + len(added) + 2 <= RESERVE_MAP - 2:
        rows = rows + added
    reserved = b"".join(struct.pack(">QQ", *row) for row in rows).ljust(16 * RESERVE_MAP, b"\0")
    header = _HEADER.pack(0xD00DFEED, total, at, at + len(out), _HEADER.size, 17, 16, 0, len(strings), len(out))
    return header + reserved + bytes(out) + bytes(strings)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
