"""Audits of recorded kernels, of the same tables with one word altered, and of noise.

What a recorded kernel must be found with comes from its configuration, memblock and variables, not from its tables.
The altered words are written with the bits of DDI 0406C B3.5.1 and of arch/arm/include/asm/pgtable-2level.h.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.recordings import NAMES, Case, fresh_kernel, kernel_files

from bootmap.analysis.audit.audit import audit
from bootmap.analysis.audit.finding import MOST_PLACES, Audit, Known
from bootmap.analysis.registers import arch_of_cpu, linux_registers, registers_as_set, stage_memory
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.facts.arm.regs import ARCHES
from bootmap.facts.audit_rules import RULES, Severity
from bootmap.facts.machines.qemu import cpu_of_machine
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import regime_of
from bootmap.mmu.runs import TooManyRunsError
from bootmap.units import MIB, PAGE_SIZE, Span

if TYPE_CHECKING:
    from bootmap.analysis.audit.finding import AuditFinding
    from bootmap.mmu.regs import Regs

NOMAP = 4
EE = 1 << 25
SECTION_SHIFT = 20
VECTORS = 0xFFFF0000

# The hardware's bits: DDI 0406C B3.5.1, figures B3-4 and B3-5.
SECT_XN, SECT_AP1, SECT_APX = 1 << 4, 1 << 11, 1 << 15
SMALL, XN, AP0, B, TEX0, S = 2, 1, 1 << 4, 1 << 2, 1 << 6, 1 << 10
# Linux's: pgtable-2level.h, L_PTE_*.
L_DATA = 1 << 0 | 1 << 1 | 1 << 6 | 1 << 9 | 1 << 10  # present, young, dirty, XN, shared
L_BUFFERABLE, L_WRITEALLOC = 1 << 2, 7 << 2


@dataclass
class Tables:
    """Recorded tables that can be written to: pages by physical address, registers, and what is known."""

    pages: dict[int, bytearray]
    regs: Regs
    known: Known

    def audit(self) -> Audit:
        chunks = Chunks({pa: bytes(page) for pa, page in self.pages.items()})
        return audit(chunks, regime_of(self.regs), self.known)

    def word(self, pa: int) -> int:
        base = max(start for start in self.pages if start <= pa)
        (value,) = struct.unpack_from("<I", self.pages[base], pa - base)
        return int(value)

    def write(self, pa: int, word: int) -> None:
        base = max(start for start in self.pages if start <= pa)
        struct.pack_into("<I", self.pages[base], pa - base, word)

    def section(self, va: int) -> int:
        """Where the first-level entry of ``va`` is."""
        return self.regs.ttbr0 + 4 * (va >> SECTION_SHIFT)

    def pte(self, va: int) -> int:
        """Where the hardware's pte of ``va`` is; Linux's is 2048 bytes before."""
        return (self.word(self.section(va)) & ~0x3FF) + 4 * (va >> 12 & 0xFF)


@cache
def recorded(name: str) -> Case:
    return Case(name)


def tables_of(name: str, moment: str = "after") -> Tables:
    case = recorded(name)
    doc = case.doc
    state = doc[moment]
    found = state["tables"]
    pages = {found["pgd"]["pa"]: bytearray.fromhex(found["pgd"]["hex"])}
    for level in ("pmd", "pte"):
        pages |= {int(pa, 16): bytearray.fromhex(words) for pa, words in found.get(level, {}).items()}
    cpu = cpu_by_name(cpu_of_machine(doc["qemu"]["machine"]) or "")
    assert cpu is not None
    kernel = fresh_kernel(case.key)
    domains = not case.long and kernel.config.enabled("CPU_USE_DOMAINS")
    regs = registers_as_set(arch_of_cpu(cpu), found["pgd"]["pa"], long=case.long, domains=domains)
    if case.big_endian:
        regs = replace(regs, sctlr=regs.sctlr | EE)
    memory = state.get("memblock", doc["before"]["memblock"])["memory"]["regions"]
    known = Known(
        page_offset=doc["page_offset"],
        phys_offset=doc["phys_offset"],
        ram=tuple(Span(base, base + size) for base, size, flags in memory if not flags & NOMAP),
        kernel=kernel,
        cpu=cpu,
        final=moment == "late",
        early=moment == "before",
        high_memory=doc["vars"]["high_memory"] if moment != "before" else None,
        symbols=doc["symbols"],
    )
    return Tables(pages, regs, known)


def rules(found: tuple[AuditFinding, ...]) -> set[str]:
    return {one.rule.id for one in found}


def moments() -> list[tuple[str, str]]:
    return [(name, moment) for name in NAMES for moment in ("before", "after", "late") if moment in recorded(name).doc]


@cache
def config_text(key: str) -> str:
    return gzip.decompress(kernel_files(key)[0].read_bytes()).decode()


def on(key: str, option: str) -> bool:
    return f"\nCONFIG_{option}=y\n" in config_text(key)


@pytest.mark.parametrize(("name", "moment"), moments())
def test_audit_recordings_have_what_their_kernels_explain(name: str, moment: str) -> None:
    case, tables = recorded(name), tables_of(name, moment)
    answer = tables.audit()
    assert answer.skipped == ()
    bad = answer.at_least(Severity.WARNING)
    expected: set[str] = set()
    old_cpu = tables.regs.arch in ("v4", "v5", "xscale")
    strict = any(on(case.key, option) for option in ("STRICT_KERNEL_RWX", "DEBUG_RODATA", "ARM_KERNMEM_PERMS"))
    # An XIP kernel's text is in flash, and all of lowmem is data, which kernels without map_kernel() do not think of.
    flash = on(case.key, "XIP_KERNEL") and case.prediction.state.kernel.has("map_kernel")
    if moment != "before" and not strict and not old_cpu and not flash:
        expected.add("kernel-write-execute")
    if on(case.key, "KASAN"):
        # The early shadow maps a page of the kernel's bss as L_PTE_MT_UNCACHED (0), beside lowmem's cached map of it.
        expected |= {"alias-attributes", "ram-not-normal"}
    # Before map_kernel(), a no-map area at the start of RAM left the sections of head.S, which are everybody's.
    regions = case.doc["after"]["memblock"]["memory"]["regions"] if moment == "after" else []
    first = regions[0] if regions else (0, 0, 0)
    if first[2] & NOMAP and first[0] & -MIB == case.doc["phys_offset"] and case.key == "deb-5.10":
        expected |= {"user-kernel-half", "user-write-execute"}
        (left,) = [one for one in bad if one.rule.id == "user-write-execute"]
        assert [(place.va, place.size) for place in left.places] == [(0xC0000000, 2 * MIB)]
    assert rules(bad) == expected

    notes = [one for one in answer.findings if one.severity is Severity.NOTE]
    helpers = [one for one in notes if one.rule.id == "user-kernel-half" and one.places[0].va == VECTORS]
    has_helpers = on(case.key, "KUSER_HELPERS") or not case.prediction.state.kernel.has("kuser_option")
    assert len(helpers) == (moment != "before" and has_helpers)
    limit = case.doc["vars"].get("arm_lowmem_limit", 0) if moment != "before" else 0
    if moment == "after" and not case.long and limit & MIB and not limit & (MIB - 1):
        assert "pgd-pair" in rules(tuple(notes))


def test_audit_recordings_are_there() -> None:
    assert len(moments()) >= 230
    left = [
        name
        for name in ("virt-1g-nomap-start-5.10", "fuzz-1-023-deb-5.10")
        if "user-write-execute" in rules(tables_of(name).audit().at_least(Severity.ERROR))
    ]
    assert len(left) == 2


# -- one word altered ------------------------------------------------------------------------------------------------


def new(tables: Tables, before: Audit) -> list[AuditFinding]:
    """What an audit finds now that it did not find before."""
    old = {(one.rule.id, one.severity, one.places) for one in before.findings}
    return [one for one in tables.audit().findings if (one.rule.id, one.severity, one.places) not in old]


def test_audit_finds_kernel_text_made_writable() -> None:
    tables = tables_of("virt-1g-init-6.1", "late")
    before = tables.audit()
    assert "kernel-write-execute" not in rules(before.findings)
    va = tables.known.symbols["_stext"] + MIB
    at = tables.section(va)
    assert tables.word(at) & (SECT_APX | SECT_XN) == SECT_APX  # read-only, executable
    tables.write(at, tables.word(at) & ~SECT_APX)
    (found,) = new(tables, before)
    assert (found.rule.id, found.severity) == ("kernel-write-execute", Severity.ERROR)
    assert [(place.va, place.size) for place in found.places] == [(va & -MIB, MIB)]


def test_audit_finds_lowmem_opened_to_users() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    at = tables.section(0xD0000000)
    tables.write(at, tables.word(at) | SECT_AP1)
    (found,) = new(tables, before)
    assert (found.rule.id, found.severity) == ("user-kernel-half", Severity.ERROR)
    assert [(place.va, place.size) for place in found.places] == [(0xD0000000, MIB)]


def install(tables: Tables, va: int, frame: int, linux: int, hardware: int) -> None:
    """A new page in a table that exists, both halves."""
    at = tables.pte(va)
    assert tables.word(at) == tables.word(at - 2048) == 0
    tables.write(at, frame | hardware)
    tables.write(at - 2048, frame | linux)


def test_audit_finds_a_window_on_the_page_directory() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    install(tables, 0xFFFF4000, tables.regs.ttbr0, L_DATA | L_WRITEALLOC, SMALL | XN | AP0 | TEX0 | 3 << 2 | S)
    (found,) = new(tables, before)
    assert (found.rule.id, found.severity) == ("tables-writable", Severity.ERROR)
    assert [(place.va, place.pa) for place in found.places] == [(0xFFFF4000, tables.regs.ttbr0)]


def test_audit_finds_an_alias_with_other_attributes() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    install(tables, 0xFFFF4000, 0x50000000, L_DATA | L_BUFFERABLE, SMALL | XN | AP0 | B | S)
    (found,) = new(tables, before)
    assert (found.rule.id, found.severity) == ("alias-attributes", Severity.WARNING)
    assert [(place.va, place.pa) for place in found.places] == [(0xD0000000, 0x50000000), (0xFFFF4000, 0x50000000)]


def test_audit_finds_ram_mapped_as_a_device() -> None:
    """Uncached Linux ptes are strongly-ordered: C, B and TEX are 0."""
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    install(tables, 0xFFFF4000, 0x50000000, L_DATA & ~(1 << 9), SMALL | AP0 | S)
    assert rules(tuple(new(tables, before))) == {"alias-attributes", "ram-not-normal", "device-executable"}


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("alter", "also"),
    [
        (lambda word: word & ~0xFFF | SMALL | 3 << 4, {"vectors-user-writable", "user-write-execute"}),  # AP = 011
        (lambda word: word + PAGE_SIZE, set()),  # another frame
        (lambda word: 0, set()),
    ],
)
def test_audit_finds_a_hardware_half_that_was_written_alone(exact: bool, alter: Any, also: set[str]) -> None:
    tables = tables_of("virt-1024m-6.1")
    if not exact:
        tables.known = replace(tables.known, kernel=None, cpu=None)
    before = tables.audit()
    assert "halves-disagree" not in rules(before.findings)
    at = tables.pte(VECTORS)
    tables.write(at, alter(tables.word(at)))
    found = new(tables, before)
    (halves,) = [one for one in found if one.rule.id == "halves-disagree"]
    assert [(place.va, place.pa, place.descriptor) for place in halves.places] == [(VECTORS, at, True)]
    assert also <= rules(tuple(found))
    assert {one for one in rules(tuple(found)) if one.startswith(("vectors", "user-write"))} == also


def test_audit_finds_a_lost_half_of_a_pair() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    at = tables.section(VECTORS) - 4
    assert tables.word(at) & 3 == 1
    tables.write(at, 0)
    (found,) = new(tables, before)
    assert (found.rule.id, found.severity, found.places[0].va) == ("pgd-pair", Severity.WARNING, 0xFFE00000)


def test_audit_finds_half_a_table_elsewhere() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    at = tables.section(VECTORS) - 4
    tables.write(at, tables.word(at) - 1024)
    found = [one for one in new(tables, before) if one.rule.id == "pgd-pair"]
    assert [(one.severity, one.places[0].va) for one in found] == [(Severity.ERROR, 0xFFE00000)]


def test_audit_finds_domains() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    at = tables.section(0xD0000000)
    tables.write(at, tables.word(at) | 7 << 5)
    (found,) = new(tables, before)
    assert (found.rule.id, found.evidence) == ("domain-unknown", "domain 7")
    tables.regs = replace(tables.regs, dacr=0x55555555 & ~(3 << 14))
    assert rules(tuple(new(tables, before))) == {"domain-unknown", "domain-no-access"}
    tables.regs = replace(tables.regs, dacr=0x55555555 | 3 << 14)
    assert rules(tuple(new(tables, before))) == {"domain-unknown", "domain-manager"}


def test_audit_finds_a_supersection_of_fifteen() -> None:
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    supersection = tables.word(tables.section(0xD0000000)) & 0xFFFFF & ~(15 << 5) | 1 << 18 | 0x50000000
    for place in range(16):
        tables.write(tables.section(0xD0000000 + place * MIB), supersection)
    assert new(tables, before) == []
    tables.write(tables.section(0xD0700000), supersection & ~(1 << 18) | 7 * MIB)
    (found,) = new(tables, before)
    assert (found.rule.id, found.places[0].va, found.places[0].size) == ("not-replicated", 0xD0000000, 16 * MIB)


def test_audit_finds_reserved_permissions() -> None:
    """AP[2:0] = 100 (DDI 0406C B3.7.1)."""
    tables = tables_of("virt-1024m-6.1")
    before = tables.audit()
    at = tables.section(0xD0000000)
    tables.write(at, tables.word(at) & ~(3 << 10) | SECT_APX)
    (found,) = new(tables, before)
    assert (found.rule.id, found.places[0].va) == ("reserved-encoding", 0xD0000000)


def test_audit_finds_a_long_descriptor_without_ap2() -> None:
    """pgtable-3level.h: L_PMD_SECT_RDONLY is bit 58, the hardware's AP[2] bit 7."""
    tables = tables_of("virt-1g-init-lpae-6.1", "late")
    before = tables.audit()
    va = tables.known.symbols["_stext"]
    pmds = int.from_bytes(tables.pages[tables.regs.ttbr0][8 * (va >> 30) :][:8], "little") & 0xFFFFFFF000
    at = pmds + 8 * (va >> 21 & 511)
    tables.write(at, tables.word(at) & ~(1 << 7))
    found = {one.rule.id: one for one in new(tables, before)}
    assert found.keys() == {"halves-disagree", "kernel-write-execute"}
    assert found["halves-disagree"].places[0].va == va & -2 * MIB


