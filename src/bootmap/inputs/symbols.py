"""Kernel symbols: System.map (also ``nm`` output and /proc/kallsyms, which have the same form).

A name can stand there more than once: local symbols of different files share names.  The mapping gives the
global one, else the one with the lowest address; ``all`` gives every one with its type.

Source: nm(1) for the types; scripts/mksysmap; kernel/kallsyms.c ``s_show``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from bootmap.errors import SymbolsError
from bootmap.inputs.fs import file_name, read_file
from bootmap.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

MAX_SIZE = 64 * MIB
FLAG = "--system-map"

# "c0204000 A swapper_pg_dir", a module's name may follow; undefined symbols have no address
_LINE = re.compile(rb"([0-9a-fA-F]{8}|[0-9a-fA-F]{16}| +) ([A-Za-z?-]) (\S+)(?:[ \t]\[\S+\])?\s*")
# A file of nothing but plain lines, checked in one go; possessive, so that no input makes it slow.
_PLAIN = re.compile(rb"(?:[0-9a-f]{8} [A-Za-z] [^ \t\r\n]++\n)*+")
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
    """Name -> virtual address; see the module's docstring for names that occur more than once."""

    __slots__ = ("_addresses", "_duplicates", "_types", "file")

    def __init__(self, symbols: Iterable[tuple[str, int, str]], *, file: str | None = None) -> None:
        """Take ``(name, address, type letter)`` triples in any order; ``file`` is named in errors."""
        self.file = file
        addresses: dict[str, int] = {}
        types: dict[str, str] = {}
        duplicates: dict[str, list[Symbol]] = {}
        for name, address, kind in symbols:
            if name not in addresses:
                addresses[name] = address
                types[name] = kind
                continue
            known = duplicates.setdefault(name, [Symbol(name, addresses[name], types[name])])
            known.append(Symbol(name, address, kind))
        for name, known in duplicates.items():
            known.sort(key=lambda symbol: (not symbol.is_global, symbol.address))
            addresses[name], types[name] = known[0].address, known[0].type
        self._addresses = addresses
        self._types = types
        self._duplicates = duplicates

    def __getitem__(self, name: str) -> int:
        return self._addresses[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._addresses)

    def __len__(self) -> int:
        return len(self._addresses)

    def __contains__(self, name: object) -> bool:
        return name in self._addresses

    def __repr__(self) -> str:
        return f"<Symbols of {self.file or 'no file'}, {len(self)} names>"

    def all(self, name: str) -> tuple[Symbol, ...]:
        """Every symbol of that name, the one that the mapping gives first."""
        if name in self._duplicates:
            return tuple(self._duplicates[name])
        if name in self._addresses:
            return (Symbol(name, self._addresses[name], self._types[name]),)
        return ()

    def type(self, name: str) -> str:
        """The type letter of the symbol that the mapping gives.

        Raises:
            KeyError: there is none.
        """
        return self._types[name]

    def require(self, *names: str) -> tuple[int, ...]:
        """The addresses of ``names``, in their order.

        Raises:
            SymbolsError: at least one is absent; the message names all that are, and the flag.
        """
        missing = [name for name in names if name not in self._addresses]
        if missing:
            plural = "s" if len(missing) > 1 else ""
            raise SymbolsError(
                f"lacks the symbol{plural} {', '.join(missing)}; give the System.map of exactly this kernel "
                f"with {FLAG}",
                file=self.file,
            )
        return tuple(self._addresses[name] for name in names)


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
    if data and _PLAIN.fullmatch(data):
        fields = data.decode("latin-1").split()
        addresses = [int(text, 16) for text in fields[0::3]]
        symbols: Iterable[tuple[str, int, str]] = zip(fields[2::3], addresses, fields[1::3], strict=True)
        if not any(addresses):
            raise _all_zero(file)
        return Symbols(symbols, file=file)
    return Symbols(_slow_lines(data, file), file=file)


def read_system_map(path: str | Path) -> Symbols:
    """Read a System.map file (gzip is undone).

    Raises:
        InputError: the file cannot be read; a SymbolsError where it is not what it should be.
    """
    return parse(read_file(path, MAX_SIZE, gunzip=True), file=file_name(path))


def _slow_lines(data: bytes, file: str | None) -> list[tuple[str, int, str]]:
    """Line by line: for kallsyms, undefined symbols, and to say which line is wrong."""
    found: list[tuple[str, int, str]] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
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
        found.append((name, int(address, 16), kind))
    if not found:
        raise SymbolsError("holds no symbols; a System.map was expected", file=file)
    if not any(address for _, address, _ in found):
        raise _all_zero(file)
    return found


def _all_zero(file: str | None) -> SymbolsError:
    return SymbolsError("every address is 0: the kernel hides them from this user (kernel.kptr_restrict)", file=file)
