"""vmlinux: the symbols, the extent of the image, the banner and the IKCONFIG of an unstripped kernel.

Own code rather than a library's, for three reasons: a vmlinux with debug information has hundreds of
megabytes of which a few are wanted, its symbol table has a hundred thousand entries that must not each become
an object, and hostile bytes must end in one kind of error.  Only what a linked 32-bit ARM kernel has is read.

Source: ELF specification (TIS 1.2) for the layouts; ELF for the ARM Architecture (IHI 0044) for the bit 0 of
Thumb functions and the mapping symbols; nm(1) for the type letters.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from bootmap.errors import ImageError, InputError
from bootmap.inputs.fs import file_name, read_file
from bootmap.inputs.kernel_file import FilePiece, KernelFile, identify
from bootmap.inputs.symbols import Symbols
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"\x7fELF"
MAX_IMAGE = 256 * MIB
_MAX_TABLE = 128 * MIB  # symbol table or its strings

_HEADER = struct.Struct("<16s2H5I6H")
_SECTION = struct.Struct("<10I")
_SEGMENT = struct.Struct("<8I")
_SYMBOL = struct.Struct("<3I2BH")

_CLASS_32, _DATA_LITTLE, _TYPE_EXEC, _MACHINE_ARM = 1, 1, 2, 40
_TYPES = {1: "a relocatable object or a module", 3: "a shared object", 4: "a core dump"}
_SHT_SYMTAB, _SHT_NOBITS = 2, 8
_SHF_WRITE, _SHF_ALLOC, _SHF_EXEC = 1, 2, 4
_SHN_UNDEF, _SHN_ABS, _SHN_COMMON = 0, 0xFFF1, 0xFFF2
_STT_OBJECT, _STT_FUNC, _STT_SECTION, _STT_FILE = 1, 2, 3, 4
_REUSE = 8  # names may share their ends, but many long ones in few bytes are a trap
_DOLLAR = b"$"  # begins the mapping symbols $a, $d and $t
_STB_LOCAL, _STB_WEAK = 0, 2
_PT_LOAD = 1


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class _Segment(NamedTuple):
    type: int
    offset: int
    vaddr: int
    paddr: int
    file_size: int
    memory_size: int
    flags: int
    alignment: int


class _Tables(NamedTuple):
    sections: list[_Section]
    loads: list[_Segment]


def read_vmlinux(path: str | Path) -> KernelFile:
    """Read a vmlinux; only the parts that are wanted are brought into memory.

    Raises:
        InputError: the file cannot be read; an ImageError where it is no 32-bit ARM kernel, and a
            ConfigError or SymbolsError where those parts of it are damaged.
    """
    name = file_name(path)
    try:
        if not os.path.isfile(path) or not os.path.getsize(path):
            return parse_vmlinux(read_file(path, MAX_IMAGE), name)  # a pipe; or it says what is wrong
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return replace(parse_vmlinux(mapped, name), pieces=_pieces(mapped))
    except InputError as error:
        raise error.in_file(name) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=name) from None


def parse_vmlinux(data: bytes | mmap.mmap, name: str) -> KernelFile:
    """The same from bytes; ``name`` goes into the result and into errors."""
    tables = _parse_tables(data)
    spans = [(segment.offset, segment.offset + segment.file_size) for segment in tables.loads]
    identity = identify(data, name, spans)
    symbols = _parse_symbols(data, tables, name)
    start = min(segment.paddr for segment in tables.loads)
    bss_size = None
    if "__bss_start" in symbols and "__bss_stop" in symbols:
        bss_size = symbols["__bss_stop"] - symbols["__bss_start"]
    return KernelFile(
        kind="vmlinux",
        path=name,
        release=identity.release,
        version=identity.version,
        banner=identity.banner,
        config=identity.config,
        symbols=symbols or None,
        image_size=max(segment.paddr + segment.file_size for segment in tables.loads) - start,
        bss_size=bss_size,
    )


def _pieces(data: mmap.mmap) -> tuple[FilePiece, ...]:
    """Where the parts of the kernel are; the vectors have an address of their own, but lie behind the code."""
    loads = _parse_tables(data).loads
    start = min(segment.paddr for segment in loads)
    return tuple(FilePiece(segment.paddr - start, segment.offset, segment.file_size) for segment in loads)


def _parse_tables(data: bytes | mmap.mmap) -> _Tables:
    """The section headers and the loadable segments of a linked ARM kernel."""
    if len(data) < _HEADER.size:
        raise ImageError(f"an ELF header has {_HEADER.size} bytes, found {len(data)}", offset=0)
    (ident, kind, machine, _, _, segments_at, sections_at, _, _, segment_size, segments, section_size, sections, _) = (
        _HEADER.unpack_from(data)
    )
    if not ident.startswith(MAGIC):
        raise ImageError("is not an ELF file", offset=0)
    if machine != _MACHINE_ARM or ident[4] != _CLASS_32:
        bits = {1: "32", 2: "64"}.get(ident[4], "?")
        raise ImageError(f"is for ELF machine {machine}, {bits} bits; expected ARM (40), 32 bits", offset=18)
    if ident[5] != _DATA_LITTLE:
        raise ImageError("is big-endian; expected a little-endian kernel", offset=5)
    if kind != _TYPE_EXEC:
        raise ImageError(f"is {_TYPES.get(kind, f'of ELF type {kind}')}; expected a linked vmlinux", offset=16)
    loads = [
        segment
        for segment in map(_Segment._make, _rows(data, segments_at, segments, segment_size, _SEGMENT, "program"))
        if segment.type == _PT_LOAD and segment.file_size
    ]
    if not loads:
        raise ImageError("has nothing to load; expected a linked vmlinux", offset=segments_at)
    for segment in loads:
        _check_inside(data, segment.offset, segment.file_size, "segment")
    total = sum(segment.file_size for segment in loads)
    if total > MAX_IMAGE:
        raise ImageError(f"has {total:#x} bytes to load, the limit is {size_text(MAX_IMAGE)}")
    rows = _rows(data, sections_at, sections, section_size, _SECTION, "section")
    return _Tables([_Section._make(row) for row in rows], loads)


def _rows(
    data: bytes | mmap.mmap, at: int, count: int, size: int, layout: struct.Struct, what: str
) -> Iterator[tuple[int, ...]]:
    if count == 0:
        return iter(())
    if size != layout.size:
        raise ImageError(f"{what} headers have {size} bytes each, expected {layout.size}", offset=at)
    _check_inside(data, at, count * size, f"table of {what} headers")
    return layout.iter_unpack(data[at : at + count * size])


def _check_inside(data: bytes | mmap.mmap, at: int, size: int, what: str) -> None:
    if at + size > len(data):
        raise ImageError(
            f"{what} is [{at:#x}, {at + size:#x}), the file has only {len(data):#x} bytes", offset=min(at, len(data))
        )


def _parse_symbols(data: bytes | mmap.mmap, tables: _Tables, file: str) -> Symbols:
    """Every defined symbol with the letter that nm gives it; mapping symbols such as $a are left out."""
    names: list[str] = []
    addresses: list[int] = []
    types: list[str] = []
    strings, rows = _symbol_table(data, tables.sections)
    room = MIB + _REUSE * len(strings)
    letters = {index: _letter(section) for index, section in enumerate(tables.sections)}
    letters[_SHN_ABS], letters[_SHN_COMMON] = "A", "C"
    for name_at, value, _, info, _, index in rows:
        kind, bind = info & 0xF, info >> 4
        if index == _SHN_UNDEF or kind in (_STT_SECTION, _STT_FILE) or not name_at:
            continue
        if strings[name_at : name_at + 1] == _DOLLAR:
            continue
        end = strings.find(b"\0", name_at)
        if end < 0:
            raise ImageError(f"symbol name at {name_at:#x} of the string table does not end")
        room -= end - name_at
        if room < 0:
            raise ImageError(f"the symbols' names are longer, taken together, than {_REUSE} times their string table")
        if bind == _STB_WEAK:
            letter = "V" if kind == _STT_OBJECT else "W"
        else:
            letter = letters.get(index, "?")
            if bind == _STB_LOCAL:
                letter = letter.lower()
        names.append(strings[name_at:end].decode("latin-1"))
        # Bit 0 of a function's value says that it is Thumb code; it is not part of the address.
        addresses.append(value & ~1 if kind == _STT_FUNC else value)
        types.append(letter)
    return Symbols(names, addresses, types, file=file)


def _symbol_table(data: bytes | mmap.mmap, sections: list[_Section]) -> tuple[bytes, Iterator[tuple[int, ...]]]:
    """The names and the raw entries of the symbol table; nothing where there is no table."""
    table = next((section for section in sections if section.type == _SHT_SYMTAB), None)
    if table is None:
        return b"", iter(())
    if table.link >= len(sections) or table.entry_size != _SYMBOL.size or table.size % _SYMBOL.size:
        raise ImageError("the symbol table's header is damaged", offset=table.offset)
    strings = sections[table.link]
    for section, what in ((table, "symbol table"), (strings, "string table")):
        if section.size > _MAX_TABLE:
            raise ImageError(f"{what}: {section.size:#x} bytes, the limit is {size_text(_MAX_TABLE)}")
        _check_inside(data, section.offset, section.size, what)
    return (
        data[strings.offset : strings.offset + strings.size],
        _SYMBOL.iter_unpack(data[table.offset : table.offset + table.size]),
    )


def _letter(section: _Section) -> str:
    """The letter of nm for a global symbol of this section."""
    if section.flags & _SHF_EXEC:
        return "T"
    if not section.flags & _SHF_ALLOC:
        return "N"
    if section.type == _SHT_NOBITS:
        return "B"
    return "D" if section.flags & _SHF_WRITE else "R"
