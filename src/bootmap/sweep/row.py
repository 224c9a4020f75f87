"""A row: what is kept of one board with one kernel.  One schema for JSON Lines, Parquet and the reports.

Keys may be added, never renamed.  Addresses and sizes are in bytes; what is not known is null.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct, field

from bootmap.errors import InputError
from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = "bootmap.sweep/1"


class Status(StrEnum):
    """Whether there is an answer, and why there is none."""

    ANSWERED = "answered"
    MISSING = "missing"
    """Something is not given and cannot be assumed."""
    MALFORMED = "malformed"
    """The board's file cannot be read."""
    UNSUPPORTED = "unsupported"
    """Something is not modelled."""
    TIMEOUT = "timeout"
    """It took longer than a board may take."""
    MEMORY = "memory"
    """It took more memory than a board may take."""
    CRASHED = "crashed"
    """The process that worked on it died, or an error of bootmap's own."""


TRIED_AGAIN = (Status.TIMEOUT, Status.MEMORY, Status.CRASHED)
"""What may end otherwise another time: such rows are not kept for the next sweep."""


class ZoneRow(Shown, Struct, frozen=True):
    """A zone of the page allocator.

    Attributes:
        name: DMA, Normal or HighMem.
        start: physical address of its first byte.
        end: the address behind it.
        managed: bytes that the allocator gets.
    """

    name: str
    start: int
    end: int
    managed: int


class FindingRow(Shown, Struct, frozen=True):
    """How often a rule of `check` found something.

    Attributes:
        rule: the rule's name.
        severity: error, warning or info.
        count: how often.
    """

    rule: str
    severity: str
    count: int


class Row(Shown, Struct, frozen=True, kw_only=True):
    """One board with one kernel.

    Attributes:
        schema: the version of this table of columns.
        key: SHA-256 of everything that the answer is a function of: the tree, the kernel, the options, bootmap itself.
        board: the board's file below the folder that was swept; of a FIT ``FILE:CONFIGURATION``.
        trees: which set of trees it is from: the name of the folder.
        kernel: the kernel's name in this sweep.
        release: its version as people write it.
        tree_hash: SHA-256 of the board's file.
        kernel_hash: SHA-256 of the kernel's version, options and symbols.
        status: whether there is an answer.
        error: why there is none; "" where there is one.
        model: the tree's model.
        compatible: the tree's root compatible, the board first.
        verdict: BOOTS, DIES or UNCERTAIN.
        without_initrd: it boots, but without its initrd.
        stage: where it ends or hangs on something.
        reason: why, in words.
        cause: id of the hazard that the verdict hangs on.
        cpu: the boot CPU.
        smp: whether the kernel runs as SMP.
        phys_offset: PHYS_OFFSET.
        ram_given: the tree has no size of RAM, and one was given: ``BASE,SIZE``; "" where the tree's own was used.
        ram: bytes of RAM that were declared.
        lowmem: bytes of RAM in lowmem.
        highmem: bytes of RAM above it that the kernel uses.
        lost: bytes of RAM that are declared and not used.
        nomap: bytes of no-map areas.
        free: bytes of lowmem that the page allocator gets once mem_map is made, CMA not counted.
        taken: bytes of lowmem by what takes them at the end of paging_init: kernel, CMA, reserved areas, ...;
            mem_map only where the kernel makes it as early.
        cma_base: start of the default area for contiguous memory; null without one.
        cma_size: its bytes; 0 without one.
        table_bytes: bytes of page tables at the end of paging_init.
        sections: section descriptors in them.
        zones: the page allocator's zones.
        findings: findings of `check` by rule.
        assumptions: what the row hangs on that was not given.
        tables_hash: SHA-256 of the page tables at the end of paging_init.
        memblock_hash: SHA-256 of memblock then.
        seconds: what it took; no part of the answer.
    """

    schema: str = SCHEMA
    key: str
    board: str
    trees: str
    kernel: str
    release: str
    tree_hash: str
    kernel_hash: str
    status: Status
    error: str = ""
    model: str = ""
    compatible: tuple[str, ...] = ()
    verdict: str | None = None
    without_initrd: bool = False
    stage: str | None = None
    reason: str | None = None
    cause: str | None = None
    cpu: str | None = None
    smp: bool | None = None
    phys_offset: int | None = None
    ram_given: str = ""
    ram: int | None = None
    lowmem: int | None = None
    highmem: int | None = None
    lost: int | None = None
    nomap: int | None = None
    free: int | None = None
    taken: dict[str, int] = field(default_factory=dict)
    cma_base: int | None = None
    cma_size: int | None = None
    table_bytes: int | None = None
    sections: int | None = None
    zones: tuple[ZoneRow, ...] = ()
    findings: tuple[FindingRow, ...] = ()
    assumptions: tuple[str, ...] = ()
    tables_hash: str | None = None
    memblock_hash: str | None = None
    seconds: float = 0.0

    @property
    def place(self) -> tuple[str, str, str]:
        """What tells rows of one sweep apart: trees, board, kernel."""
        return self.trees, self.board, self.kernel

    @property
    def answered(self) -> bool:
        """Whether there is a verdict."""
        return self.status is Status.ANSWERED

    @property
    def headline(self) -> str:
        """The verdict in words, or why there is none."""
        if not self.answered:
            return "NO ANSWER"
        if self.without_initrd:
            return "BOOTS WITHOUT ITS INITRD"
        return {"BOOTS": "BOOTS", "DIES": "DOES NOT BOOT"}.get(self.verdict or "", "UNCERTAIN")


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Row)


class Done(NamedTuple):
    """What came of a task: its rows as lines, and whether they would be the same another time.

    ``part`` is the name of the part in which its rows are, with those of others, where the worker wrote one.
    """

    lines: bytes
    lasting: bool
    part: str = ""


def row_line(row: Row) -> bytes:
    """The row as one line of JSON, with its end."""
    return _encoder.encode(row) + b"\n"


def parse_row(line: bytes) -> Row:
    """The row of a line.

    Raises:
        InputError: it is none.
    """
    try:
        row = _decoder.decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InputError(f"is no row of {SCHEMA}: {error}") from None
    if row.schema != SCHEMA:
        raise InputError(f"has the schema {row.schema!r}, expected {SCHEMA}")
    return row


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows by trees, board and kernel."""
    return sorted(rows, key=lambda row: row.place)
