"""UEFI's memory map, as the kernel's debug lines, a shell's ``memmap`` or U-Boot's ``efidebug`` have it.

    efi:   0x000040000000-0x000040202fff [Conventional|   |  |...|WB|  |  |  ]      the kernel with efi=debug
    Available  0000000040000000-0000000040202FFF 0000000000000203 000000000000000F  the EFI shell's memmap
    CONVENTIONAL      0000000040000000-0000000040203000 WB                          U-Boot's efidebug memmap

The kernel's lines also tell of tables that it reserves (MEMATTR, MEMRESERVE) and where the map itself lies.  The map
that counts is the one at ExitBootServices: one printed before by a shell lacks what the stub allocates after.
"""

from __future__ import annotations

import re
from itertools import islice

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.facts.linux import efi
from bootmap.shown import Shown

_KERNEL = re.compile(
    r"\befi:?\s(?:[^\[\]]{0,80}\s)??0x([0-9a-f]{8,16})-0x([0-9a-f]{8,16})\s{1,16}\[([\w =]{1,40})\|([^\]]{0,120})\]"
)
_SHELL = re.compile(
    r"^\s*+(\w++)\s+([0-9A-Fa-f]{8,16})-([0-9A-Fa-f]{8,16})\s+([0-9A-Fa-f]{8,16})\s+([0-9A-Fa-f]{8,16})"
)
_UBOOT = re.compile(r"^([A-Z]++(?: [A-Z]++)*)\s++([0-9a-f]{8,16})-([0-9a-f]{8,16})\s+([A-Z|]+)\s*$")
_MAP_AT = re.compile(r"efi:\s+MemMap Address\s+: 0x([0-9a-f]{1,16})\b")
_MAP_SIZE = re.compile(r"efi:\s+MemMap Size\s+: 0x([0-9a-f]{1,16})\b")
_TABLE = re.compile(r"\b(MEMATTR|MEMRESERVE)=0x([0-9a-f]{1,16})\b")
_RESERVED = re.compile(
    r"memblock_reserve: \[(?:mem )?0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\] (efi_memattr_init|efi_config_parse_tables)"
)
_NUMBERED = re.compile(r"type=(\d{1,10})")  # how the kernel prints one that it has no name for
_LONGEST_LINE = 4096
_MOST_ROWS = 4096  # firmware has some hundred at most; each is a region that memblock may have to insert
_MOST_TABLES = 64
_FLAGS = {"RUN": efi.RUNTIME, "RT": efi.RUNTIME, "WB": efi.WB, "WT": efi.WT, "WC": efi.WC, "UC": efi.UC}
_MOST = 4 << 20


class EfiDescriptor(Struct, frozen=True):
    """One row: ``size`` bytes at ``start``, of a type and with attributes as the specification numbers them."""

    kind: int
    start: int
    size: int
    attributes: int

    @property
    def end(self) -> int:
        """Behind its last byte."""
        return self.start + self.size

    @property
    def name(self) -> str:
        """The type as the kernel prints it."""
        return efi.TYPES[self.kind] if self.kind < len(efi.TYPES) else f"type={self.kind}"


class EfiMap(Shown, Struct, frozen=True):
    """The map, and what Linux reserves besides.

    Attributes:
        rows: in the map's order.
        at: physical address of the map itself; None where not known.
        size: bytes of it.
        tables: (start, bytes, name) of tables that Linux reserves, in its order.
        initrd: (start, bytes) of a ramdisk that a table tells of; None for none.
    """

    rows: tuple[EfiDescriptor, ...]
    at: int | None = None
    size: int = 0
    tables: tuple[tuple[int, int, str], ...] = ()
    initrd: tuple[int, int] | None = None


def parse(text: str) -> EfiMap:
    """Read a map from text.

    Raises:
        InputError: there is none in it, or a row makes no sense.
    """
    if len(text) > _MOST:
        raise InputError(f"{len(text)} bytes: a memory map has some thousand")
    rows = [row for number, line in enumerate(text.splitlines(), 1) if (row := _row(line, number)) is not None]
    if len(rows) > _MOST_ROWS:
        raise InputError(f"has {len(rows)} rows: a memory map has some hundred")
    if not rows:
        raise InputError(
            "holds no UEFI memory map; expected the kernel's 'efi:' lines (efi=debug), the EFI shell's memmap, or "
            "U-Boot's efidebug memmap"
        )
    at, size = _MAP_AT.search(text), _MAP_SIZE.search(text)
    return EfiMap(tuple(rows), int(at[1], 16) if at else None, int(size[1], 16) if size else 0, _tables(text))


def _row(line: str, number: int) -> EfiDescriptor | None:
    if len(line) > _LONGEST_LINE:
        return None
    if found := _KERNEL.search(line):
        first, last, kind, flags = found.groups()
        names = [name.strip() for name in flags.split("|")]
        return _made(_kind(efi.TYPES, kind.strip(), number), first, int(last, 16) + 1, _attributes(names), number)
    if found := _SHELL.match(line):
        kind, first, last, pages, attributes = found.groups()
        row = _made(_kind(efi.SHELL_TYPES, kind, number), first, int(last, 16) + 1, int(attributes, 16), number)
        if row.size != int(pages, 16) * efi.PAGE:
            raise InputError(f"{row.size:#x} bytes are not {int(pages, 16)} pages", line=number)
        return row
    if found := _UBOOT.match(line):
        kind, first, last, flags = found.groups()
        if kind not in efi.UBOOT_TYPES:
            return None
        return _made(efi.UBOOT_TYPES.index(kind), first, int(last, 16), _attributes(flags.split("|")), number)
    return None


def _kind(names: tuple[str, ...], name: str, line: int) -> int:
    if found := _NUMBERED.fullmatch(name):
        return int(found[1])
    if name not in names:
        raise InputError(f"{name!r} is no type of memory; {', '.join(names)} are", line=line)
    return names.index(name)


def _attributes(names: list[str]) -> int:
    value = 0
    for name in names:
        value |= _FLAGS.get(name, 0)
    return value


def _made(kind: int, first: str, end: int, attributes: int, line: int) -> EfiDescriptor:
    start = int(first, 16)
    if end <= start or start % efi.PAGE or end % efi.PAGE:
        raise InputError(f"{start:#x}-{end:#x} is no range of whole pages", line=line)
    return EfiDescriptor(kind, start, end - start, attributes)


def _tables(text: str) -> tuple[tuple[int, int, str], ...]:
    """Reserved tables: exact where memblock=debug says them, else as small as they can be."""
    told = list(islice(dict.fromkeys(_RESERVED.findall(text)), _MOST_TABLES))
    exact = [(int(first, 16), int(last, 16) + 1 - int(first, 16), by) for first, last, by in told]
    if exact:
        return tuple((start, size, f"a UEFI table ({by})") for start, size, by in exact)
    least = {"MEMATTR": efi.MEMATTR_HEADER, "MEMRESERVE": 12}
    named = islice(dict.fromkeys(_TABLE.findall(text)), _MOST_TABLES)
    return tuple((int(at, 16), least[name], f"the {name} table") for name, at in named)
