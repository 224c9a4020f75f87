"""Archives of a running board, as ``collect.sh`` makes them: what they hold, and taking out what tells whose it is.

    bootmap/dmesg  iomem  cmdline  cpuinfo  config.gz  System.map | kallsyms  fdt | device-tree/...
            memblock-memory  memblock-reserved  kernel_page_tables

A tar file, compressed or not, or the text that ``collect.sh --text`` prints, with whatever a console showed around it.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import tarfile
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.errors import InputError
from bootmap.inputs.console import clean
from bootmap.inputs.fdt_writer import MadeNode, flatten
from bootmap.inputs.fs import gunzip_bytes
from bootmap.shown import Shown
from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "bootmap"
MOST_BYTES = 64 * MIB
_MOST_MEMBERS = 1 << 14
_MOST_LINES = 1 << 18
_MOST_PARTS = 24
_BEGIN, _END = b"-----BEGIN BOOTMAP ARCHIVE-----", b"-----END BOOTMAP ARCHIVE-----"
_TREE = "device-tree"
_TAR = slice(257, 262)
_NOT_PROPERTIES = ("name",)
"""What of /proc/device-tree is no property of the tree: older kernels add a name to every node."""


class Collected(Shown, Struct, frozen=True):
    """What was gathered on one board.

    Attributes:
        files: content by the name that it has in the archive.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A file as text, "" where it is not there."""
        return self.files.get(name, b"").decode("utf-8", "replace")

    @property
    def log(self) -> str:
        """The boot's log: where its beginning was overwritten, the one that was kept, and then what goes on."""
        return self.text("dmesg.boot") + self.text("dmesg")

    @property
    def blob(self) -> bytes | None:
        """The device tree blob, put together again where only the tree was there."""
        if "fdt" in self.files:
            return self.files["fdt"]
        paths = {name: data for name, data in self.files.items() if name.startswith(f"{_TREE}/")}
        return _flatten(paths) if paths else None

    @property
    def config(self) -> bytes | None:
        """The kernel's configuration, compressed or not."""
        return self.files.get("config.gz", self.files.get("config"))

    @property
    def midr(self) -> int | None:
        """The CPU's Main ID Register by /proc/cpuinfo (arch/arm/kernel/setup.c ``c_show``)."""
        values = {}
        for name in ("implementer", "variant", "part", "revision"):
            match = re.search(rf"^CPU {name}\s*: (0x[0-9a-f]{{1,8}}|\d{{1,8}})\s*$", self.text("cpuinfo"), re.MULTILINE)
            if match is None:
                return None
            values[name] = int(match[1], 0)
        fields = (values["implementer"] << 24, values["variant"] << 20, 0xF << 16, values["part"] << 4)
        return sum(fields) | values["revision"] & 0xF

    @property
    def cpus(self) -> int | None:
        """How many CPUs run."""
        count = len(re.findall(r"^processor\s*: \d+\s*$", self.text("cpuinfo"), re.MULTILINE))
        return count or None


def script() -> str:
    """The shell script that gathers an archive."""
    return files("bootmap.inputs").joinpath("collect.sh").read_text()


def is_archive(head: bytes) -> bool:
    """Whether content that begins so is an archive of ``collect.sh``, compressed, plain or as text."""
    if head[_TAR] == b"ustar" or _BEGIN in head:
        return True
    if not head.startswith(b"\x1f\x8b"):
        return False
    try:
        import zlib

        return zlib.decompressobj(wbits=31).decompress(head, 512)[_TAR] == b"ustar"
    except zlib.error:
        return False


def parse_collected(data: bytes) -> Collected:
    """Read an archive.

    Raises:
        InputError: it is damaged, too large, or none of ``collect.sh``.
    """
    if _BEGIN in data[: 8 * MIB]:
        data = _from_text(data)
    if data.startswith(b"\x1f\x8b"):
        data = gunzip_bytes(data, MOST_BYTES)
    found: dict[str, bytes] = {}
    room = MOST_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for number, member in enumerate(tar):
                if number >= _MOST_MEMBERS:
                    raise InputError(f"holds more than {_MOST_MEMBERS} files")
                name = member.name.removeprefix("./").removeprefix(f"{FOLDER}/")
                if not member.isreg() or member.size > room or name.count("/") > _MOST_PARTS:
                    continue
                stream = tar.extractfile(member)
                found[name] = stream.read(member.size) if stream else b""
                room -= len(found[name])
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:  # tarfile lets some numbers through
        raise InputError(f"is a damaged archive: {error}") from None
    if not any(name in found for name in ("dmesg", "iomem", "cmdline")):
        raise InputError("is no archive of `bootmap collect`: it holds neither dmesg nor iomem")
    return Collected(found)


def _from_text(data: bytes) -> bytes:
    """The archive between the marks, whatever a terminal put before each line."""
    start = data.index(_BEGIN) + len(_BEGIN)
    end = data.find(_END, start)
    if end < 0:
        raise InputError("is cut off: the line that ends the archive is missing")
    raw = data[start:end].decode("ascii", "replace").splitlines()
    if len(raw) > _MOST_LINES:
        raise InputError(f"has its archive in {len(raw)} lines; {_MOST_LINES} at most are read")
    lines = [clean(line).strip() for line in raw]
    words = "".join(line for line in lines if re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", line))
    try:
        return base64.b64decode(words, validate=True)
    except binascii.Error as error:
        raise InputError(f"is damaged: {error}") from None


def _flatten(paths: Mapping[str, bytes]) -> bytes:
    """A blob of a tree of folders, one a node, one file a property."""
    nodes = {_TREE: MadeNode("")}

    def node(path: str) -> MadeNode:
        found = nodes.get(path)
        if found is None:
            above, _, name = path.rpartition("/")
            found = nodes[path] = node(above).add(name)
        return found

    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        if not path.isascii():
            raise InputError(f"has {path!r}, which is no name of a node or a property")
        if name not in _NOT_PROPERTIES:
            node(folder).properties[name] = paths[path]
    return flatten(nodes[_TREE])
