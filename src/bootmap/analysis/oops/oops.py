"""What an oops says of the page tables: the printed words as a walk, the fault status, and whether the two agree.

    printed words --as memory--> walk -----> what the access would meet now
    fault status  -------------> decode ---> what it met          the two should be the same

They need not be: show_pte prints a little later, from ``current->mm`` (init_mm for kernel threads), and only the first
entry of the pair that Linux keeps for 2 MiB.  Each such reason is told apart from a TLB that holds what the table no
longer does.

Sources: arch/arm/mm/fault.c (``show_pte``, ``do_page_fault``, ``do_bad``), arch/arm/mm/fault.h (FSR_LNX_PF, FSR_WRITE),
arch/arm/mm/abort-ev4.S to abort-ev6.S (bit 11 is made up before ARMv6), pgtable-2level.h, DDI 0406C B3.12 and B3.13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from bootmap.analysis.oops.linear import reader_of
from bootmap.analysis.registers import MAIR0, MAIR1, NMRR, PRRR, arch_of_cpu, registers_as_set
from bootmap.facts.arm.cpus import cpu_by_midr
from bootmap.facts.arm.descriptors import Role
from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.permissions import DomainAccess, Rights
from bootmap.facts.arm.regs import ARCHES, FSR_LONG, SCTLR, TTBCR_EAE
from bootmap.facts.linux.oops_addresses import MARKERS
from bootmap.mmu.fsr import decode_fsr
from bootmap.mmu.regs import ALL_CLIENTS, Regs, regime_of
from bootmap.mmu.walk import Fault, Mapped, check, walk
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.facts.arm.descriptors import Level
    from bootmap.inputs.oops_log import Access, Oops
    from bootmap.mmu.fsr import FaultStatus
    from bootmap.mmu.regs import Regime
    from bootmap.mmu.walk import Allowed, Walk

Agreement = Literal["agrees", "differs", "unknown", "not of the tables"]

FSR_LNX_PF = 1 << 31
FSR_WRITE = 1 << 11
_LEAST_LINEAR = 0x40000000
_MIB_SHIFT = 20
_PAIR_TABLE = 0x400
# Where a table is put of which no address was printed: where none that is named lies.
_ROOT_SHORT, _ROOT_LONG = 0xFFFFC000, 0xFF_FFFF_F000
_TABLE_FAULTS = (FaultKind.TRANSLATION, FaultKind.ACCESS_FLAG, FaultKind.DOMAIN, FaultKind.PERMISSION)
_BUS = (FaultKind.EXTERNAL_ABORT, FaultKind.LINEFETCH, FaultKind.PARITY, FaultKind.TERMINAL)
_LATE = (FaultKind.ASYNC_ABORT, FaultKind.ASYNC_PARITY)
_ACCESS = {
    ("read", False): Rights.PRIV_READ,
    ("write", False): Rights.PRIV_WRITE,
    ("execute", False): Rights.PRIV_EXECUTE,
    ("read", True): Rights.USER_READ,
    ("write", True): Rights.USER_WRITE,
    ("execute", True): Rights.USER_EXECUTE,
}


class PrintedWords:
    """The printed words as memory: each at the address at which the CPU would have read it."""

    def __init__(self) -> None:
        self.words: dict[int, bytes] = {}

    def read(self, pa: int, size: int, /) -> bytes:
        """See ``mmu.memory.Memory.read``; a word that was not printed is absent."""
        data = self.words.get(pa)
        if data is None or len(data) != size:
            raise LookupError(f"no word was printed for {pa:#x}")
        return data


class OopsJudgement(Shown, Struct, frozen=True):
    """An oops, understood.

    Attributes:
        oops: what was printed.
        regs: the registers, printed or as Linux sets them.
        status: the fault status decoded, None where none was printed.
        access: what was attempted: read, write or execute.
        user: by user mode.
        walk: the walk over the printed words, None where none were.
        answer: what the access meets by these words; None without a walk, or where a word that it needs is missing.
        linux: Linux's own pte, where it is a word of its own.
        agreement: whether words and status say the same.
        reasons: why, and what follows, a sentence each.
        hint: what the address itself is a sign of.
        assumptions: what was taken for what was not printed.
    """

    oops: Oops
    regs: Regs
    status: FaultStatus | None
    access: Access
    user: bool
    walk: Walk | None
    answer: Allowed | Fault | None
    linux: int | None
    agreement: Agreement
    reasons: tuple[str, ...]
    hint: str | None
    assumptions: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is mapped there by the printed words."""
        return isinstance(self.answer, Fault) and self.answer.kind is FaultKind.TRANSLATION

    @property
    def unmapped(self) -> bool:
        """Whether nothing is mapped there by the printed words, and the status, where there is one, says the same."""
        return self.empty and (self.status is None or self.status.kind is FaultKind.TRANSLATION)


