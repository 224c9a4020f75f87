"""ELF cores that hold physical memory: QEMU's dump-guest-memory, the kernel's /proc/vmcore, makedumpfile -E.

Each PT_LOAD is a range of physical memory at ``p_paddr``.  The notes give the core registers of every CPU
and, where a kernel wrote the dump or told QEMU (``-device vmcoreinfo``), the text VMCOREINFO with a few
symbols.  Written apart from pyelftools, because a dump is hostile input and must be bounded; the tests compare
the two.  Not here: kdump-compressed files, and the system registers, which no core holds.

Sources: System V ABI chapter 5 (program header); Linux include/uapi/linux/elf.h (PN_XNUM, notes),
include/linux/elfcore-32.h and arch/arm/include/uapi/asm/ptrace.h (the layout of NT_PRSTATUS on ARM).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from bootmap.errors import ImageError
from bootmap.image.files import FileMemory, MappedFile
from bootmap.image.pieces import Piece, shortened
from bootmap.units import PAGE_SIZE, align_up, size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ET_CORE = 4
EM_ARM = 40
PT_LOAD, PT_NOTE = 1, 4
PN_XNUM = 0xFFFF
NT_PRSTATUS = 1
VMCOREINFO, BOOTMAP = b"VMCOREINFO", b"BOOTMAP"  # names of notes that are text

_MAX_HEADERS = 1 << 20
_MAX_NOTES = 4096
_MAX_NOTE_BYTES = 1 << 20
_ABSENT_PADDR = {4: 0xFFFF_FFFF, 8: 0xFFFF_FFFF_FFFF_FFFF}  # /proc/kcore: not in the linear map

# struct elf_prstatus of a 32-bit ARM kernel: 72 bytes of signal and process state, then the registers.
_PRSTATUS_REGISTERS = 72
_CORE_REGISTERS = (*(f"r{n}" for n in range(13)), "sp", "lr", "pc", "cpsr")


class _Layout(NamedTuple):
    """Where the fields are, by class: ELF header after e_ident, program header, section header."""

    header: str
    program: str
    section: str
    address_bytes: int


_LAYOUTS = {1: _Layout("HHIIIIIHHHHHH", "8I", "10I", 4), 2: _Layout("HHIQQQIHHHHHH", "2I6Q", "2I4Q2I2Q", 8)}
_ORDERS = {1: "<", 2: ">"}


class _Program(NamedTuple):
    type: int
    offset: int
    paddr: int
    filesz: int
    memsz: int


class CoreMemory(FileMemory):
    """The memory of an ELF core.

    Attributes:
        machine: ELF machine number; 40 is ARM.
        cpus: for each CPU that left a note, its core registers by name (``r0`` ... ``pc``, ``cpsr``).
        vmcoreinfo: the lines ``KEY=VALUE`` of VMCOREINFO, empty where there is none.
        saved: the same of bootmap's own note (core_file), empty where there is none.
    """

    def __init__(
        self,
        file: MappedFile,
        pieces: Iterable[Piece],
        problems: Iterable[str],
        *,
        machine: int,
        cpus: tuple[Mapping[str, int], ...],
        vmcoreinfo: Mapping[str, str],
        saved: Mapping[str, str],
    ) -> None:
        super().__init__([file], pieces, problems)
        self.machine = machine
        self.cpus = cpus
        self.vmcoreinfo = vmcoreinfo
        self.saved = saved


def open_core(path: str) -> CoreMemory:
    """Map the ELF core ``path``.  What a truncated file still holds is held; the rest is told as a problem.

    Raises:
        ImageError: the file cannot be mapped, is not an ELF core, or holds no physical memory.
    """
    file = MappedFile(path)
    try:
        return _read_core(file)
    except BaseException:
        file.close()
        raise


def _read_core(file: MappedFile) -> CoreMemory:
    ident = bytes(file.data[:16])
    if len(ident) < 16 or ident[:4] != b"\x7fELF":
        raise ImageError("not an ELF file: the magic 7f 45 4c 46 is missing", file=file.name, offset=0)
    if ident[4] not in _LAYOUTS or ident[5] not in _ORDERS:
        raise ImageError(f"ELF class {ident[4]}, byte order {ident[5]}: expected 1 or 2 each", file=file.name, offset=4)
    layout, order = _LAYOUTS[ident[4]], _ORDERS[ident[5]]
    header = struct.Struct(order + layout.header)
    if len(file) < 16 + header.size:
        raise ImageError(f"{len(file)} bytes are too few for an ELF header", file=file.name, offset=0)
    kind, machine, _, _, phoff, shoff, _, _, phentsize, phnum, *_ = header.unpack_from(file.data, 16)
    if kind != ET_CORE:
        raise ImageError(f"ELF type {kind}, expected {ET_CORE}: this is not a core dump", file=file.name, offset=16)
    problems: list[str] = []
    program = struct.Struct(order + layout.program)
    if phentsize != program.size:
        raise ImageError(f"program headers of {phentsize} bytes, expected {program.size}", file=file.name)
    if phnum == PN_XNUM:
        phnum = _extended_count(file, struct.Struct(order + layout.section), shoff)
    headers = list(_programs(file, program, phoff, phnum, problems))
    pieces = _pieces(file, headers, layout.address_bytes, problems)
    if not any(len(piece.data) for piece in pieces):
        raise ImageError("; ".join(problems) or "holds no physical memory (no PT_LOAD)", file=file.name)
    cpus, vmcoreinfo, saved = _notes(file, headers, order)
    return CoreMemory(file, pieces, problems, machine=machine, cpus=cpus, vmcoreinfo=vmcoreinfo, saved=saved)


def _extended_count(file: MappedFile, section: struct.Struct, shoff: int) -> int:
    """More than 65534 program headers: their number is in sh_info of section 0."""
    if not 0 < shoff <= len(file) - section.size:
        raise ImageError("e_phnum is PN_XNUM, but section header 0, which has the count, is outside", file=file.name)
    count: int = section.unpack_from(file.data, shoff)[7]
    return count


def _programs(
    file: MappedFile, program: struct.Struct, phoff: int, count: int, problems: list[str]
) -> Iterator[_Program]:
    room = max(0, len(file) - phoff) // program.size
    readable = min(count, room, _MAX_HEADERS)
    if readable < count:
        why = f"at most {_MAX_HEADERS} are read" if readable == _MAX_HEADERS else "the file ends before the others"
        problems.append(f"{file.name}: offset {phoff:#x}: {readable} of {count} program headers: {why}")
    end = phoff + readable * program.size
    for row in program.iter_unpack(file.data[phoff:end] if readable else b""):
        if program.size == 32:  # Elf32_Phdr: type offset vaddr paddr filesz memsz flags align
            yield _Program(row[0], row[1], row[3], row[4], row[5])
        else:  # Elf64_Phdr: type flags offset vaddr paddr filesz memsz align
            yield _Program(row[0], row[2], row[4], row[5], row[6])


def _pieces(file: MappedFile, headers: list[_Program], address_bytes: int, problems: list[str]) -> list[Piece]:
    loads = [header for header in headers if header.type == PT_LOAD and header.memsz]
    if len(loads) > 1 and not any(load.paddr for load in loads):
        raise ImageError("every p_paddr is 0: a core of a process, which holds no physical memory", file=file.name)
    pieces, truncated, left_out = [], [], 0
    for load in loads:
        if load.paddr == _ABSENT_PADDR[address_bytes]:
            continue
        data = file.data[load.offset : load.offset + load.filesz]
        if len(data) < load.filesz:
            truncated.append(
                f"{file.name}: offset {load.offset:#x}: truncated: {len(data):#x} of {load.filesz:#x} bytes "
                f"from physical {load.paddr:#010x} on are there"
            )
        left_out += max(0, load.memsz - load.filesz)
        pieces.append(Piece(load.paddr, data, file.name))
    problems += shortened(truncated)
    described = max((header.offset + header.filesz for header in headers), default=len(file))
    if len(file) - described >= PAGE_SIZE:
        # QEMU 7.2 writes a 32-bit core for any 32-bit CPU; the size of 4 GiB of RAM is then 0.
        problems.append(
            f"{file.name}: offset {described:#x}: {size_text(len(file) - described)} belong to no segment; a core of "
            "32 bits cannot describe 4 GiB or more at once: dump with QEMU's pmemsave"
        )
    if left_out:
        problems.append(f"{file.name}: {size_text(left_out)} of memory were left out of the dump (p_filesz < p_memsz)")
    return pieces


def _notes(
    file: MappedFile, headers: list[_Program], order: str
) -> tuple[tuple[Mapping[str, int], ...], Mapping[str, str], Mapping[str, str]]:
    """Core registers per CPU, VMCOREINFO, what bootmap saved; a note that does not hold together ends the reading."""
    cpus: list[Mapping[str, int]] = []
    texts: dict[bytes, dict[str, str]] = {VMCOREINFO: {}, BOOTMAP: {}}
    for header in headers:
        if header.type != PT_NOTE:
            continue
        notes = file.data[header.offset : header.offset + min(header.filesz, _MAX_NOTE_BYTES)]
        for name, kind, content in _each_note(notes, order):
            if name == b"CORE" and kind == NT_PRSTATUS and (registers := _core_registers(content, order)):
                cpus.append(registers)
            elif name in texts:
                lines = content.decode("ascii", "replace").rstrip("\0").splitlines()
                texts[name].update(
                    (key, value) for key, equals, value in (row.partition("=") for row in lines) if equals
                )
    return tuple(cpus), texts[VMCOREINFO], texts[BOOTMAP]


def _each_note(notes: memoryview, order: str) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    for _ in range(_MAX_NOTES):
        if at + 12 > len(notes):
            return
        name_size, size, kind = struct.unpack_from(order + "III", notes, at)
        name_at = at + 12
        content_at = name_at + align_up(name_size, 4)
        at = content_at + align_up(size, 4)
        if content_at + size > len(notes):
            return
        yield bytes(notes[name_at : name_at + name_size]).rstrip(b"\0"), kind, bytes(notes[content_at:][:size])


def _core_registers(content: bytes, order: str) -> Mapping[str, int] | None:
    words = struct.Struct(f"{order}{len(_CORE_REGISTERS)}I")
    if len(content) < _PRSTATUS_REGISTERS + words.size:
        return None
    return dict(zip(_CORE_REGISTERS, words.unpack_from(content, _PRSTATUS_REGISTERS), strict=True))
