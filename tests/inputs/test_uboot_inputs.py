"""What U-Boot prints and keeps: bdinfo, printenv, the environment's image; extlinux.conf; edited blobs."""

from __future__ import annotations

import zlib

import pytest
from support.scripts import recording
from support.uboot import document

from bootmap.errors import FdtError, InputError
from bootmap.inputs import bdinfo, extlinux, fdt, uboot_env
from bootmap.inputs.fdt_edit import FdtEditor
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.units import Span


@pytest.mark.parametrize(
    ("name", "reserved", "sp_start"),
    [
        ("uboot-2021.01-b", ((0xFEE11CC8, 0x11EE338, 0),), 0xFEE12EB0),
        ("uboot-2023.01-a", ((0xFDDF3000, 0x220D000, 0), (0xFEDF3C70, 0x120C390, 0)), 0xFEDF7E90),
        ("uboot-2026.10-a", ((0xFD560000, 0x3000, 12), (0xFD563FE0, 0x2A9C020, 4)), 0xFE563FE0),
    ],
)
def test_bdinfo_of_a_machine_with_3_gib(name: str, reserved: tuple[bdinfo.Range, ...], sp_start: int) -> None:
    info = bdinfo.parse(document(name)["bdinfo"]["3072"])
    assert info.banks == (Span(0x40000000, 1 << 32),)
    assert info.reserved == reserved
    assert info.memory[0][:2] == (0x40000000, 0xC0000000)
    assert info.sp_start == sp_start


def test_bdinfo_nothing_to_read() -> None:
    with pytest.raises(InputError, match="no bank of RAM"):
        bdinfo.parse("hello\n")
    with pytest.raises(InputError, match=r"line 1.*'later' is not known"):
        bdinfo.parse(" reserved[0]\t[0x1000-0x1fff], 0x1000 bytes, flags: no-map, later\n")


def test_uboot_env_text() -> None:
    env = uboot_env.parse_text("=> printenv\na=1\nlong=x=y z\nb=\n\nEnvironment size: 12/100 bytes\nc=3\n")
    assert env == {"a": "1", "long": "x=y z", "b": ""}  # the empty line is printenv's own (cmd/nvedit.c)
    assert uboot_env.parse(document("uboot-2023.01-a")["printenv"].encode())["kernel_addr_r"] == "0x40400000"
    with pytest.raises(InputError, match="no variable"):
        uboot_env.parse(b"hello\n")


def test_printenv_has_a_backslash_before_each() -> None:
    """Two of them were set, in single quotes, which the newer parser leaves as they are; so is an end of line."""
    printed = recording("hush-2025.01-modern.json.gz")["scripts"]["escapes"]["printenv"]
    assert "slash=a\\\\\\\\b\n" in printed
    assert uboot_env.parse_text(printed)["slash"] == r"a\\b"
    assert uboot_env.parse_text("a=b\\\nc=d\ne=f\n") == {"a": "b\nc=d", "e": "f"}


@pytest.mark.parametrize("flag", [b"", b"\x01"])
def test_uboot_env_image(flag: bytes) -> None:
    body = b"a=1\0bootargs=console=ttyS0 x\0\0".ljust(4096 - 4 - len(flag), b"\xff")
    image = zlib.crc32(body).to_bytes(4, "little") + flag + body
    assert uboot_env.parse(image) == {"a": "1", "bootargs": "console=ttyS0 x"}
    assert uboot_env.parse(image + bytes(4096)) == {"a": "1", "bootargs": "console=ttyS0 x"}
    with pytest.raises(InputError, match="CRC"):
        uboot_env.parse(image[:-1] + b"\0")


@pytest.mark.parametrize(
    ("words", "value"), [("ffffffff", 0xFFFFFFFF), ("0x10", 16), ("no", 0), ("", 0), ("12z", 0x12), ("0xdeg", 0xDE)]
)
def test_hextoul_as_u_boot(words: str, value: int) -> None:
    assert uboot_env.hextoul(words) == value


def test_extlinux() -> None:
    conf = extlinux.parse(
        "# menu\nTIMEOUT 10\nDEFAULT two\nLABEL one\n KERNEL /a\nLABEL two\n\tLINUX /b\n\tFDTDIR /dtb\n\tAPPEND x y\n"
    )
    assert [label.name for label in conf.labels] == ["one", "two"]
    assert conf.default == extlinux.Label("two", kernel="/b", fdtdir="/dtb", append="x y")
    with pytest.raises(InputError, match="no entry"):
        extlinux.parse("timeout 3\n")


def test_fdt_editor_makes_what_it_says() -> None:
    root = MadeNode(properties={"#address-cells": cells(1)})
    root.add("memory@80000000", {"reg": cells(1, 2)})
    blob = FdtEditor(fdt.parse(flatten(root)))
    assert blob.has_child("memory")
    blob.set(blob.child("memory"), "reg", cells(1, 2, 3, 4))
    blob.set(blob.child("chosen"), "bootargs", text("hello"))
    blob.reservations.append((0x1000, 0x2000))
    blob.totalsize = blob.used + 100
    tree = fdt.parse(blob.blob())
    assert tree.node("/memory@80000000").get("reg").value == cells(1, 2, 3, 4)  # type: ignore[union-attr]
    assert tree.node("/chosen").get("bootargs").string() == "hello"  # type: ignore[union-attr]
    assert [row[:2] for row in tree.reservations] == [(0x1000, 0x2000)]


def test_fdt_editor_wants_version_17() -> None:
    blob = bytearray(flatten(MadeNode()))
    blob[20:24] = (16).to_bytes(4, "big")
    with pytest.raises(FdtError, match="version 17"):
        FdtEditor(fdt.parse(bytes(blob)))