def judge(oops: Oops, arch: str | None = None) -> OopsJudgement:
    """Work out what an oops means.

    Args:
        oops: what was printed.
        arch: key of ``spec.regs.ARCHES``, where it is known; otherwise it is told from what was printed.

    Raises:
        ValueError: an unknown ``arch``.
    """
    assumptions: list[str] = []
    regs = _registers(oops, arch, assumptions)
    regime = regime_of(regs)
    status = None
    if oops.fsr is not None:
        status = decode_fsr(oops.fsr & ~FSR_LNX_PF, regs.arch, long=regime.long)
    access = _access(oops)
    user = oops.kind == "user" or oops.mode == "USR" or (oops.kind in ("unhandled", "prefetch") and not oops.died)
    walked = _walk(oops, regime, assumptions) if oops.address is not None else None
    answer = check(walked, _ACCESS[access, user]) if walked is not None and walked.unread is None else None
    agreement, reasons = _compare(oops, regime, status, walked, answer)
    pte = oops.entry("pte")
    return OopsJudgement(
        oops=oops,
        regs=regs,
        status=status,
        access=access,
        user=user,
        walk=walked,
        answer=answer,
        linux=pte.value if pte is not None and not regime.long else None,
        agreement=agreement,
        reasons=tuple(reasons),
        hint=_hint(oops),
        assumptions=tuple(assumptions),
    )


# -- registers -----------------------------------------------------------------------------------------------------


def _registers(oops: Oops, arch: str | None, assumptions: list[str]) -> Regs:
    long = _is_long(oops)
    if arch is None:
        arch = "v7lpae" if long else _architecture(oops, assumptions)
    if long and ARCHES[arch].long is None:
        assumptions.append(
            f"the words are long descriptors, which an ARM{arch} does not have: taken for an ARMv7 with LPAE"
        )
        arch = "v7lpae"
    usual = registers_as_set(arch, 0, long=long)
    table = oops.table if oops.table is not None else _ROOT_LONG if long else _ROOT_SHORT
    sctlr = usual.sctlr if oops.control is None else oops.control
    if not SCTLR["M"].of(sctlr):
        assumptions.append("the MMU is off in what was printed as Control; it was on, or nothing would have faulted")
        sctlr |= SCTLR["M"].mask
    if oops.control is None:
        assumptions.append("the text has no Control and DAC: taken as Linux sets them")
    dacr = oops.dac if oops.dac is not None and not long else ALL_CLIENTS
    if long:
        return Regs(arch=arch, sctlr=sctlr, ttbr0=table, ttbcr=TTBCR_EAE, mair0=MAIR0, mair1=MAIR1)
    return Regs(arch=arch, sctlr=sctlr, ttbr0=table, dacr=dacr, prrr=PRRR, nmrr=NMRR)


def _is_long(oops: Oops) -> bool:
    """Whether the descriptors are long: a pmd of its own, words that are wider, or the status register's own word."""
    if oops.entry("ppte") is not None:
        return False
    if oops.entry("pmd") is not None or any(entry.value >> 32 for entry in oops.entries):
        return True
    return oops.fsr is not None and bool(FSR_LONG["LPAE"].of(oops.fsr & ~FSR_LNX_PF))


def _architecture(oops: Oops, assumptions: list[str]) -> str:
    cpu = cpu_by_midr(oops.midr) if oops.midr is not None else None
    if cpu is not None:
        return arch_of_cpu(cpu)
    if oops.control is not None:
        if SCTLR["XP"].of(oops.control):
            return "v7" if SCTLR["TRE"].of(oops.control) else "v6k"
        ppte = oops.entry("ppte")
        return "xscale" if ppte is not None and ppte.value & 3 == 3 else "v5"
    assumptions.append("nothing names the CPU: taken for an ARMv7 (--arch)")
    return "v7"


def _access(oops: Oops) -> Access:
    if oops.access is not None:
        return oops.access
    if oops.fsr is None:
        return "read"
    if oops.fsr & FSR_LNX_PF:
        return "execute"
    return "write" if oops.fsr & FSR_WRITE else "read"


