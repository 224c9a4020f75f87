"""Kernel symbols: System.map (also ``nm`` output and /proc/kallsyms, which have the same form).

A name can stand there more than once: local symbols of different files share names.  The mapping gives the
global one, else the one with the lowest address; ``all`` gives every one with its type.

Source: nm(1) for the types; scripts/mksysmap; kernel/kallsyms.c ``s_show``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar, overload

from bootmap.errors import SymbolsError
from bootmap.inputs.fs import file_name, read_file
from bootmap.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

_T = TypeVar("_T")

MAX_SIZE = 64 * MIB
FLAG = "--system-map"

# "c0204000 A swapper_pg_dir", a module's name may follow; undefined symbols have no address
_LINE = re.compile(rb"([0-9a-fA-F]{8}|[0-9a-fA-F]{16}| +) ([A-Za-z?-]) ([!-~]+)(?:[ \t]\[[!-~]+\])?\s*")
# A file of nothing but plain lines, checked in one go; possessive, so that no input makes it slow.
_PLAIN = re.compile(rb"(?:[0-9a-f]{8} [A-Za-z] [!-~]++\n)*")
# What nm prints for a symbol without a name; GNU ld leaves some between the functions of a Thumb-2 kernel.
_NAMELESS = re.compile(rb"[0-9a-f]{8} [A-Za-z] ")
_Columns = tuple[Sequence[str], Sequence[int], Sequence[str]]  # names, addresses, types
_STUB = re.compile(rb"\s*f+ B The real System\.map is in the (\S+) package\s*")


class Symbol(NamedTuple):
    """One symbol: name, virtual address, type letter as nm prints it (upper case for a global one)."""

    name: str
    address: int
    type: str

    @property
    def is_global(self) -> bool:
        """Whether the linker sees it from other files."""
        return self.type.isupper()


class Symbols(Mapping[str, int]):
    """Name -> virtual address; see the module's docstring for names that occur more than once.

    Three parallel columns and an index rather than an object a symbol: a kernel has a hundred thousand, of
    which a prediction asks for thirty.
    """

    __slots__ = ("_addresses", "_index", "_names", "_repeated", "_types", "file")

    def __init__(
        self, names: Sequence[str], addresses: Sequence[int], types: Sequence[str], *, file: str | None = None
    ) -> None:
        """Take the columns, in any order of symbols; ``file`` is named in errors."""
        self.file = file
        self._names, self._addresses, self._types = names, addresses, types
        self._index = index = dict(zip(names, range(len(names)), strict=True))
        self._repeated: dict[str, list[int]] = {}
        if len(index) < len(names):
            for at, name in enumerate(names):
                if index[name] != at:
                    self._repeated.setdefault(name, [index[name]]).append(at)

    def _places(self, name: str) -> list[int]:
        """Where in the columns the name stands, the symbol that the mapping gives first."""
        if name not in self._repeated:
            return [self._index[name]] if name in self._index else []
        return sorted(self._repeated[name], key=lambda at: (self._types[at].islower(), self._addresses[at]))

    def _place(self, name: str) -> int:
        return self._places(name)[0] if name in self._repeated else self._index[name]

    def __getitem__(self, name: str) -> int:
        return self._addresses[self._place(name)]

    @overload
    def get(self, name: str, /) -> int | None: ...

    @overload
    def get(self, name: str, /, default: int | _T) -> int | _T: ...

    def get(self, name: str, /, default: object = None) -> object:
        """The address, ``default`` where there is no such symbol."""
        return self._addresses[self._place(name)] if name in self._index else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __repr__(self) -> str:
        return f"<Symbols of {self.file or 'no file'}, {len(self)} names>"

    def all(self, name: str) -> tuple[Symbol, ...]:
        """Every symbol of that name, the one that the mapping gives first."""
        return tuple(Symbol(name, self._addresses[at], self._types[at]) for at in self._places(name))

    def type(self, name: str) -> str:
        """The type letter of the symbol that the mapping gives.

        Raises:
            KeyError: there is none.
        """
        return self._types[self._place(name)]

    def extended(self, found: Mapping[str, int]) -> Symbols:
        """These symbols, and of ``found`` those whose names they lack, as global data."""
        new = {name: address for name, address in found.items() if name not in self._index}
        return Symbols(
            [*self._names, *new], [*self._addresses, *new.values()], [*self._types, *"D" * len(new)], file=self.file
        )

    def require(self, *names: str) -> tuple[int, ...]:
        """The addresses of ``names``, in their order.

        Raises:
            SymbolsError: at least one is absent; the message names all that are, and the flag.
        """
        missing = [name for name in names if name not in self._index]
        if missing:
            plural = "s" if len(missing) > 1 else ""
            raise SymbolsError(
                f"lacks the symbol{plural} {', '.join(missing)}; give the System.map of exactly this kernel "
                f"with {FLAG}",
                file=self.file,
            )
        return tuple(self[name] for name in names)


def parse(data: bytes, *, file: str | None = None) -> Symbols:
    """Read a System.map.

    Raises:
        SymbolsError: a line that is no symbol, 64-bit addresses, no symbol at all, addresses that are all
            zero (/proc/kallsyms read without the right to), or the stub that Debian ships in its place.
    """
    if stub := _STUB.fullmatch(data[:512]):
        package = stub[1].decode("latin-1")
        raise SymbolsError(
            f"is a stub without symbols: the real System.map is in the package {package} "
            f"(usr/lib/debug/boot/); give that one with {FLAG}",
            file=file,
            line=1,
        )
    names, addresses, types = _plain_columns(data) or _columns_by_line(data, file)
    if not any(addresses):
        raise SymbolsError("every address is 0: the kernel hides them from this user (kernel.kptr_restrict)", file=file)
    return Symbols(names, addresses, types, file=file)


def read_system_map(path: str | Path) -> Symbols:
    """Read a System.map file (gzip is undone).

    Raises:
        InputError: the file cannot be read; a SymbolsError where it is not what it should be.
    """
    return parse(read_file(path, MAX_SIZE, gunzip=True), file=file_name(path))


def _plain_columns(data: bytes) -> _Columns | None:
    """The fast path, for what ``scripts/mksysmap`` writes; None where there is anything else in the file."""
    if not data or not _PLAIN.fullmatch(data):
        return None
    fields = data.decode("latin-1").split()
    addresses = bytes.fromhex("".join(fields[0::3]))
    return fields[2::3], struct.unpack(f">{len(addresses) // 4}I", addresses), fields[1::3]


def _columns_by_line(data: bytes, file: str | None) -> _Columns:
    """Line by line: for kallsyms, undefined symbols, and to say which line is wrong."""
    names: list[str] = []
    addresses: list[int] = []
    types: list[str] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            if _NAMELESS.fullmatch(line):
                continue
            shown = line[:40].decode("latin-1")
            raise SymbolsError(
                f"expected 'ADDRESS TYPE NAME' with eight hexadecimal digits, found {shown!r}",
                file=file,
                line=number,
            )
        address, kind, name = match[1], match[2].decode("ascii"), match[3].decode("latin-1")
        if address.isspace():
            continue  # undefined in this file: a weak reference that nothing satisfied
        if len(address) != 8:
            raise SymbolsError(
                "addresses have 64 bits; the System.map of a 32-bit ARM kernel was expected",
                file=file,
                line=number,
            )
        names.append(name)
        addresses.append(int(address, 16))
        types.append(kind)
    if not names:
        raise SymbolsError("holds no symbols; a System.map was expected", file=file)
    return names, addresses, types