def test_audit_one_cause_is_one_finding() -> None:
    """A whole lowmem opened to users is one finding, bounded, that counts all."""
    tables = tables_of("virt-1024m-6.1")
    for place in range(0, 0x2F0, 2):
        at = tables.section(0xC0000000 + place * MIB)
        tables.write(at, tables.word(at) | SECT_AP1)
    found = [one for one in tables.audit().at_least(Severity.ERROR) if one.rule.id == "user-kernel-half"]
    assert len(found) == 1
    assert found[0].count == 0x2F0 // 2
    assert len(found[0].places) == MOST_PLACES


def test_audit_names_who_wrote_it() -> None:
    """On a prediction a finding has the kernel step that wrote the entry."""
    case = recorded("virt-1g-nomap-start-5.10")
    prediction = case.prediction
    stage = prediction.stage("paging_init")
    assert stage is not None
    known = Known(page_offset=0xC0000000, phys_offset=0x40000000, written=(prediction, stage))
    answer = audit(stage_memory(prediction, stage), regime_of(linux_registers(prediction)), known)
    (found,) = [one for one in answer.findings if one.rule.id == "user-write-execute"]
    assert {cause.stage for cause in found.causes} == {"create_page_tables"}


def test_audit_says_what_it_could_not_look_for() -> None:
    tables = tables_of("virt-1024m-6.1")
    tables.known = Known()
    answer = tables.audit()
    assert len(answer.skipped) == 4
    assert rules(answer.at_least(Severity.WARNING)) == {"kernel-write-execute"}


