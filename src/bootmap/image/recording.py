"""Recordings: one boot of a real kernel, stopped around paging_init(), as gzipped JSON.

The format is what ``bootmap record`` writes and tests replay.  A recording names its kernel, its board and
how it was booted, and holds for each `Moment` memblock and the page tables:

    before   on entry to paging_init()          after   on its return          late   once init runs

Everything in it was read from a guest, nothing computed, so the reader keeps every key that the format
names, and writing a recording that was read gives the same document.  Not here: taking one (verify does).
"""

from __future__ import annotations

import base64
import gzip
import re
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bootmap.errors import ImageError
from bootmap.image.documents import document_text, gunzip, read_document
from bootmap.image.facts import PA_BITS, KernelFacts, check_number
from bootmap.image.pieces import Piece, PieceMemory
from bootmap.output import write_file
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

MomentName = Literal["before", "after", "late"]
MOMENTS: tuple[MomentName, ...] = ("before", "after", "late")

_MAX_BLOB = 16 << 20
# Bytes of a first-level table: 4096 sections of 4 bytes, or 4 blocks of 8 (DDI 0406C B3.5.1, B3.6.3).
_ROOT_SIZES = {False: 16384, True: 32}
_BANNER = re.compile(r"Linux version (\d+(?:\.\d+)+)")


class RecordedRegions(Struct, frozen=True):
    """One ``memblock_type``: ``regions`` are (base, size, flags) in bytes."""

    cnt: int
    max: int
    total: int
    regions: tuple[tuple[int, int, int], ...]


class MemblockState(Struct, frozen=True):
    """The kernel's ``struct memblock``."""

    bottom_up: int
    current_limit: int
    memory: RecordedRegions
    reserved: RecordedRegions


class RecordedRoot(Struct, frozen=True):
    """A first-level table: physical address, and content as hexadecimal digits in memory order."""

    pa: int
    hex: str


class RecordedTables(Struct, frozen=True, omit_defaults=True):
    """Page tables: the first level, and the lower levels as ``{"0xPA": 8192 hex digits}``.

    ``pmd`` is there for long descriptors only.
    """

    pgd: RecordedRoot
    pte: dict[str, str]
    pmd: dict[str, str] | UnsetType = UNSET

    @classmethod
    def of(
        cls, root: int, first_level: bytes, pte: Mapping[int, bytes], pmd: Mapping[int, bytes] | None = None
    ) -> RecordedTables:
        """Tables from bytes: ``pte`` and ``pmd`` are physical address of a page -> its bytes."""
        lower = [{hex(pa): data.hex() for pa, data in sorted(pages.items())} for pages in (pte, pmd or {})]
        return cls(RecordedRoot(root, first_level.hex()), lower[0], lower[1] if pmd is not None else UNSET)


class Moment(Struct, frozen=True, omit_defaults=True):
    """What was read at one moment; ``late`` has no memblock, which the kernel has given up by then."""

    tables: RecordedTables
    memblock: MemblockState | UnsetType = UNSET


class KernelId(Struct, frozen=True):
    """The kernel that was booted: the key of its configuration and symbols, and its file name."""

    image: str
    key: str


class QemuSetup(Struct, frozen=True):
    """How QEMU was started; ``mem`` in MiB, ``cpu`` None for the machine's own."""

    append: str
    cpu: str | None
    extra: str
    machine: str
    mem: str


class RecordedEntry(Struct, frozen=True):
    """Registers at the kernel's first instruction; ``r2`` is the physical address of the device tree or ATAGs."""

    r0: int
    r1: int
    r2: int

    @classmethod
    def of(cls, registers: Mapping[str, int]) -> RecordedEntry:
        """Those of all registers, by their names."""
        return cls(registers["r0"], registers["r1"], registers["r2"])


class RecordedOutcome(Struct, frozen=True, omit_defaults=True):
    """In place of ``after`` where the kernel did not come back."""

    lr: str
    pc: str
    never_reached: str
    log: tuple[str, ...]
    first_exceptions: tuple[str, ...] | UnsetType = UNSET


