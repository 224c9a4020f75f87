"""What bootmap inside gdb and inside crash share: the pages that hold page tables, handed to the command ``bootmap``.

Needs Python's own library only: a debugger's Python is not bootmap's.
"""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = 4096
EAE = 1 << 31  # TTBCR: long descriptors (DDI 0406C B4.1.153)
BASE_40 = 0xFF_FFFF_F000
ELF_HEADER, ELF_SEGMENT = struct.Struct("<16sHHIIIIIHHHHHH"), struct.Struct("<8I")
ET_CORE, EM_ARM, PT_LOAD = 4, 40, 1


class RefusedError(Exception):
    """bootmap said no, or cannot be run; the text is one line for the user."""


def table_pages(read_page: Callable[[int], bytes], ttbr: Sequence[int], ttbcr: int) -> dict[int, bytes]:
    """Every page that holds a translation table, by physical address; what cannot be read is left out.

    Args:
        read_page: the 4 KiB at a physical address, b"" where they cannot be read.
        ttbr: TTBR0 and TTBR1.
        ttbcr: TTBCR.
    """
    pages: dict[int, bytes] = {}

    def read(address: int) -> bytes:
        page = address & BASE_40
        if page >> 32:
            return b""  # the kernel's tables are in lowmem
        if page not in pages:
            content = read_page(page)
            if not content:
                return b""
            pages[page] = content
        return pages[page]

    if ttbcr & EAE:
        tables: set[int] = set()
        for base, size in zip(ttbr, (ttbcr & 7, ttbcr >> 16 & 7), strict=True):
            if size >= 2:  # TnSZ: the walk begins at level 2
                tables.add(base & BASE_40)
            else:
                offset = base & (PAGE - 1) & ~31
                tables |= next_tables(read(base)[offset : offset + 32])
        for last in [last for table in tables for last in next_tables(read(table))]:
            read(last)
        return pages
    split = ttbcr & 7
    roots = [(ttbr[0], 0x4000 >> split)] + ([(ttbr[1], 0x4000)] if split else [])
    for base, size in roots:
        start = base & ~(size - 1)
        for page in range(start & ~(PAGE - 1), start + size, PAGE):
            for (word,) in struct.iter_unpack("<I", read(page)):
                if word & 3 == 1:
                    read(word & ~0x3FF)
    return pages


def next_tables(words: bytes) -> set[int]:
    """The tables that long descriptors name."""
    return {word & BASE_40 for (word,) in struct.iter_unpack("<Q", words) if word & 3 == 3}


def core_file(parts: dict[int, bytes]) -> bytes:
    """Parts of physical memory as an ELF core: one segment each, at its physical address."""
    head = ELF_HEADER.pack(
        b"\x7fELF\x01\x01\x01",
        ET_CORE,
        EM_ARM,
        1,
        0,
        ELF_HEADER.size,
        0,
        0,
        ELF_HEADER.size,
        ELF_SEGMENT.size,
        len(parts),
        0,
        0,
        0,
    )
    offset, segments = ELF_HEADER.size + len(parts) * ELF_SEGMENT.size, []
    for address in sorted(parts):
        size = len(parts[address])
        segments.append(ELF_SEGMENT.pack(PT_LOAD, offset, 0, address, size, size, 4, 1))
        offset += size
    return b"".join([head, *segments, *(parts[address] for address in sorted(parts))])


def ask(
    program: Sequence[str],
    words: Sequence[str],
    columns: int,
    hint: str,
    pages: dict[int, bytes] | None = None,
    called: str = "",
) -> tuple[str, str]:
    """Run bootmap: what it says, and what it says on standard error; exit code 1 is an answer, too.

    Args:
        program: the command ``bootmap``, as words.
        words: its arguments.
        columns: as wide as its lines may be.
        hint: what to do where there is no such program.
        pages: what its subcommand, the first of ``words``, is to read.
        called: what it calls these pages.

    Raises:
        RefusedError: it cannot be run, or refuses.
    """
    if pages is not None:
        with tempfile.NamedTemporaryFile(prefix="bootmap-", suffix=".elf") as file:
            file.write(core_file(pages))
            file.flush()
            try:
                said, wrong = ask(program, [words[0], file.name, *words[1:]], columns, hint)
            except RefusedError as error:
                raise RefusedError(str(error).replace(file.name, called)) from None
            return said.replace(file.name, called), wrong.replace(file.name, called)
    # The debugger's Python is not bootmap's.
    here = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    here["COLUMNS"] = str(columns)
    try:
        done = subprocess.run(
            [*program, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=here, check=False
        )
    except OSError as error:
        raise RefusedError(f"bootmap: {program[0]} cannot be run ({error.strerror}); {hint}") from None
    if done.returncode > 1:
        wrong = done.stderr.strip()
        raise RefusedError(f"bootmap: {wrong.rpartition('Error: ')[2]}" if wrong.startswith("Usage:") else wrong)
    return done.stdout, done.stderr