# -- noise -----------------------------------------------------------------------------------------------------------


class Noise:
    """Memory full of pseudo-random bytes, some of it absent."""

    def __init__(self, seed: int, absent: bool) -> None:
        self.seed = seed
        self.absent = absent

    def read(self, pa: int, size: int, /) -> bytes:
        if self.absent and (pa >> 12) % 5 == 0:
            raise LookupError(f"nothing at {pa:#x}")
        return hashlib.shake_128(f"{self.seed} {pa}".encode()).digest(size)


@settings(max_examples=8)
@given(
    seed=st.integers(0, 1 << 32),
    arch=st.sampled_from(sorted(ARCHES)),
    long=st.booleans(),
    absent=st.booleans(),
    known=st.booleans(),
    dacr=st.integers(0, (1 << 32) - 1),
)
def test_audit_of_noise(seed: int, arch: str, long: bool, absent: bool, known: bool, dacr: int) -> None:
    regs = (
        replace(registers_as_set(arch, 0x40004000, long=long), dacr=dacr)
        if not long
        else registers_as_set("v7lpae", 0x40004000, long=True)
    )
    facts = Known()
    if known:
        facts = replace(tables_of("virt-1024m-6.1").known, symbols={})
    began = time.process_time()
    try:
        answer = audit(Noise(seed, absent), regime_of(regs), facts)
    except TooManyRunsError:  # noise may lead to more tables than any machine has: refused, as soon as that is seen
        answer = Audit((), ())
    assert time.process_time() - began < 20
    assert len(answer.findings) < 400
    for one in answer.findings:
        assert one.rule in RULES
        assert 0 < len(one.places) <= MOST_PLACES
        assert one.count >= len(one.places)
        assert list(one.places) == sorted(one.places, key=lambda place: (place.va, place.pa))