# -- words ---------------------------------------------------------------------------------------------------------


def _walk(oops: Oops, regime: Regime, assumptions: list[str]) -> Walk | None:
    """The walk of the address over the printed words."""
    pgd = oops.entry("pgd")
    va = oops.address
    if pgd is None or va is None or oops.entries_address != va:
        return None
    memory = PrintedWords()
    root = regime.root(va)
    assert root is not None  # one root for all addresses
    first = root.base + (va >> root.level.index_low) * root.level.entry_bytes
    if regime.long:
        pmd, pte = oops.entry("pmd"), oops.entry("pte")
        chain = [pgd.value, pmd.value if pmd else None, pte.value if pte else None]
    else:
        ppte = oops.entry("ppte")
        chain = [_second_of_pair(oops, pgd.value, va, assumptions), ppte.value if ppte else None]
    _place(memory, root.level, first, va, chain, regime)
    return walk(memory, regime, va)


def _second_of_pair(oops: Oops, printed: int, va: int, assumptions: list[str]) -> int | None:
    """The first-level word of the address's MiB: Linux prints that of the even MiB of a pair."""
    if not va >> _MIB_SHIFT & 1:
        return printed
    if printed & 3 == 1 and oops.entry("ppte") is not None:
        assumptions.append(
            f"the first-level word printed is that of the MiB below; that of this one leads {_PAIR_TABLE:#x} further"
        )
        return printed + _PAIR_TABLE & 0xFFFFFFFF
    if printed == 0:
        assumptions.append("the first-level word printed is that of the MiB below; this one's is taken to be 0 as well")
        return 0
    return None


def _place(memory: PrintedWords, level: Level, address: int, va: int, chain: list[int | None], regime: Regime) -> None:
    """Put each word where the one before it leads."""
    for word in chain:
        if word is None or word >> 8 * level.entry_bytes:
            return
        memory.words[address] = word.to_bytes(level.entry_bytes, regime.byteorder)
        descriptor = level.descriptor(word)
        if descriptor.role is not Role.TABLE or descriptor.table is None:
            return
        level = descriptor.table
        index = va >> level.index_low & (1 << level.index_bits) - 1
        address = descriptor.layout.address(word) + index * level.entry_bytes


# -- agreement -----------------------------------------------------------------------------------------------------


def _compare(
    oops: Oops, regime: Regime, status: FaultStatus | None, walked: Walk | None, answer: Allowed | Fault | None
) -> tuple[Agreement, list[str]]:
    if status is None:
        return "unknown", ["no fault status was printed"]
    if status.kind is None:
        return "unknown", [f"status {status.status:#04x} is reserved on this CPU"]
    if status.kind in _LATE:
        return "not of the tables", [
            "the abort is asynchronous: it belongs to an access of some time before, and neither the address nor the "
            "instruction have to do with it"
        ]
    if walked is None:
        return "unknown", ["the words of the tables were not printed"]
    if status.kind is FaultKind.DOMAIN and walked.steps:
        return _compare_domain(regime, status, walked)
    if status.kind not in _TABLE_FAULTS:
        return "not of the tables", _beside(oops, status, walked, answer)
    if answer is None:
        return _compare_missing(status, walked)
    if isinstance(answer, Fault):
        if answer.kind is status.kind and status.level in (None, answer.level):
            return "agrees", [*_same_domain(status, walked), *_meaning(oops, status, walked)]
        return "differs", [
            f"the status says {status.kind.value} of level {status.level}, the words make a {answer.kind.value} of "
            f"level {answer.level}",
            *_why_different(oops, status, answer),
        ]
    return "differs", [
        "the words as printed permit the access",
        "either the TLB held what the table no longer did, or the table was changed between the fault and the printing "
        "(another CPU may have handled the same fault)",
        *_why_different(oops, status, answer),
    ]


def _same_domain(status: FaultStatus, walked: Walk) -> list[str]:
    """Whether the domain in the status is that of the first-level word; it is read before the second level is."""
    fields = walked.steps[0].fields if walked.steps else {}
    if status.long or status.domain is None or "domain" not in fields or status.level != 2:
        return []
    if fields["domain"] == status.domain:
        return [f"domain {status.domain} in the status is that of the first-level word"]
    return [f"but the status has domain {status.domain}, the first-level word domain {fields['domain']}"]


