"""Files that recorded boot scripts load: scripts that `source` takes or refuses, and files of variables."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MAGIC = 0x27051956
_SCRIPT, _KERNEL, _LINUX, _ARM = 6, 2, 5, 2
_HEADER = ">IIIIIIIBBBB32s"


def file_of(kind: str, texts: Mapping[str, bytes]) -> bytes:
    """The file of that kind.

    Args:
        kind: "text", "script", "fit" and others; see the table below.
        texts: name -> text; one, but in a FIT image.
    """
    return _KINDS[kind](texts)


def _only(texts: Mapping[str, bytes]) -> bytes:
    (data,) = texts.values()
    return data


def legacy(data: bytes, kind: int = _SCRIPT, wrong: str = "") -> bytes:
    """The text behind a header, as mkimage writes it; ``wrong`` names the CRC that is not right: "data" or "header"."""
    body = struct.pack(">II", len(data), 0) + data if kind == _SCRIPT else data
    words = [_MAGIC, 0, 0, len(body), 0, 0, zlib.crc32(body) ^ (wrong == "data"), _LINUX, _ARM, kind, 0, b""]
    words[1] = zlib.crc32(struct.pack(_HEADER, *words)) ^ (wrong == "header")
    return struct.pack(_HEADER, *words) + body


def fit(texts: Mapping[str, bytes], *, default: bool = False, config: bool = False) -> bytes:
    """A FIT image with the scripts; ``default`` names the last in /images, ``config`` each in a configuration."""
    root = MadeNode(properties={"description": text("x"), "timestamp": cells(1), "#address-cells": cells(1)})
    images = root.add("images", {"default": text([*texts][-1])} if default else {})
    for name, data in texts.items():
        node = images.add(name, {"data": data, "type": text("script"), "compression": text("none")})
        node.properties |= {"description": text(name), "arch": text("arm")}
    if config:
        first, last = next(iter(texts)), [*texts][-1]
        configurations = root.add("configurations", {"default": text("usual")})
        configurations.add("usual", {"description": text("usual"), "script": text(first)})
        configurations.add("other", {"description": text("other"), "script": text(last)})
    return flatten(root)


_KINDS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "text": _only,
    "crlf": lambda texts: _only(texts).replace(b"\n", b"\r\n"),
    "zeros": lambda texts: _only(texts).replace(b"\n", b"\0"),
    "script": lambda texts: legacy(_only(texts)),
    "bad-header": lambda texts: legacy(_only(texts), wrong="header"),
    "bad-data": lambda texts: legacy(_only(texts), wrong="data"),
    "kernel": lambda texts: legacy(_only(texts), _KERNEL),
    "fit": fit,
    "fit-default": lambda texts: fit(texts, default=True),
    "fit-config": lambda texts: fit(texts, config=True),
}
