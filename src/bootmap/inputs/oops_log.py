"""Reader of ARM oops texts: what the kernel printed about a fault, as it stands in a log, a mail or a serial capture.

    Unable to handle kernel paging request at virtual address 7f1dd14c
    [7f1dd14c] *pgd=393ad811, *pte=3611a4df, *ppte=3611a65e
    Internal error: Oops: 80f [#1] PREEMPT

Time stamps, log levels, names of hosts, lines of others in between and lines that mail has wrapped are tolerated: each
piece is looked for by itself.  Nothing is decoded here; what the numbers mean is worked out in ``analysis.oops``.

Sources: arch/arm/mm/fault.c ``show_pte``, ``__do_kernel_fault``, ``die_kernel_fault``, ``__do_user_fault``,
``do_DataAbort``, ``do_PrefetchAbort`` (2.6.38 to 7.2), arch/arm/kernel/traps.c ``__die``, arch/arm/kernel/process.c
``__show_regs``, arch/arm/kernel/setup.c ``setup_processor``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.inputs.console import MOST_BYTES, clean, console_text, raw_lines
from bootmap.inputs.fs import file_name, read_file

MOST_OOPSES = 256

Kind = Literal["kernel", "unhandled", "prefetch", "user"]
Access = Literal["read", "write", "execute"]

_ACCESSES: dict[str, Access] = {"read": "read", "write": "write", "execute": "execute"}

_HEX = r"(?:0x)?([0-9a-f]{1,16})"
_SP = r"\s{1,80}+"
# A time stamp in the midst of what one printk continued, or what mail wrapped: spaces, newline, stamp, spaces.
_GAP = r"\s{0,80}+"
_HEAD = re.compile(
    rf"Unable{_SP}to{_SP}handle{_SP}kernel{_SP}(?P<what>NULL{_SP}pointer{_SP}dereference|paging{_SP}request|"
    rf"execution{_SP}of{_SP}memory){_SP}at{_SP}virtual{_SP}address{_GAP}(?P<kernel>[0-9a-f]{{1,8}})\b"
    rf"(?:{_SP}when{_SP}(?P<when>read|write|execute))?"
    rf"|Unhandled (?P<abort>fault|prefetch abort): (?P<name>[^()\n]{{1,60}}?){_SP}\(0x(?P<code>[0-9a-f]{{1,8}})\)"
    rf"{_SP}at{_GAP}0x(?P<at>[0-9a-f]{{1,8}})"
    rf"|unhandled page fault \((?P<signal>\d{{1,2}})\){_SP}at{_GAP}0x(?P<user>[0-9a-f]{{1,8}}),{_GAP}code"
    rf"{_GAP}0x(?P<status>[0-9a-f]{{1,8}})",
    re.ASCII,
)
_SHOW_PTE = re.compile(r"\[([0-9a-f]{8})\]\s{0,80}+\*pgd=", re.ASCII)
_ENTRY = re.compile(r"[\s,]{0,80}+\*(pgd|p4d|pud|pmd|pte|ppte)=([0-9a-f]{1,16})\b(\(bad\))?", re.ASCII)
_DIE = re.compile(r"Internal error: (?P<what>[^\n]{0,60}?): (?P<code>[0-9a-f]{1,8}) \[#\d{1,6}\](?P<flags>[^\n]{0,40})")
_PGD = re.compile(r"\bpgd = ([0-9a-f]{8}|\(ptrval\)|\(____ptrval____\))")
_PC = re.compile(r"\bpc : \[?<?([0-9a-f]{8})>?\]?\s{1,80}+lr : \[?<?([0-9a-f]{8})>?\]?")
_PC_AT = re.compile(r"\bPC is at ([^\s\[]{1,120})")
_LR_AT = re.compile(r"\bLR is at ([^\s\[]{1,120})")
_MODE = re.compile(r"\bMode ([A-Z]{3})_(?:32|26)\b")
_CONTROL = re.compile(
    r"\bControl: ([0-9a-f]{8})(?:\s{1,80}+Table: ([0-9a-f]{8})\s{1,80}+DAC: ([0-9a-f]{8}))?", re.IGNORECASE
)
_VERSION = re.compile(r"(?<![\w.+~-])([2-9]\.\d{1,3}+(?:\.\d{1,3}+)?[\w.+~-]{0,80}+) #\d")
_VERSION_AFTER = re.compile(r"\bCPU: \d|\($")  # on the same line, not far before it
_HARDWARE = re.compile(r"\bHardware name: ([^\n]{1,80})")
_PROCESS = re.compile(r"\b(?:Comm: |Process )([^\s(]{1,32})")
_CPU = re.compile(r"CPU: [^\n]{1,80}? \[([0-9a-f]{8})\] revision \d{1,3} \(")


class PrintedEntry(Struct, frozen=True):
    """One word of ``show_pte``'s line.

    Attributes:
        name: pgd, p4d, pud, pmd, pte or ppte.
        value: the word.
        bad: the kernel found that it is no table, and looked no further.
    """

    name: str
    value: int
    bad: bool


class Oops(Struct, frozen=True, kw_only=True):
    """What was printed about one fault; None or empty for what was not.

    Attributes:
        line: where it begins, from 1.
        kind: ``kernel``: no handler in the kernel; ``unhandled`` and ``prefetch``: a status that Linux does not expect;
            ``user``: a process was sent a signal.
        message: the first line of it, without stamps.
        name: the fault in Linux's words, where it gave them.
        address: the faulting address.
        access: what was attempted, where the text says it.
        fsr: fault status, with bit 31 as Linux sets it for prefetch aborts.
        entries: the words of the tables, first level first.
        entries_address: the address that they are for.
        pgd: virtual address of the table as it was printed; from 4.15 on it is hashed and means nothing.
        pc: program counter; likewise ``lr``.
        lr: link register.
        pc_at: function and offset; likewise ``lr_at``.
        lr_at: function and offset.
        mode: of the CPU: SVC, USR and so on.
        control: SCTLR.
        table: TTBR0, its lower half where the descriptors are long.
        dac: DACR.
        midr: Main ID Register, from the boot's log.
        version: the kernel's version.
        hardware: the machine's name.
        process: the current process.
        flags: PREEMPT, SMP, ARM and the like.
        died: the kernel gave up (``Internal error``); else a process was sent a signal, where the kind leaves it open.
    """

    line: int
    kind: Kind
    message: str
    name: str | None = None
    address: int | None = None
    access: Access | None = None
    fsr: int | None = None
    entries: tuple[PrintedEntry, ...] = ()
    entries_address: int | None = None
    pgd: int | None = None
    pc: int | None = None
    lr: int | None = None
    pc_at: str | None = None
    lr_at: str | None = None
    mode: str | None = None
    control: int | None = None
    table: int | None = None
    dac: int | None = None
    midr: int | None = None
    version: str | None = None
    hardware: str | None = None
    process: str | None = None
    flags: str = ""
    died: bool = False

    def entry(self, *names: str) -> PrintedEntry | None:
        """The first of the words with one of these names."""
        return next((entry for entry in self.entries if entry.name in names), None)


def read_oopses(path: str) -> tuple[Oops, ...]:
    """The oopses in a file, or in standard input for ``-``.

    Raises:
        InputError: the file cannot be read, is far too large, or holds no ARM oops.
    """
    found = parse_oopses(console_text(read_file(path, MOST_BYTES)))
    if not found:
        raise InputError(
            "holds no oops of 32-bit ARM: expected 'Unable to handle kernel ...', 'Unhandled fault: ...' or "
            "'[address] *pgd=...'",
            file=file_name(path),
        )
    return found


def parse_oopses(text: str) -> tuple[Oops, ...]:
    """The oopses in ``text``, in their order; at most `MOST_OOPSES`."""
    return oopses_in("\n".join(clean(line) for line in raw_lines(text)))


def oopses_in(plain: str) -> tuple[Oops, ...]:
    """The same where nothing stands around the messages any more."""
    newlines = [match.start() for match in re.finditer("\n", plain)]
    heads: list[tuple[int, re.Match[str] | None]] = [(match.start(), match) for match in _HEAD.finditer(plain)]
    if not heads:
        heads = [(match.start(), None) for match in _SHOW_PTE.finditer(plain)]
    cpu = _CPU.search(plain)
    found = []
    for number, (start, head) in enumerate(heads[:MOST_OOPSES]):
        end = heads[number + 1][0] if number + 1 < len(heads) else len(plain)
        line = bisect_right(newlines, start - 1) + 1
        found.append(_oops(plain[start : min(end, start + (1 << 16))], head, line, int(cpu[1], 16) if cpu else None))
    return tuple(found)


def _oops(body: str, head: re.Match[str] | None, line: int, midr: int | None) -> Oops:
    die, control, pcs = _DIE.search(body), _CONTROL.search(body), _PC.search(body)
    kind, address, access, fsr, name = _begin(head)
    if fsr is None and die is not None and not die["what"].startswith("Oops -"):
        fsr = int(die["code"], 16)
    entries_address, entries = _entries(body)
    pgd = _PGD.search(body)
    return Oops(
        line=line,
        kind=kind,
        message=" ".join(head[0].split()) if head else body.split("\n", 1)[0].strip(),
        name=name,
        address=entries_address if address is None else address,
        access=access,
        fsr=fsr,
        entries=entries,
        entries_address=entries_address,
        pgd=int(pgd[1], 16) if pgd and pgd[1][0] != "(" else None,
        pc=int(pcs[1], 16) if pcs else None,
        lr=int(pcs[2], 16) if pcs else None,
        pc_at=_first(_PC_AT, body),
        lr_at=_first(_LR_AT, body),
        mode=_first(_MODE, body),
        control=int(control[1], 16) if control else None,
        table=int(control[2], 16) if control and control[2] else None,
        dac=int(control[3], 16) if control and control[3] else None,
        midr=midr,
        version=_version(body),
        hardware=(_first(_HARDWARE, body) or "").strip() or None,
        process=_first(_PROCESS, body),
        flags=die["flags"].strip() if die else "",
        died=die is not None,
    )


def _begin(head: re.Match[str] | None) -> tuple[Kind, int | None, Access | None, int | None, str | None]:
    """Kind, address, access, status and name, as the first line has them."""
    if head is None:
        return "kernel", None, None, None, None
    if head["kernel"]:
        when: str = "execute" if head["what"].startswith("execution") else head["when"]
        access: Access | None = _ACCESSES.get(when)
        return "kernel", int(head["kernel"], 16), access, None, None
    if head["at"]:
        prefetch = head["abort"] != "fault"
        kind: Kind = "prefetch" if prefetch else "unhandled"
        return kind, int(head["at"], 16), "execute" if prefetch else None, int(head["code"], 16), head["name"]
    return "user", int(head["user"], 16), None, int(head["status"], 16), None


def _entries(body: str) -> tuple[int | None, tuple[PrintedEntry, ...]]:
    """The address and the words of the first ``show_pte`` line; a continuation may stand on a line of its own."""
    begin = _SHOW_PTE.search(body)
    if begin is None:
        return None, ()
    entries: list[PrintedEntry] = []
    at = begin.end() - len("*pgd=")
    while (match := _ENTRY.match(body, at)) and len(entries) < 6 and all(match[1] != one.name for one in entries):
        entries.append(PrintedEntry(match[1], _word(match[2]), match[3] is not None))
        at = match.end()
    return int(begin[1], 16), tuple(entries)


def _word(digits: str) -> int:
    """A word as %08llx prints it: one of more than eight digits begins with none that is 0.

    Else what is behind the eighth belongs to something else: 5.7 printed the "c" that marks a continuation.
    """
    return int(digits[:8] if len(digits) > 8 and digits[0] == "0" else digits, 16)


def _version(body: str) -> str | None:
    """The kernel's version: behind "CPU: 0 PID: 1 Comm: sh Not tainted", or in parentheses."""
    for match in _VERSION.finditer(body):
        before = body[max(match.start() - 208, 0) : match.start()].rpartition("\n")[2]
        if _VERSION_AFTER.search(before):
            return match[1]
    return None


def _first(pattern: re.Pattern[str], body: str) -> str | None:
    match = pattern.search(body)
    return match[1] if match else None
