"""The recorded boots of real kernels as the tests use them: what was recorded, and bootmap's answer to the same input.

Read here by a few lines of its own, not by ``bootmap.image.recording``: what is expected must not come from the code
under test.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bootmap
from bootmap.boot.kernel import KernelModel

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay

DATA = Path(__file__).parents[1] / "data"
NAMES = sorted(path.name.removesuffix(".json.gz") for path in (DATA / "cases").glob("*.json.gz"))

Regions = list[tuple[int, int, int]]

STATIC_MAPS = {"v612-supersection": ("0xf1000000,0x100000000,16M,DEVICE", "0xf2000000,0xf30000000,32M,DEVICE_WC")}
"""What map_io maps in kernels that were changed so that it does: no machine of Linux has devices above 4 GiB there."""


def kernel_files(key: str) -> tuple[Path, Path]:
    """The configuration and the System.map of the kernel ``key``."""
    folder = DATA / "kernels" / key
    return folder / "config.gz", folder / "System.map"


@cache
def loaded_kernel(key: str) -> bootmap.Kernel:
    """The kernel ``key``, read once."""
    config, system_map = kernel_files(key)
    return bootmap.Kernel.load(config=config, system_map=system_map)


def fresh_kernel(key: str) -> KernelModel:
    """A kernel that nobody has asked anything yet, and that a test may change."""
    kernel = loaded_kernel(key)
    return KernelModel(kernel.version, kernel.sublevel, kernel.config, kernel.symbols)


class Case:
    """One recorded boot.

    Attributes:
        name: its file without the suffix.
        doc: the recording, as it stands in the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.doc: dict[str, Any] = json.loads(gzip.decompress((DATA / "cases" / f"{name}.json.gz").read_bytes()))

    @property
    def key(self) -> str:
        """The kernel's folder."""
        key: str = self.doc["kernel"]["key"]
        return key

    @property
    def long(self) -> bool:
        """Whether the tables have long descriptors."""
        return bool(self.doc["lpae"])

    @property
    def big_endian(self) -> bool:
        """Whether the tables' words are big-endian."""
        return bool(self.doc.get("byteorder") == "big")

    @property
    def board(self) -> bytes:
        """The device tree or ATAG list as the kernel found it."""
        if "dtb" in self.doc:
            return gzip.decompress(base64.b64decode(self.doc["dtb"]))
        return bytes.fromhex(self.doc["atags"])

    @cached_property
    def prediction(self) -> Replay:
        """bootmap's answer, from what a user has: board, configuration, System.map, load addresses, CPU."""
        board = bootmap.Board.parse(
            self.board,
            self.name,
            cpu=self.doc["qemu"]["cpu"],
            dtb_addr=self.doc["entry"]["r2"],
            phys_offset=self.doc["phys_offset"],
            machine_id=self.doc["entry"]["r1"] if "atags" in self.doc else None,
            static_maps=STATIC_MAPS.get(self.key, ()),
        )
        return bootmap.predict(loaded_kernel(self.key), board).replay

    # -- what was recorded -------------------------------------------------------------------------------------

    def regions(self, moment: str, kind: str) -> Regions:
        """``memory`` or ``reserved`` of memblock at ``before`` or ``after``."""
        return [(base, size, flags) for base, size, flags in self.doc[moment]["memblock"][kind]["regions"]]

    def pages(self, moment: str) -> dict[int, bytes]:
        """Every recorded page of page tables by its physical address, a big-endian kernel's words turned round."""
        pages = self.raw_pages(moment)
        if not self.big_endian:
            return pages
        width = 8 if self.long else 4
        turned = range(width - 1, -1, -1)
        return {
            page: bytes(data[at + byte] for at in range(0, len(data), width) for byte in turned)
            for page, data in pages.items()
        }

    def raw_pages(self, moment: str) -> dict[int, bytes]:
        """The same as they lay in memory."""
        tables = self.doc[moment]["tables"]
        raw, root = bytes.fromhex(tables["pgd"]["hex"]), tables["pgd"]["pa"]
        pages = {root + at: raw[at : at + 4096] for at in range(0, len(raw), 4096)}
        for level in ("pmd", "pte"):
            pages |= {int(address, 16): bytes.fromhex(text) for address, text in tables.get(level, {}).items()}
        return pages

    @property
    def reserved_is_unreadable(self) -> bool:
        """Whether the recorder misread ``reserved``, as it does with Linux 4.9.

        struct memblock_type has no ``name`` there, so that the recorder, which skips it, takes each field from the
        word behind its own: max for cnt, the array's address for total_size.
        """
        reserved = self.doc["before"]["memblock"]["reserved"]
        return bool(reserved["cnt"] == 128 and reserved["total"] > self.doc["page_offset"])

    @cached_property
    def log(self) -> list[str]:
        """The console up to the "Memory:" line, or to the kernel's end, without time stamps; empty where not recorded.

        Of kernels that died the log was taken from their buffer, record by record: "?" stands where a record begins,
        its last two bytes come twice, and a tab ends a line.
        """
        lines: list[str] = []
        for raw in self.doc.get("log") or self.doc.get("outcome", {}).get("log", ()):
            line = re.sub(r"^\[ *\d+\.\d+\] ", "", raw)
            if line.startswith("?"):
                line = line[1:-2] if line[-2:] == line[-4:-2] else line[1:]
            if line.startswith("[0x") and lines:
                line = f"{lines.pop()}\t{line[:-2] if line[-2:] == line[-4:-2] else line}"
            lines.append(line)
        return lines

    @property
    def is_luck(self) -> bool:
        """Whether prepare_page_table clears the map of part of the running kernel, so that only the TLB still has it.

        It keeps what the first region of memory covers.
        """
        base, size, _ = self.regions("before", "memory")[0]
        symbols = self.doc["symbols"]
        return bool(base + size < symbols["_end"] - self.doc["page_offset"] + self.doc["phys_offset"])


@cache
def case(name: str) -> Case:
    """The case ``name``, with its prediction shared by the tests that follow one another."""
    return Case(name)