class Recording(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One boot.  Addresses in bytes; ``symbols`` are virtual; ``dtb`` is base64 of gzip, ``atags`` hexadecimal.

    ``byteorder`` is there for a big-endian kernel only (CONFIG_CPU_ENDIAN_BE8): the tables' bytes are as in memory.
    """

    name: str
    kernel: KernelId
    qemu: QemuSetup
    page_offset: int
    phys_offset: int
    lpae: bool
    symbols: dict[str, int]
    entry: RecordedEntry
    before: Moment
    after: Moment | UnsetType = UNSET
    late: Moment | UnsetType = UNSET
    dtb: str | UnsetType = UNSET
    atags: str | UnsetType = UNSET
    vars: dict[str, int | None] | UnsetType = UNSET
    log: tuple[str, ...] | str | UnsetType = UNSET
    outcome: RecordedOutcome | UnsetType = UNSET
    byteorder: Literal["big"] | UnsetType = UNSET

    @property
    def order(self) -> Literal["<", ">"]:
        """The byte order of the tables, as struct and numpy write it; little-endian where nothing is said."""
        return "<" if self.byteorder is UNSET else ">"

    @property
    def moments(self) -> tuple[MomentName, ...]:
        """The moments that were recorded, in time's order."""
        return tuple(name for name in MOMENTS if getattr(self, name) is not UNSET)

    def moment(self, name: MomentName) -> Moment:
        """One moment.

        Raises:
            ImageError: it was not recorded.
        """
        found = getattr(self, name)
        if not isinstance(found, Moment):
            raise ImageError(f"{self.name}: nothing was recorded {name!r}; there is: {', '.join(self.moments)}")
        return found

    def root(self, name: MomentName) -> int:
        """Physical address of the first-level table at that moment."""
        return self.moment(name).tables.pgd.pa

    def memory(self, name: MomentName) -> PieceMemory:
        """The page tables at that moment as memory; nothing else was recorded.

        Raises:
            ImageError: the moment was not recorded, or a table does not have its size.
        """
        tables = self.moment(name).tables
        pieces = [_piece(f"{name}.tables.pgd", tables.pgd.pa, tables.pgd.hex, _ROOT_SIZES[self.lpae])]
        for level, pages in (("pmd", tables.pmd), ("pte", tables.pte)):
            for address, digits in {} if pages is UNSET else pages.items():
                where = f"{name}.tables.{level}.{address}"
                pieces.append(_piece(where, _address(where, address), digits, PAGE_SIZE))
        return PieceMemory(pieces)

    def facts(self) -> KernelFacts:
        """What it says of the kernel; the version is in the first lines of the console, where those were recorded."""
        lines = self.log if isinstance(self.log, tuple) else ()
        banner = next(filter(None, map(_BANNER.search, lines[:8])), None)
        known = {} if self.vars is UNSET else self.vars
        return KernelFacts(
            version=banner[1] if banner else None,
            cpu=self.qemu.cpu,
            machine=self.qemu.machine,
            page_offset=self.page_offset,
            phys_offset=self.phys_offset,
            high_memory=known.get("high_memory"),
            symbols=self.symbols,
            big_endian=self.byteorder is not UNSET,
        )

    def handover(self) -> bytes:
        """The device tree blob or the ATAG list that the kernel was handed at ``entry.r2``.

        Raises:
            ImageError: neither was recorded, or it is damaged.
        """
        try:
            if isinstance(self.dtb, str):
                return gunzip(base64.b64decode(self.dtb, validate=True), _MAX_BLOB)
            if isinstance(self.atags, str):
                return bytes.fromhex(self.atags)
        except (ValueError, ImageError) as error:
            raise ImageError(f"{self.name}: the device tree or ATAG list is damaged: {error}") from None
        raise ImageError(f"{self.name}: holds neither a device tree nor an ATAG list")


def parse_recording(document: bytes) -> Recording:
    """Read a recording from its JSON text, gzipped or not.

    Raises:
        ImageError: it is not one; names the key and what was expected there.
    """
    try:
        recording = msgspec.json.decode(document_text(document), type=Recording)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ImageError(f"not a recording: {error}") from None
    for name in recording.moments:
        recording.memory(name)
    for register, value in (("r0", recording.entry.r0), ("r1", recording.entry.r1), ("r2", recording.entry.r2)):
        check_number(register, value, 32)
    recording.facts()
    return recording


def read_recording(path: str) -> Recording:
    """Read the recording in the file ``path``.

    Raises:
        ImageError: the file cannot be read or is not a recording.
    """
    try:
        return parse_recording(read_document(path))
    except ImageError as error:
        raise error.in_file(path) from None


def write_recording(recording: Recording, path: str) -> None:
    """Write ``recording`` to ``path``, gzipped: all of it or, on any failure, nothing.

    The same recording always gives the same bytes.

    Raises:
        InputError: the file cannot be written.
    """
    document = msgspec.json.format(msgspec.json.encode(recording, order="sorted"), indent=0)
    write_file(path, gzip.compress(document, 9, mtime=0))


def _address(where: str, text: str) -> int:
    try:
        address = int(text, 16)
    except ValueError:
        address = -1
    if not 0 <= address < 1 << PA_BITS:
        raise ImageError(f"{where}: expected a hexadecimal address of {PA_BITS} bits")
    return address


def _piece(where: str, pa: int, digits: str, size: int) -> Piece:
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        raise ImageError(f"{where}: expected hexadecimal digits") from None
    check_number(f"the address of {where}", pa, PA_BITS)
    if len(data) != size:
        raise ImageError(f"{where}: {len(data)} bytes at {pa:#x}, expected {size} at a physical address")
    return Piece(pa, memoryview(data), where)
