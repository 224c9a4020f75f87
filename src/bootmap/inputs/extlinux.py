"""extlinux.conf, as U-Boot's sysboot and bootflow read it: menu entries with kernel, ramdisk, tree and command line.

Source: boot/pxe_utils.c ``parse_pxefile_top``, ``parse_label``.
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.errors import InputError

_MOST = 256 << 10
_KERNEL, _TREE = ("kernel", "linux"), ("fdt", "devicetree")
_FOLDER = ("fdtdir", "devicetreedir")


class Label(Struct, frozen=True):
    """One entry.

    Attributes:
        name: its name.
        kernel: file of the kernel; "" where it names none.
        initrd: file of the ramdisk; "" for none.
        fdt: file of the tree; "" for none.
        fdtdir: folder in which U-Boot looks for ${fdtfile}; "" for none.
        append: command line.
    """

    name: str
    kernel: str = ""
    initrd: str = ""
    fdt: str = ""
    fdtdir: str = ""
    append: str = ""


class Extlinux(Struct, frozen=True):
    """All entries in order, and the one that boots by itself."""

    labels: tuple[Label, ...]
    default: Label


def parse(text: str) -> Extlinux:
    """Read the file.

    Raises:
        InputError: there is no entry, the default names none, or the file is too long.
    """
    if len(text) > _MOST:
        raise InputError(f"{len(text)} bytes: an extlinux.conf has some hundred")
    rows: list[dict[str, str]] = []
    wanted, line_of_default = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        words = raw.strip().split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        key, value = words[0].lower(), words[1].strip() if len(words) > 1 else ""
        if key == "label":
            rows.append({"name": value})
        elif key == "default":
            wanted, line_of_default = value, number
        elif rows:
            for names, field in ((_KERNEL, "kernel"), (_TREE, "fdt"), (_FOLDER, "fdtdir")):
                if key in names:
                    rows[-1][field] = value
            if key in ("initrd", "append"):
                rows[-1][key] = value
    labels = tuple(Label(**row) for row in rows)
    if not labels:
        raise InputError("has no entry; expected lines 'label NAME', 'kernel FILE'")
    default = next((label for label in labels if label.name == wanted), None) if wanted else labels[0]
    if default is None:
        raise InputError(f"default {wanted!r}: there is no such label", line=line_of_default)
    return Extlinux(labels, default)
