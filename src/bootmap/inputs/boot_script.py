"""boot.scr and boot.cmd: the text of a script for U-Boot's ``source``, with its header, in a FIT image, or plain.

    header, 64 bytes, big-endian | length of the text | 0 | text

The data of an image of type "script" is that of a multi-file image with one file: lengths up to a 0, then the files.
U-Boot takes the first length, passes over all of them, and reads no further than a NUL in the text.  It does not look
at the compression, which is gzip in what mkimage makes without ``-C``, though the text is not packed.

Of a FIT image it takes the data of the script that is named, as it is.

Source: cmd/source.c ``image_source_script``, ``get_default_image``; include/image.h ``IH_TYPE_SCRIPT`` (2021.01 to
2026.10); tools/mkimage.c writes the lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.inputs import fdt, fit
from bootmap.inputs.uimage import HEADER_BYTES, MAGIC, read_header
from bootmap.units import KIB, size_text

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Node

_SCRIPT = 6
_FIT_MAGIC = b"\xd0\x0d\xfe\xed"
_MOST = 256 * KIB  # of text: the longest in use have some ten
_LOWEST_PRINTED = 32
_MOST_NAMED, _SHOWN = 8, 40


def parse(data: bytes) -> str:
    """The script's text.

    Raises:
        InputError: the header or a CRC is wrong, the lengths do not fit, or it is no text that U-Boot would run.
    """
    at = 0
    if data.startswith(_FIT_MAGIC):
        data = _script_of_fit(data)
    elif data.startswith(MAGIC):
        at, length = _text_of_image(data)
        data = data[: at + length]
    body = data[at:].partition(b"\0")[0]
    if not body.strip():
        raise InputError("the script is empty", offset=at)
    return checked(data[at:])


def taken_by_source(
    data: bytes, image: str | None, configuration: str | None, *, verify: bool, configurations: bool
) -> bytes:
    """What ``source`` takes of what lies at an address.

    Args:
        data: what lies there.
        image: the script of a FIT image that is named (``ADDR:NAME``); None for none.
        configuration: the configuration (``ADDR#NAME``); None for none.
        verify: whether the data's CRC and hashes are looked at (the variable ``verify``).
        configurations: whether this release looks at configurations (since 2023.04, commit bcc85b96b5f).

    Raises:
        InputError: U-Boot takes none of it, and says so.
    """
    if data.startswith(MAGIC):
        at, length = _text_of_image(data, verify=verify)
        return data[at : at + length]
    if not data.startswith(_FIT_MAGIC):
        raise InputError("is no script image; mkimage -T script makes one")
    tree = fdt.parse(data, fit.LARGEST)
    name = _configured(tree, configuration) if image is None and configurations else image
    if name is None or (configurations and not name):
        images = tree.node("/images")
        name = _word(images, "default") if images is not None else ""
        if not name:
            raise InputError("is a FIT image without a default image, and no script of it is named")
    node = tree.node(f"/images/{name}") if name and "/" not in name else None
    if node is None:
        raise InputError(f"has no image {name[:_SHOWN]!r}")
    if _word(node, "type") != "script":
        raise InputError(f"its image {name[:_SHOWN]!r} is of type {_word(node, 'type')[:_SHOWN]!r}, not a script")
    body = fit.data_of(tree, data, node)
    if verify and not fit.hashes_hold(node, body):
        raise InputError(f"its image {name[:_SHOWN]!r} does not have the hash that it states")
    return body


def _configured(tree: fdt.Fdt, configuration: str | None) -> str | None:
    """The script of a configuration; None where only the default image is left."""
    top = tree.node("/configurations")
    name = configuration or (_word(top, "default") if top is not None else "")
    node = tree.node(f"/configurations/{name}") if name and "/" not in name else None
    script = _word(node, "script") if node is not None else ""
    if configuration is None:
        return script or None
    if node is None or not script:
        raise InputError(f"has no script in the configuration {(configuration or name)[:_SHOWN]!r}")
    return script


def _script_of_fit(data: bytes) -> bytes:
    """The script that ``source ADDR`` takes: the default one of /images, which may be the only one."""
    tree = fdt.parse(data, fit.LARGEST)
    images = tree.node("/images")
    scripts = {} if images is None else {each.name: each for each in images.children if _word(each, "type") == "script"}
    default = _word(images, "default") if images is not None else ""
    if default in scripts:
        return fit.data_of(tree, data, scripts[default])
    if len(scripts) != 1:
        found = ", ".join([*scripts][:_MOST_NAMED]) or "none"
        raise InputError(f"is a FIT image with the scripts {found}: give the text of the one that is run")
    return fit.data_of(tree, data, *scripts.values())


def _word(node: Node, name: str) -> str:
    prop = node.get(name)
    return prop.value.partition(b"\0")[0].decode("latin-1") if prop is not None else ""


def _text_of_image(data: bytes, *, verify: bool = True) -> tuple[int, int]:
    """Offset and length of the text behind a header."""
    header = read_header(data)
    if header.kind != _SCRIPT:
        raise InputError(f"is an image of type {header.kind}, expected 6 (script)", offset=30)
    body = header.body(data) if verify else data[HEADER_BYTES : HEADER_BYTES + header.size]
    at = 0
    while any(body[at : at + 4]):
        at += 4
    if at + 4 > header.size:
        raise InputError("the list of lengths does not end with a 0", offset=HEADER_BYTES)
    at += 4
    length = int.from_bytes(body[:4], "big")
    if not length or length > header.size - at:
        raise InputError(
            f"the text's length is {length:#x}, {max(0, header.size - at):#x} bytes are there", offset=HEADER_BYTES
        )
    return HEADER_BYTES + at, length


def checked(data: bytes) -> str:
    """The text, up to a NUL; nothing in it that is no text, nor an end of line that U-Boot takes for part of a word.

    Raises:
        InputError: there is, or there is too much of it.
    """
    if len(data) > _MOST:
        raise InputError(f"{size_text(len(data))} of text: a script has at most {size_text(_MOST)}")
    body = data.partition(b"\0")[0]
    text = body.decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), 1):
        for char in line:
            if char == "\r":
                raise InputError(
                    "the line ends with a carriage return, which U-Boot takes for part of its last word; save the "
                    "file with Unix line ends",
                    line=number,
                )
            if ord(char) < _LOWEST_PRINTED and char != "\t":
                raise InputError(f"is no script: the line holds the character {ord(char):#04x}", line=number)
    return text
