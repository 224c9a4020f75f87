"""Hostile inputs of what stands around a kernel: boot loaders, UEFI, captures, archives, sweeps, settings, sources.

The rows are like those of ``hostile_rows``; the inputs are written here from a few words each.
"""

from __future__ import annotations

import base64
import gzip
import io
import sqlite3
import struct
import tarfile
import zlib
from typing import TYPE_CHECKING

from support.hostile import BOARD, Hostile
from support.hostile_inputs import INPUTS, MIB
from support.hostile_loaders import LOADERS
from support.hostile_scripts import SCRIPTS, SOURCED, with_files
from support.trees import Node, blob, board, cells, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LARGE = 4 * MIB - 4096
_BDINFO = "DRAM bank   = 0x00000000\n-> start    = 0x40000000\n-> size     = 0x20000000\n"
_EFI = "efi:   0x000040000000-0x00005fffffff [Conventional|   |  |  |  |  |   |WB|  |  |  ]\n"
_BANNER = "Linux version 6.1.0 (a) #1 x\n"
_NO_COLOUR = "\x1b[2J\x1b]0;x\x07"


def _filled(start: str, again: str, end: str = "", size: int = _LARGE) -> bytes:
    """``start``, ``again`` until there are ``size`` bytes, ``end``."""
    return (start + again * ((size - len(start) - len(end)) // len(again)) + end).encode()


# -- boot loaders --------------------------------------------------------------------------------------------------


def environment(*variables: str, size: int = 1 << 16) -> bytes:
    """An environment as it lies in flash."""
    body = b"".join(each.encode() + b"\0" for each in variables).ljust(size - 4, b"\0")
    return struct.pack("<I", zlib.crc32(body)) + body


def doubling() -> bytes:
    """Sixty variables, each of which names the one before it twice."""
    return "".join(f"a{n}=${{a{n + 1}}}${{a{n + 1}}}\n" for n in range(60)).encode() + b"a60=xxxxxxxx\nbootcmd=a0\n"


def fit_bombs(count: int = 256) -> bytes:
    """So many configurations, each with a kernel that unpacks to 30 MiB."""
    packed = gzip.compress(bytes(30 * MIB), 9)
    root = Node("", {"#address-cells": cells(1), "description": text("x")})
    images, ways = root.add("images"), root.add("configurations", default=text("c0"))
    images.add("k", type=text("kernel"), compression=text("gzip"), load=cells(0x40008000), data=packed)
    images.add("f", type=text("flat_dt"), data=blob(board([(0x40000000, 0x20000000)])))
    for n in range(count):
        ways.add(f"c{n}", kernel=text("k"), fdt=text("f"))
    return blob(root)


def fit_trees(count: int = 256) -> bytes:
    """A FIT of so many configurations with one tree of a MiB, most of it names."""
    root = Node("", {"#address-cells": cells(1), "description": text("x")})
    images, ways = root.add("images"), root.add("configurations", default=text("c0"))
    tree = board([(0x40000000, 0x20000000)])
    tree.children += [Node(f"n{n:x}", {"a": b""}) for n in range(30_000)]
    images.add("f", type=text("flat_dt"), data=blob(tree))
    for n in range(count):
        ways.add(f"c{n}", fdt=text("f"))
    return blob(root)


def fit_odd(**changes: bytes) -> bytes:
    """A FIT whose kernel has those properties in place of the right ones."""
    root = Node("", {"#address-cells": cells(1), "description": text("x")})
    images, ways = root.add("images"), root.add("configurations", default=text("c"))
    images.add("k", **{"type": text("kernel"), "load": cells(0x40008000), "data": bytes(64), **changes})
    images.add("f", type=text("flat_dt"), data=blob(board([(0x40000000, 0x20000000)])))
    ways.add("c", kernel=text("k"), fdt=text("f"))
    return blob(root)


def boot_image(kernel: bytes, *, size: int | None = None, page: int = 2048, version: int = 0) -> bytes:
    """An Android boot image."""
    fields = (size if size is not None else len(kernel), 0x40008000, 0, 0, 0, 0, 0x40000100, page, version, 0)
    return struct.pack("<8s10I", b"ANDROID!", *fields).ljust(page, b"\0") + kernel


# -- archives ------------------------------------------------------------------------------------------------------


def archive(members: dict[str, bytes], *, packed: bool = True) -> bytes:
    """What `bootmap collect` makes, of those files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(f"bootmap/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), 6, mtime=0) if packed else stream.getvalue()


def archive_members() -> bytes:
    """30,000 files, all in one folder of the device tree."""
    return archive({"dmesg": b"x", **{f"device-tree/n{n}/p": b"" for n in range(30_000)}})


def archive_deep() -> bytes:
    """2,000 files, each 24 folders deep in its own."""
    return archive({"dmesg": b"x", **{f"device-tree/{'/'.join([f'd{n}'] * 23)}": b"" for n in range(2_000)}})


def archive_bomb() -> bytes:
    """Sixty MiB of log, packed to 60 KiB."""
    return archive({"dmesg": b"Linux version 6.1.0\n" + bytes(60 * MIB)})


def archive_log() -> bytes:
    """Ten MiB of lines about memory."""
    return archive({"dmesg": _BANNER.encode() + b"Ignoring RAM at 0x40000000-0x4fffffff\n" * 270_000})


def archive_pax() -> bytes:
    """A member whose extended header is 3 MiB of records."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("bootmap/dmesg")
        member.pax_headers = {f"k{n}": "v" for n in range(150_000)}
        tar.addfile(member)
    return stream.getvalue()


def archive_sparse() -> bytes:
    """A sparse member that claims 8 GiB."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("bootmap/dmesg")
        member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(8 << 30),
                              "GNU.sparse.map": "0,1," * 200_000 + "0,1"}
        tar.addfile(member)
    return stream.getvalue()


def archive_numbers() -> bytes:
    """A member whose size is no number, behind one that is well."""
    data = bytearray(archive({"dmesg": b"x", "iomem": b"y"}, packed=False))
    data[1024 + 124 : 1024 + 136] = b"\xff" * 12
    return bytes(data)


def archive_version() -> bytes:
    """Numbers of 5,000 digits where the kernel's version and the CPU's are."""
    digits = b"9" * 5000
    cpu = b"CPU implementer : 0x41\nCPU variant : " + digits + b"\nCPU part : 0xc09\nCPU revision : 1\n"
    tree = blob(board([(0x40000000, 0x20000000)]))
    return archive({"dmesg": b"x", "version": b"Linux version 6." + digits, "cpuinfo": cpu, "fdt": tree})


def archive_text() -> bytes:
    """The text form, 4 MiB of it, in lines of one letter."""
    body = base64.b64encode(bytes(700 << 10))
    lines = b"\n".join(bytes([letter]) for letter in body)
    return b"-----BEGIN BOOTMAP ARCHIVE-----\n" + lines + b"\n-----END BOOTMAP ARCHIVE-----\n"


# -- sweeps --------------------------------------------------------------------------------------------------------

_ROW = ('{"schema":"bootmap.sweep/1","key":"k","board":"%s","trees":"t","kernel":"k","release":"6.1","tree_hash":"",'
        '"kernel_hash":"","status":"answered"%s}\n')


def rows(count: int = 15_000, more: str = "") -> bytes:
    """So many rows of boards with names of their own."""
    return "".join(_ROW % (f"b{n}", more) for n in range(count)).encode()


def other_base() -> bytes:
    """A SQLite file whose table of answers has other columns, as bytes."""
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE answers (other INT)")
    base.commit()
    data = base.serialize()
    base.close()
    return data


# -- sources -------------------------------------------------------------------------------------------------------


def source(body: str) -> bytes:
    """A device tree's source with ``body`` in its root."""
    return f"/dts-v1/;\n/ {{\n#address-cells = <1>;\n#size-cells = <1>;\n{body}\n}};\n".encode()


def macros() -> bytes:
    """A macro that becomes 2^40 words."""
    lines = [f"#define M{n} M{n + 1} M{n + 1}" for n in range(40)]
    return "\n".join(["/dts-v1/;", *lines, "#define M40 1", "/ { a = <M0>; };"]).encode()


_TOO = {
    "labels.conf": lambda: _filled("default x\n", "label a\n", size=250 << 10),
    "long.conf": lambda: _filled("label a\nkernel k\nappend ", "x"),
    "escape.conf": lambda: f"default {_NO_COLOUR}\nlabel a\nkernel k\n".encode(),
    "escape-initrd.conf": lambda: f"label {_NO_COLOUR}\nkernel k\ninitrd {_NO_COLOUR}\n".encode(),
    "bytes.conf": lambda: bytes(range(256)) * 512,
    "append.conf": lambda: _filled("label a\nkernel k\nappend ", "mem=1M ", size=250 << 10),
    **SCRIPTS,
    "lines.env": lambda: _filled("a=b\n", "\n"),
    "variables.env": lambda: b"".join(b"%x=\n" % n for n in range(600_000)),
    "variables.bin": lambda: environment(*(f"{n:x}=" for n in range(500_000)), size=4 * MIB),
    "unended.bin": lambda: struct.pack("<I", zlib.crc32(b"a\0\0a=b")) + b"a\0\0a=b",
    "odd.bin": lambda: environment("a=b", _NO_COLOUR),
    "noise.env": lambda: bytes(range(1, 256)) * 16_000,
    "zeroes.env": lambda: bytes(4 * MIB),
    "doubling.env": doubling,
    "circle.env": lambda: b"a=${a}\n",
    "addresses.env": lambda: b"kernel_addr_r=" + b"f" * 5000 + b"\nfdt_addr_r=" + b"9" * 3_000_000 + b"\n",
    "spaces.bdinfo": lambda: _filled(_BDINFO + "a", " ", "x", size=1 << 20),
    "flags.bdinfo": lambda: _filled(
        _BDINFO, f" memory[0]   [0x0-0x1], 0x2 bytes, flags: a{' ' * 4000}]\n", size=1 << 20
    ),
    "banks.bdinfo": lambda: _filled("", "-> start = 0x40000000\n-> size = 0x1000\n", size=1 << 20),
    "numbers.bdinfo": lambda: _filled(
        _BDINFO, " memory[0] [0xffffffffffffffff-0x0], 0x0 bytes, flags: 0\n", size=1 << 20
    ),
    "lists.bdinfo": lambda: (_BDINFO + "".join(
        f" reserved[{n}] [{0x40000000 + n * 0x2000:#x}-{0x40000FFF + n * 0x2000:#x}], 0x1000 bytes, flags: 0\n"
        for n in range(14_000))).encode(),
    "flag.bdinfo": lambda: (_BDINFO + f" memory[0] [0x0-0x1], 0x2 bytes flags: {'9' * 6000}\n").encode(),
    "spaces.efi": lambda: _filled(_EFI + "A", " ", "x"),
    "words.efi": lambda: _filled(_EFI, "efi "),
    "ranges.efi": lambda: _filled(_EFI, "efi: 0x40000000-0x4000"),
    "rows.efi": lambda: _filled("", _EFI),
    "pages.efi": lambda: "".join(
        f"efi:   0x{0x40000000 + (n << 13):012x}-0x{0x40000FFF + (n << 13):012x} [Conventional|WB]\n"
        for n in range(60_000)).encode(),
    "types.efi": lambda: (_EFI + "efi: 0x000060000000-0x000060000fff [type=" + "9" * 5000 + "|WB]\n").encode(),
    "tables.efi": lambda: _filled(_EFI + "efi: ", "MEMATTR=0x1 "),
    "cnt.log": lambda: _filled(_BANNER, f"memory.cnt{' ' * 4000}\n"),
    "modules.log": lambda: _filled(_BANNER, f"{'kmod' * 1000}\n"),
    "parameters.log": lambda: _filled(f"{_BANNER}Kernel command line: a=b \n", f"{'a=a ' * 250}:\n"),
    "memory.cap": lambda: _filled(_BANNER, "Ignoring RAM at 0x40000000-0x4fffffff\n"),
    "boots.cap": lambda: _filled("", "Booting Linux on physical CPU 0x0\n" + _BANNER),
    "loaders.cap": lambda: _filled("", "U-Boot 2023.01 (Jan 01 2023)\n\nDRAM:  512 MiB\nStarting kernel ...\n\n"),
    "oopses.cap": lambda: _filled(_BANNER, "Unable to handle kernel paging request at virtual "
                                  "address 7f1dd14c\npgd = c0004000\nInternal error: Oops: 5 [#1] SMP ARM\n"),
    "zeroes.cap": lambda: bytes(4 * MIB),
    "newlines.cap": lambda: _BANNER.encode() + b"\n" * (4 * MIB - 100),
    "returns.cap": lambda: _BANNER.encode() + b"\r" * (4 * MIB - 100),
    "escapes.cap": lambda: _filled(_BANNER, f"Machine model: {_NO_COLOUR}\n", size=64 << 10),
    "members.tgz": archive_members,
    "deep.tgz": archive_deep,
    "bomb.tgz": archive_bomb,
    "log.tgz": archive_log,
    "pax.tar": archive_pax,
    "sparse.tar": archive_sparse,
    "numbers.tar": archive_numbers,
    "cut.tgz": lambda: archive({"dmesg": b"x" * 100_000})[:90],
    "letters.txt": archive_text,
    "odd-tree.tgz": lambda: archive(
        {"dmesg": b"x", "device-tree/a": b"", "device-tree/a/b": b"", "device-tree/": b"a", "device-tree/\u20ac": b""}
    ),
    "version.tgz": archive_version,
    "rows.jsonl": rows,
    "other.jsonl": lambda: rows(10) + b"{}\n",
    "long.jsonl": lambda: (_ROW % ("b", f',"error":"{"x" * (3 * MIB)}"')).encode(),
    "deep.jsonl": lambda: b'{"schema":' + b"[" * 900_000 + b"\n",
    "numbers.jsonl": lambda: (_ROW % ("b", f',"lowmem":{"9" * 5000}')).encode(),
    "wide.jsonl": lambda: rows(20, f',"lowmem":{2**63 - 1},"free":{-2**63},"verdict":"BOOTS","ram":{2**62}'),
    "escape.jsonl": lambda: (_ROW % ("b\\u001b[2J", ',"verdict":"DIES","reason":"\\u001b]0;x\\u0007"')).encode(),
    "noise.parquet": lambda: b"PAR1" + bytes(range(256)) * 400 + b"PAR1",
    "length.parquet": lambda: b"PAR1" + bytes(100) + struct.pack("<I", 0xFFFFFFF0) + b"PAR1",
    "noise.sqlite": lambda: bytes(range(256)) * 64,
    "half.sqlite": lambda: other_base()[:3000],
    "other.sqlite": other_base,
    "arrays.toml": lambda: b"a = " + b"[" * 900_000,
    "tables.toml": lambda: b"a" + b".a" * 400_000 + b" = 1\n",
    "digits.toml": lambda: b"[check]\nstrict = " + b"9" * 5000 + b"\n",
    "keys.toml": lambda: b"".join(b"k%d = 1\n" % n for n in range(70_000)),
    "baseline.toml": lambda: b"[check]\nbaseline = 3\n",
    "select.toml": lambda: b"[check]\nselect = 3\n",
    "select-two.toml": lambda: b"[check]\nselect = [[1]]\n",
    "severity.toml": lambda: b"[check]\nseverity = [1]\n",
    "ignore.toml": lambda: b"[check]\nignore = [[1]]\n",
    "values.toml": lambda: b'[[board]]\nfile = "/dev/null"\ncpus = -1\n',
    "members.gz": lambda: gzip.compress(b"", 9) * 200_000,
    "file-nul.toml": lambda: b'[[board]]\nfile = "a\\u0000b"\n',
    "escape.toml": lambda: b'[check]\n"\\u001b[2J" = 1\n',
    "deep.json": lambda: b'{"schema": "bootmap.baseline/1", "boards": ' + b"[" * 900_000,
    "digits.json": lambda: b'{"schema": "bootmap.baseline/1", "boards": ' + b"9" * 5000 + b"}",
    "siblings.dts": lambda: source("".join(f"n{n:x}{{}};" for n in range(150_000))),
    "nested.dts": lambda: source("a{" * 100_000 + "};" * 100_000),
    "labels.dts": lambda: source("".join(f"l{n:x}: n{n:x} {{ p = <&l{n:x}>; }};" for n in range(60_000))),
    "endless.dts": lambda: source('a = /incbin/("/dev/zero");'),
    "zero.dts": lambda: b'/dts-v1/;\n#include "/dev/zero"\n/ { };\n',
    "itself.dts": lambda: b'/dts-v1/;\n/include/ "SELF"\n/ { };\n',
    "macros.dts": macros,
    "sum.dts": lambda: source(f"a = <({'(' * 300_000}1{')' * 300_000})>;"),
    "escape.dts": lambda: source(f'a = "{_NO_COLOUR}" {_NO_COLOUR};'),
    "places.dts": lambda: source(f'a = <1>; /* {"aa:0:0-" * 10_000} */'),
    "noise.dtbo": lambda: bytes(range(256)) * 100,
    "cut.dtbo": lambda: blob(board([(0x40000000, 0x20000000)]))[:-20],
    "fragments.dtbo": lambda: blob(Node("", {}, [
        Node(f"fragment@{n}", {"target-path": text("/")}, [Node("__overlay__", {"a": b""})]) for n in range(20_000)])),
    "fit-bombs.fits": fit_bombs,
    "fit-trees.fits": fit_trees,
    "fit-bomb.itb": lambda: fit_bombs(1),
    "fit-tree.itb": lambda: fit_trees(1),
    "fit-position.itb": lambda: fit_odd(data_position=cells(0xFFFFFFF0), data_size=cells(0xFFFFFFF0)),
    "fit-load.itb": lambda: fit_odd(load=cells(0xFFFFFFFF, 0xFFFFFFFF), entry=b"\0" * 5),
    "fit-empty.itb": lambda: fit_odd(data=b""),
    "fit-gzip.itb": lambda: fit_odd(data=b"\x1f\x8b" + bytes(100), compression=text("gzip")),
    "size.img": lambda: boot_image(bytes(64), size=0xFFFFFFFF),
    "page.img": lambda: boot_image(bytes(64), page=2048).replace(struct.pack("<I", 2048), bytes(4)),
    "head.img": lambda: b"ANDROID!" + bytes(8),
    "nested.img": lambda: boot_image(boot_image(boot_image(bytes(64)))),
    "bomb.img": lambda: boot_image(INPUTS["many-gzip.zImage"]()[: 4 * MIB - 8192]),
}
INPUTS.update(_TOO | LOADERS)

_PLAN = f"plan {BOARD} --dram 0x40000000,512M --uboot 2023.01 --zimage 5M"
_MODERN = _PLAN.replace("2023.01", "2025.01") + " --hush modern"
_AT = "--cpu cortex-a9 --phys-offset 0x40000000"
_ANY, _USAGE = (0, 1, 3), (0, 1, 2, 3)
_SOURCES = ("dtc", "cpp")


def _base(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / "cache").write_bytes(INPUTS[name]())

    return prepare


def _itself(folder: Path) -> None:
    (folder / "itself.dts").write_bytes(INPUTS["itself.dts"]().replace(b"SELF", str(folder / "itself.dts").encode()))


def _copied(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / "rows.jsonl").write_bytes(INPUTS[name]())

    return prepare


def _named(*ends: str) -> list[str]:
    return [name for name in _TOO if name.endswith(ends)]


ROWS = (
    *(Hostile(f"extlinux-{name}", f"{_PLAN} --extlinux {name} --set kernel_addr_r=41000000 --set fdt_addr_r=44000000",
              _USAGE) for name in _named(".conf")),
    *(Hostile(f"script-{name}", f"{_PLAN} --script {name} --set kernel_addr_r=41000000", (3,)) for name in SCRIPTS),
    *(Hostile(f"modern-{name}", f"{_MODERN} --script {name}", (3,)) for name in SCRIPTS),
    *(Hostile(f"sourced-{name}", f"{_PLAN} --script {{dir}}/boot.cmd --file /={{dir}}/disk --set a=0", (3,),
              prepare=with_files(name)) for name in SOURCED),
    *(Hostile(f"sourced-modern-{name}", f"{_MODERN} --script {{dir}}/boot.cmd --file /={{dir}}/disk --set a=0", (3,),
              prepare=with_files(name)) for name in SOURCED),
    *(Hostile(f"environment-{name}", f"{_PLAN} --printenv {name}", _USAGE) for name in _named(".env", ".bin")),
    Hostile("environment-doubling", f"{_PLAN} --printenv doubling.env --boot ${{a0}}", (3,)),
    Hostile("environment-circle", f"{_PLAN} --printenv circle.env --boot ${{a}}", (3,)),
    *(Hostile(f"bdinfo-{name}", f"plan {BOARD} --uboot 2023.01 --zimage 5M --bdinfo {name} --boot bootz@41000000",
              _USAGE) for name in _named(".bdinfo")),
    *(Hostile(f"iomem-{name}", f"plan {BOARD} --loader barebox --zimage 5M KERNEL --iomem {name}", _ANY)
      for name in LOADERS if name.endswith(".iomem")),
    *(Hostile(f"config-{name}", f"plan {BOARD} --loader rpi --pi pi2 --zimage 5M KERNEL --config-txt {name}", _ANY)
      for name in LOADERS if name.endswith(".cfgtxt")),
    *(Hostile(f"efi-{name}", f"predict BOARD KERNEL --cpu cortex-a9 --efi-map {name}", _ANY)
      for name in _named(".efi")),
    *(Hostile(f"{command}-{name}", f"{command} {name}", _ANY) for command in ("diagnose", "diagnose --json")
      for name in _named(".log", ".cap")),
    *(Hostile(f"diagnose-{name}", f"diagnose {name}", _ANY) for name in
      ("memory.log", "quoted.log", "slub.log", "lines.log", "hardware.oops", "pgd-spaces.oops", "iomem-rows.txt")),
    *(Hostile(f"{command}-{name}", f"{command} {name}", _USAGE) for command in ("diagnose", "verify")
      for name in (*_named(".tgz", ".tar"), "letters.txt")),
    *(Hostile(f"sweep-diff-{name}", f"sweep-diff {name} rows.jsonl", _ANY) for name in _named(".jsonl", ".parquet")),
    *(Hostile(f"resume-{name}", "sweep BOARD --no-cache --resume -o {dir}/rows.jsonl", _ANY, prepare=_copied(name))
      for name in _named(".jsonl")),
    *(Hostile(f"cache-{name}", "sweep BOARD --cache {dir}/cache", (0,), prepare=_base(name))
      for name in _named(".sqlite")),
    *(Hostile(f"settings-{name}", f"check BOARD --settings {name}", (3,)) for name in _named(".toml")
      if name not in ("keys.toml", "values.toml")),
    Hostile("settings-keys.toml", "check BOARD --settings keys.toml", (3,)),
    Hostile("gzip-members", "predict members.gz KERNEL", (3,)),
    Hostile("settings-values", "check --settings values.toml", (3,), r"cpus"),
    *(Hostile(f"baseline-{name}", f"check BOARD --baseline {name}", (3,)) for name in ("deep.json", "digits.json")),
    *(Hostile(f"source-{name}", f"check {name} --no-proof", _ANY, needs=_SOURCES)
      for name in _named(".dts") if name != "itself.dts"),
    Hostile("source-itself.dts", "check {dir}/itself.dts --no-proof", (3,), prepare=_itself, needs=_SOURCES),
    *(Hostile(f"overlay-{name}", f"check BOARD --no-proof --overlay {name}", _ANY, needs=_SOURCES) for name in
      (*_named(".dtbo"), "macros.dts", "endless.dts")),
    *(Hostile(f"{command}-{name}", f"{command} {name}{more}", _USAGE) for command, more in
      (("check", " --no-proof"), ("plan", " --dram 0x40000000,512M --uboot 2023.01 --set fit_addr_r=42000000"))
      for name in _named(".itb")),
    # `check` answers for each configuration, and the promise is for each of them: many are read, but not checked, here.
    *(Hostile(f"plan-{name}", f"plan {name} --dram 0x40000000,512M --uboot 2023.01 --set fit_addr_r=42000000", _USAGE)
      for name in _named(".fits")),
    *(Hostile(f"android-{name}", f"features --kernel {name}", _USAGE) for name in _named(".img")),
)