def _meaning(oops: Oops, status: FaultStatus, walked: Walk) -> list[str]:
    if status.kind is FaultKind.TRANSLATION:
        pte, ppte = oops.entry("pte"), oops.entry("ppte")
        if pte is not None and ppte is not None and pte.value and not ppte.value:
            return ["Linux has a page there that the hardware may not use yet: not accessed before, or PROT_NONE"]
        return [f"there is no {'section or table' if len(walked.steps) == 1 else 'page'} at this address"]
    if status.kind is FaultKind.PERMISSION and isinstance(walked.outcome, Mapped):
        return [f"the page is there (physical {walked.outcome.pa:#010x}), but not for such an access"]
    return []


def _compare_domain(regime: Regime, status: FaultStatus, walked: Walk) -> tuple[Agreement, list[str]]:
    domain = walked.steps[0].fields.get("domain")
    if domain is None:
        return "differs", ["the printed word has no domain, so that no domain fault can come from it"]
    access = regime.domains[domain]
    if access in (DomainAccess.NO_ACCESS, DomainAccess.RESERVED):
        reasons = [f"the word is of domain {domain}, to which DAC gives no access"]
        if domain == 1:
            reasons.append(
                "the kernel keeps user space (domain 1) closed outside of its copy functions (CPU_SW_DOMAIN_PAN): this "
                "access went around them"
            )
        return "agrees", reasons
    if regime.regs.dacr == ALL_CLIENTS:
        return "unknown", [f"the word is of domain {domain}; DAC, which decides, was not printed"]
    return "differs", [
        f"the word is of domain {domain}, to which DAC gives access: DAC was changed before the printing"
    ]


def _compare_missing(status: FaultStatus, walked: Walk) -> tuple[Agreement, list[str]]:
    """A word that the walk needs was not printed: what can be said without it."""
    reached = len(walked.steps)
    if status.level is not None and status.level <= reached and status.kind is FaultKind.TRANSLATION:
        return "differs", [
            f"the status says that the entry of level {status.level} faults, but the one printed leads to a table",
            "it was filled in between the fault and the printing, or is another table's",
        ]
    if reached:
        return "unknown", [f"the word of level {reached + 1} was not printed: its table is in high memory"]
    return "unknown", ["the word that counts is the second of a pair, of which only the first is printed"]


def _why_different(oops: Oops, status: FaultStatus, answer: Allowed | Fault) -> list[str]:
    """Why the printed table may be another one than the hardware used."""
    first = oops.entry("pgd")
    empty = isinstance(answer, Fault) and answer.kind is FaultKind.TRANSLATION
    deeper = empty and isinstance(answer, Fault) and status.level is not None and status.level > answer.level
    if first is None or not deeper:
        return []
    return [
        "that is so where a kernel thread faults on a user address: its mm is NULL and init_mm's table is printed, "
        "while the hardware walked that of the process that ran before"
    ]


def _beside(oops: Oops, status: FaultStatus, walked: Walk, answer: Allowed | Fault | None) -> list[str]:
    """What the words add to a fault that they do not cause."""
    mapped = walked.outcome if isinstance(walked.outcome, Mapped) else None
    reasons = []
    if status.kind is FaultKind.ALIGNMENT and oops.address is not None:
        reasons.append(
            f"the address is {'not ' if oops.address % 4 else ''}a multiple of 4; alignment is checked before the "
            f"tables are looked at"
        )
    elif status.kind in _BUS:
        reasons.append("the translation succeeded, and what is behind it answered with an error")
    else:
        reasons.append("it is raised beside the tables, whatever they say")
    if mapped is not None:
        reasons.append(f"the access went to physical {mapped.pa:#010x}")
    elif answer is not None:
        reasons.append("by the printed words nothing is mapped there")
    return reasons


def _hint(oops: Oops) -> str | None:
    """What the address itself, and the function that asked for it, are a sign of."""
    address = oops.address
    if address is None:
        return None
    reads = reader_of(oops.pc_at, oops.lr_at)
    if reads and address >= _LEAST_LINEAR:
        what = "the device tree" if reads == "dtb" else "the initrd"
        return f"{what}, read through the linear map, which does not have it: bootmap diagnose says where it should lie"
    for marker in MARKERS:
        if marker.first <= address <= marker.last:
            return marker.meaning
    letters = address.to_bytes(4, "little")
    if all(0x20 <= byte < 0x7F for byte in letters):
        return f"four letters, {letters.decode('ascii')!r} in memory order: a string where a pointer should be"
    return None
