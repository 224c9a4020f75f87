"""Writing an ELF core: pages at their physical addresses, and a note with what is known of the machine.

Any tool that reads cores of physical memory can load it (crash, gdb, drgn, elfcore.py here).  The note ``BOOTMAP``
is text, a line ``KEY=VALUE`` for each register and each fact of the kernel, so that the tables in the core can be
walked without a word on the command line.  Readers that do not know it pass over it.

Sources: System V ABI chapters 4 and 5 (ELF and program headers, notes).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.image.elfcore import BOOTMAP, EM_ARM, ET_CORE, PT_LOAD, PT_NOTE
from bootmap.image.facts import KernelFacts
from bootmap.units import PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IDENT = b"\x7fELF\x02\x01\x01" + bytes(9)  # 64 bits, so that no physical address is too high; little-endian
_HEADER = struct.Struct("<HHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_NOTE = struct.Struct("<III")
_READ = 4
_NUMBERS = ("page_offset", "phys_offset", "high_memory")
_TEXTS = ("version", "cpu", "machine", "arch")
_ASSUMED = "assumed"


def core_file(
    pages: Mapping[int, bytes], registers: Mapping[str, int], kernel: KernelFacts, assumptions: Sequence[str] = ()
) -> bytes:
    """The bytes of a core.

    Args:
        pages: bytes by physical address; what touches is put into one segment.
        registers: values by their names in the architecture, for the note.
        kernel: what is known of the kernel, for the note; its symbols are left out.
        assumptions: what was taken for what was not given, for the note, so that it is not forgotten.

    Raises:
        ValueError: there are no pages, two overlap, or they make more segments than a core can have.
    """
    loads: list[tuple[int, list[bytes], int]] = []
    for start, data in sorted(pages.items()):
        if loads and start < loads[-1][2]:
            raise ValueError(f"two pages overlap at {start:#x}")
        if loads and start == loads[-1][2]:
            first, parts, _ = loads.pop()
            loads.append((first, [*parts, data], start + len(data)))
        else:
            loads.append((start, [data], start + len(data)))
    if not 0 < len(loads) < 0xFFFF:
        raise ValueError(f"{len(loads)} segments, expected 1 to 65534")
    note = _note(_saved(registers, kernel, assumptions))
    count = len(loads) + 1
    offset = len(_IDENT) + _HEADER.size
    note_at = offset + count * _PROGRAM.size
    at = align_up(note_at + len(note), PAGE_SIZE)
    programs = [_PROGRAM.pack(PT_NOTE, 0, note_at, 0, 0, len(note), len(note), 4)]
    for start, parts, end in loads:
        size = sum(map(len, parts))
        programs.append(_PROGRAM.pack(PT_LOAD, _READ, at, 0, start, size, end - start, PAGE_SIZE))
        at += size
    header = _HEADER.pack(ET_CORE, EM_ARM, 1, 0, offset, 0, 0, offset, _PROGRAM.size, count, 0, 0, 0)
    head = b"".join((_IDENT, header, *programs, note))
    return b"".join(
        (head.ljust(align_up(len(head), PAGE_SIZE), b"\0"), *(part for _, parts, _ in loads for part in parts))
    )


def saved_registers(saved: Mapping[str, str]) -> dict[str, int]:
    """The registers of the note, those that are numbers; empty where there is none."""
    names = set(KernelFacts.__struct_fields__)
    names_of = [key for key in saved if key.lower() not in names and not key.startswith(_ASSUMED)]
    return {key: int(saved[key], 16) for key in names_of if _is_hex(saved[key])}


def saved_facts(saved: Mapping[str, str]) -> KernelFacts:
    """The kernel's facts of the note."""
    numbers = {name: int(saved[name], 16) if _is_hex(saved.get(name, "")) else None for name in _NUMBERS}
    texts = {name: saved.get(name) for name in _TEXTS}
    return replace(KernelFacts(), **numbers, **texts)


def saved_assumptions(saved: Mapping[str, str]) -> tuple[str, ...]:
    """What had been taken for what was not given when the core was written."""
    return tuple(value for key, value in saved.items() if key.startswith(_ASSUMED))


def _saved(registers: Mapping[str, int], kernel: KernelFacts, assumptions: Sequence[str]) -> str:
    lines = [f"{name}={getattr(kernel, name)}" for name in _TEXTS if getattr(kernel, name) is not None]
    lines += [f"{name}={getattr(kernel, name):#x}" for name in _NUMBERS if getattr(kernel, name) is not None]
    lines += [f"{name}={value:#x}" for name, value in registers.items()]
    lines += [f"{_ASSUMED}{number}={' '.join(text.split())}" for number, text in enumerate(assumptions)]
    return "\n".join(lines) + "\n"


def _is_hex(text: str) -> bool:
    try:
        return 0 <= int(text, 16) < 1 << 64
    except ValueError:
        return False


def _note(text: str) -> bytes:
    name, content = BOOTMAP + b"\0", text.encode("ascii", "replace")
    head = _NOTE.pack(len(name), len(content), 1)
    return head + name.ljust(align_up(len(name), 4), b"\0") + content.ljust(align_up(len(content), 4), b"\0")
