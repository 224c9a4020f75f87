"""FIT images: what each of their configurations would boot.

    /images/NAME          type = "kernel", "flat_dt", "ramdisk"; load, entry, compression; data, data-offset, -size
    /configurations/NAME  kernel, fdt, ramdisk = "NAME"

Source: U-Boot doc/usage/fit/source_file_format.rst; boot/image-fit.c.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.errors import FdtError, UnsupportedError
from bootmap.inputs.fs import unpacked_limit
from bootmap.inputs.packings import PACKINGS, unpacked
from bootmap.units import MIB, align_up

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Fdt, Node

LARGEST = 128 * MIB
"""Bytes that a FIT, or a part of it when it is unpacked, may have."""
_MOST = 256
_HASHES = frozenset(("md5", "sha1", "sha256", "sha384", "sha512"))


class FitConfiguration(Struct, frozen=True):
    """One configuration.

    Attributes:
        name: its name.
        tree: the device tree blob, unpacked.
        kernel: the kernel's bytes, as they are loaded; None where there is none.
        kernel_load: where it is loaded; None where that is not said.
        ramdisk: (address, bytes) of the ramdisk, where it has a place.
        is_default: U-Boot takes it where none is named.
    """

    name: str
    tree: bytes
    kernel: bytes | None
    kernel_load: int | None
    ramdisk: tuple[int, int] | None
    is_default: bool


class FitPart(NamedTuple):
    """Where the data of one image lies in the file, and where it is to be loaded and started; None for "not said".

    ``unpacked`` are the bytes of a compressed kernel once it is unpacked, else 0; ``packing`` is how it is.
    """

    at: int
    size: int
    load: int | None
    entry: int | None
    unpacked: int = 0
    packing: str = "none"


class Parts(Struct, frozen=True):
    """The default configuration as a boot loader sees it.

    Attributes:
        name: the configuration's name.
        kernel: the kernel, with no load address where it is started wherever it lies.
        ramdisk: the ramdisk; None for none.
        fdt: the device tree; None for none.
    """

    name: str
    kernel: FitPart
    ramdisk: FitPart | None
    fdt: FitPart | None


def configurations(tree: Fdt, data: bytes, *, kernel_only: bool = False) -> list[FitConfiguration]:
    """Every configuration that has a device tree, the default one first.

    Args:
        tree: the FIT.
        data: the whole file, for data outside of the tree.
        kernel_only: take those without a device tree, too; theirs is empty.

    Raises:
        FdtError: one names an image that is not there, or its data is damaged.
    """
    parent, images = tree.node("/configurations"), tree.node("/images")
    assert parent is not None
    assert images is not None
    default = parent.get("default")
    chosen = default.value.rstrip(b"\0").decode("latin-1") if default is not None else ""
    found = []
    unpacked = _Unpacked(tree, data)
    for node in parent.children[:_MOST]:
        name = _text(node, "fdt")
        if name is None and not kernel_only:
            continue
        kernel, ramdisk = _image(images, node, "kernel"), _image(images, node, "ramdisk")
        blob = _image(images, node, "fdt") if name is not None else None
        place = _number(ramdisk, "load") if ramdisk is not None else None
        found.append(
            FitConfiguration(
                node.name,
                unpacked.of(blob) if blob is not None else b"",
                unpacked.of(kernel) if kernel is not None else None,
                _number(kernel, "load") if kernel is not None else None,
                (place, len(_raw(tree, data, ramdisk))) if ramdisk is not None and place else None,
                node.name == chosen,
            )
        )
    if not found:
        what = "configuration" if kernel_only else "configuration that has a device tree"
        raise FdtError(f"is a FIT image without a {what}", offset=parent.offset)
    return sorted(found, key=lambda each: not each.is_default)


def parts(tree: Fdt, data: bytes, name: str = "") -> Parts:
    """Where everything of a configuration lies.

    Args:
        tree: the FIT.
        data: the whole file, for data outside of the tree.
        name: of the configuration; "" for the default one, else the first with a tree.

    Raises:
        FdtError: there is no configuration, or it names an image that is not there, or has no data.
        UnsupportedError: an image is compressed.
    """
    parent, images = tree.node("/configurations"), tree.node("/images")
    if parent is None or images is None or not parent.children:
        raise FdtError("is a FIT image without a configuration", offset=tree.root.offset)
    chosen = parent.child(name or _text(parent, "default") or "")
    if name and chosen is None:
        known = ", ".join(child.name for child in parent.children[:_MOST])
        raise FdtError(f"has no configuration {name!r}; it has {known}", offset=parent.offset)
    if chosen is None:
        chosen = next((child for child in parent.children if child.get("fdt") is not None), parent.children[0])

    def part(kind: str) -> FitPart | None:
        node = _image(images, chosen, kind)
        if node is None:
            return None
        packing = _text(node, "compression") or "none"
        packed = kind == "kernel" and packing in PACKINGS[1:] and _text(node, "type") != "kernel_noload"
        if kind != "ramdisk" and packing != "none" and not packed:
            raise UnsupportedError(
                f"{node.path} is compressed ({packing}): only a kernel with a load address is modelled that "
                f"{', '.join(PACKINGS[1:])} has packed"
            )
        load = None if _text(node, "type") == "kernel_noload" else _number(node, "load")
        if kind == "kernel" and load is None and _text(node, "type") != "kernel_noload":
            raise FdtError(f"{node.path} has no load address", offset=node.offset)
        unpacked = len(_Unpacked(tree, data).of(node)) if packed else 0
        return FitPart(*_place(tree, data, node), load, _number(node, "entry"), unpacked, packing)

    kernel = part("kernel")
    if kernel is None:
        raise FdtError(f"{chosen.path} names no kernel", offset=chosen.offset)
    return Parts(chosen.name, kernel, part("ramdisk"), part("fdt"))


def _image(images: Node, configuration: Node, kind: str) -> Node | None:
    name = _text(configuration, kind)
    if name is None:
        return None
    node = images.child(name)
    if node is None:
        configuration.properties[kind].fail(f"names the image {name!r}, which is not in /images")
    return node


def _text(node: Node, name: str) -> str | None:
    prop = node.get(name)
    return prop.value.split(b"\0")[0].decode("latin-1") if prop is not None and prop.value else None


def _number(node: Node, name: str) -> int | None:
    prop = node.get(name)
    return int.from_bytes(prop.value, "big") if prop is not None and len(prop.value) in (4, 8) else None


def data_of(tree: Fdt, data: bytes, node: Node) -> bytes:
    """The data of one image, as it is.

    Args:
        tree: the FIT.
        data: the whole file.
        node: the image.

    Raises:
        FdtError: it is not there.
    """
    return _raw(tree, data, node)


def hashes_hold(node: Node, body: bytes) -> bool:
    """Whether an image's data has each hash that its node states; one that is of no known kind does not hold.

    Source: boot/image-fit.c ``fit_image_verify_with_data``: nodes that begin with "hash".
    """
    return all(
        _hashed(_text(each, "algo"), body) == value.value
        for each in node.children
        if each.name.startswith("hash") and (value := each.get("value")) is not None
    )


def _hashed(kind: str | None, body: bytes) -> bytes | None:
    import hashlib  # takes a while to be loaded

    if kind == "crc32":
        return zlib.crc32(body).to_bytes(4, "big")
    return hashlib.new(kind, body, usedforsecurity=False).digest() if kind in _HASHES else None


def _raw(tree: Fdt, data: bytes, node: Node) -> bytes:
    at, size = _place(tree, data, node)
    return data[at : at + size]


def _place(tree: Fdt, data: bytes, node: Node) -> tuple[int, int]:
    inline = node.get("data")
    if inline is not None:
        return inline.offset, len(inline.value)
    size, position, offset = (_number(node, f"data-{name}") for name in ("size", "position", "offset"))
    if position is None and offset is not None:
        position = align_up(tree.totalsize, 4) + offset
    if size is None or position is None or position + size > len(data):
        raise FdtError(f"{node.path} has no data in this file", offset=node.offset)
    return position, size


class _Unpacked:
    """The data of images, each unpacked once however many configurations name it, and not more than `LARGEST` of it."""

    def __init__(self, tree: Fdt, data: bytes) -> None:
        self._tree, self._file = tree, data
        self._known: dict[str, bytes] = {}
        self._left = unpacked_limit(len(data), LARGEST)

    def of(self, node: Node) -> bytes:
        """The data of one image.

        Raises:
            FdtError: it is not there.
            InputError: it is damaged, or all that was unpacked is too much.
        """
        if node.name not in self._known:
            raw = _raw(self._tree, self._file, node)
            packing = _text(node, "compression") or "none"
            if packing in PACKINGS[1:] and (packing != "gzip" or raw.startswith(b"\x1f\x8b")):
                raw = unpacked(raw, packing, self._left)
                self._left -= len(raw)
            self._known[node.name] = raw
        return self._known[node.name]
