"""Walks worked out by hand from the manuals' figures, one situation each."""

from __future__ import annotations

import struct

import pytest

from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.memory_attrs import MemoryType
from bootmap.facts.arm.permissions import DomainAccess, Rights
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import ALL_CLIENTS, Regs
from bootmap.mmu.walk import Allowed, Fault, Mapped, Walk, check, walk
from bootmap.units import KIB, MIB

L1, L2, L3 = 0x4000_4000, 0x4001_0000, 0x4002_0000
M, XP, EE, AFE = (1 << bit for bit in (0, 23, 25, 29))
EAE = 1 << 31
READ, WRITE, EXECUTE = Rights.PRIV_READ, Rights.PRIV_WRITE, Rights.PRIV_EXECUTE


def words(at: dict[int, int], form: str = "<I") -> Chunks:
    """Memory that holds single descriptors."""
    return Chunks({address: struct.pack(form, word) for address, word in at.items()})


def regs(arch: str = "v7", **values: int) -> Regs:
    return Regs(arch=arch, **{"sctlr": M | XP, "ttbr0": L1} | values)  # type: ignore[arg-type]


def long_regs(**values: int) -> Regs:
    return Regs(arch="v7lpae", **{"sctlr": M, "ttbr0": L1, "ttbcr": EAE, "mair0": 0xFF04_0000} | values)  # type: ignore[arg-type]


def mapped(walked: Walk) -> Mapped:
    assert isinstance(walked.outcome, Mapped), walked.outcome
    return walked.outcome


# --- short descriptors ----------------------------------------------------------------------------


def test_walk_section() -> None:
    #  VA 0xc0312345: index 0xc03, offset 0x12345
    walked = walk(words({L1 + 0xC03 * 4: 0x4031_140E}), regs(), 0xC031_2345)
    (step,) = walked.steps
    assert (step.level, step.table, step.index, step.address, step.word) == (1, L1, 0xC03, 0x4000_700C, 0x4031_140E)
    assert step.descriptor.name == "section"
    assert step.fields == {
        "base": 0x403,
        "NS": 0,
        "supersection": 0,
        "nG": 0,
        "S": 1,
        "AP[2]": 0,
        "TEX": 1,
        "AP[1:0]": 1,
        "IMP": 0,
        "domain": 0,
        "XN": 0,
        "C": 1,
        "B": 1,
        "type": 2,
    }
    outcome = mapped(walked)
    assert (outcome.pa, outcome.size, outcome.level) == (0x4031_2345, MIB, 1)
    assert outcome.rights == Rights.PRIV
    assert outcome.memory.type is MemoryType.NORMAL
    assert walked.root is not None
    assert walked.root.register == "TTBR0"


def test_walk_small_page() -> None:
    #  VA 0xffff0abc: index 0xfff, second level 0xf0, offset 0xabc
    memory = words({L1 + 0xFFF * 4: 0x6FFF_DC61, 0x6FFF_DC00 + 0xF0 * 4: 0x6FFF_E67E})
    walked = walk(memory, regs(), 0xFFFF_0ABC)
    assert [(step.level, step.index, step.address) for step in walked.steps] == [
        (1, 0xFFF, 0x4000_7FFC),
        (2, 0x0F0, 0x6FFF_DFC0),
    ]
    outcome = mapped(walked)
    assert (outcome.pa, outcome.size, outcome.level) == (0x6FFF_EABC, 4 * KIB, 2)
    assert (outcome.attributes.domain, outcome.attributes.domain_access) == (3, DomainAccess.CLIENT)
    assert outcome.rights == Rights.READ | Rights.EXECUTE


def test_walk_large_page_keeps_sixteen_bits_of_offset() -> None:
    #  any of the sixteen entries: VA[15:12] index the copies and are part of the offset
    large = 0x8123_0000 | 1 << 15 | 0x10 | 1  # XN, AP 01
    memory = words({L1: L2 | 1, L2 + 0x1B * 4: large})
    outcome = mapped(walk(memory, regs(), 0x0001_BCDE))
    assert (outcome.pa, outcome.size) == (0x8123_BCDE, 64 * KIB)
    assert outcome.rights == READ | WRITE


def test_walk_supersection_has_forty_bits_and_domain_0() -> None:
    word = 0x4000_0000 | 8 << 20 | 1 << 18 | 0x1 << 10 | 0xA << 5 | 2  # PA[35:32] = 8, PA[39:36] = 0xA
    walked = walk(words({L1 + 0x403 * 4: word}), regs(dacr=0x1), 0x4031_2345)
    outcome = mapped(walked)
    assert (outcome.pa, outcome.size) == (0xA8_4031_2345, 16 * MIB)
    assert (outcome.attributes.domain, outcome.attributes.domain_access) == (0, DomainAccess.CLIENT)


@pytest.mark.parametrize(("arch", "kind"), [("v7", "reserved"), ("v6", "reserved"), ("v7lpae", "section")])
def test_walk_first_level_type_3_is_a_section_with_pxn(arch: str, kind: str) -> None:
    walked = walk(words({L1: 0x8000_0413}), regs(arch), 0)
    assert walked.steps[0].descriptor.name == kind
    if kind == "section":
        assert mapped(walked).rights == READ | WRITE  # XN too
    else:
        assert walked.outcome == Fault(FaultKind.TRANSLATION, 1, 5)


def test_walk_pxn_of_a_page_table_holds_for_its_pages() -> None:
    memory = words({L1: L2 | 1 << 2 | 1, L2: 0x8000_0032})  # AP 11
    assert mapped(walk(memory, regs("v7lpae"), 0)).rights == Rights.ALL & ~EXECUTE
    assert mapped(walk(memory, regs("v7"), 0)).rights == Rights.ALL  # the bit is reserved there


def test_walk_second_level_fault_knows_its_domain() -> None:
    walked = walk(words({L1: L2 | 5 << 5 | 1, L2: 0}), regs(dacr=0), 0)
    assert walked.outcome == Fault(FaultKind.TRANSLATION, 2, 7, domain=5)
    assert check(walked, READ) == walked.outcome  # before the domain fault


def test_walk_from_ttbr1_and_disabled_ttbr0() -> None:
    memory = words({L2 + 0x800 * 4: 0x8000_0402, L1: 0x8000_0402})
    split = regs(ttbr1=L2, ttbcr=1 | 0x10)
    walked = walk(memory, split, 0x8000_0000)
    assert walked.root is not None
    assert (walked.root.register, mapped(walked).pa) == ("TTBR1", 0x8000_0000)
    closed = walk(memory, split, 0)
    assert closed.root is not None
    assert closed.root.disabled
    assert (closed.steps, closed.outcome) == ((), Fault(FaultKind.TRANSLATION, 1, 5))


def test_walk_big_endian_tables() -> None:
    memory = words({L1: 0x8000_0402}, ">I")
    assert mapped(walk(memory, regs(sctlr=M | EE), 0)).pa == 0x8000_0000


def test_walk_absent_tables_abort() -> None:
    nothing = walk(Chunks({}), regs(), 0x0010_0000)
    assert nothing.outcome == Fault(FaultKind.WALK_ABORT, 1, 0xC)
    assert (nothing.steps, nothing.unread) == ((), L1 + 4)
    half = walk(words({L1: L2 | 2 << 5 | 1}), regs(), 0x1000)
    assert half.outcome == Fault(FaultKind.WALK_ABORT, 2, 0xE, domain=2)
    assert (len(half.steps), half.unread) == (1, L2 + 4)


def test_walk_with_the_mmu_off() -> None:
    walked = walk(Chunks({}), regs(sctlr=0), 0x1234_5678)
    outcome = mapped(walked)
    assert (outcome.pa, outcome.level, outcome.rights) == (0x1234_5678, 0, Rights.ALL)
    assert outcome.memory.type is MemoryType.STRONGLY_ORDERED
    assert check(walked, EXECUTE) == Allowed(0x1234_5678)


@pytest.mark.parametrize("va", [-1, 1 << 32])
def test_walk_refuses_what_is_no_address(va: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        walk(Chunks({}), regs(), va)


# --- up to ARMv5 ----------------------------------------------------------------------------------


def test_walk_subpages_have_rights_of_their_own() -> None:
    page = 0x8000_0002 | 3 << 10 | 2 << 8 | 1 << 6 | 0 << 4
    memory = words({L1: L2 | 1, L2: page})
    rights = [mapped(walk(memory, regs("v5"), quarter << 10)).rights for quarter in range(4)]
    user_reads = Rights.USER_READ | Rights.USER_EXECUTE
    assert rights == [Rights.NONE, Rights.PRIV, Rights.PRIV | user_reads, Rights.ALL]


def test_walk_large_page_subpages_are_sixteen_kib() -> None:
    page = 0x8001_0001 | 3 << 10
    memory = words({L1: L2 | 1, **{L2 + 4 * n: page for n in range(16)}})
    rights = [mapped(walk(memory, regs("v5"), va)).rights for va in (0xBFFF, 0xC000)]
    assert rights == [Rights.NONE, Rights.ALL]


def test_walk_fine_table_and_tiny_page() -> None:
    #  VA 0x00100c05: second level VA[19:10] = 3, offset 5
    memory = words({L1 + 4: L2 | 7 << 5 | 3, L2 + 3 * 4: 0x8000_0C00 | 1 << 4 | 3})
    walked = walk(memory, regs("v5"), 0x0010_0C05)
    assert [step.descriptor.name for step in walked.steps] == ["fine page table", "tiny page"]
    outcome = mapped(walked)
    assert (outcome.pa, outcome.size, outcome.attributes.domain) == (0x8000_0C05, KIB, 7)


@pytest.mark.parametrize(
    ("arch", "sctlr", "name"),
    [
        ("v5", M, "reserved"),
        ("xscale", M, "extended small page"),
        ("v6", M, "extended small page"),
        ("v6", M | XP, "small page"),
    ],
)
def test_walk_second_level_type_3_by_architecture(arch: str, sctlr: int, name: str) -> None:
    memory = words({L1: L2 | 1, L2: 0x8000_0013})
    assert walk(memory, regs(arch, sctlr=sctlr), 0).steps[1].descriptor.name == name


@pytest.mark.parametrize(
    ("arch", "name"), [("v5", "fine page table"), ("xscale", "fine page table"), ("v6", "reserved")]
)
def test_walk_first_level_type_3_before_v7(arch: str, name: str) -> None:
    assert walk(words({L1: L2 | 3, L2: 0}), regs(arch, sctlr=M), 0).steps[0].descriptor.name == name


# --- long descriptors -----------------------------------------------------------------------------


def test_walk_long_page_through_three_levels() -> None:
    #  VA 0xc0403abc: 3, 2, 3, 0xabc
    page = 0x8_4000_0000 | 1 << 10 | 3 << 8 | 1 << 6 | 3 << 2 | 3
    memory = words({L1 + 24: L2 | 3, L2 + 16: L3 | 3, L3 + 24: page}, "<Q")
    walked = walk(memory, long_regs(), 0xC040_3ABC)
    assert [(step.level, step.index, step.word) for step in walked.steps] == [
        (1, 3, L2 | 3),
        (2, 2, L3 | 3),
        (3, 3, page),
    ]
    outcome = mapped(walked)
    assert (outcome.pa, outcome.size, outcome.level) == (0x8_4000_0ABC, 4 * KIB, 3)
    assert outcome.rights == Rights.ALL
    assert (outcome.attributes.domain, outcome.attributes.domain_access) == (None, None)
    assert outcome.memory.type is MemoryType.NORMAL


def test_walk_long_blocks() -> None:
    giga, mega = 0x1_C000_0401, 0x1_0060_0000 | 1 << 52 | 0x401
    memory = words({L1: giga, L1 + 8: L2 | 3, L2 + 8: mega}, "<Q")
    first, second = (mapped(walk(memory, long_regs(), va)) for va in (0x1234_5678, 0x4020_1234))
    assert (first.pa, first.size, first.contiguous) == (0x1_D234_5678, 1 << 30, False)
    assert (second.pa, second.size, second.contiguous) == (0x1_0060_1234, 2 * MIB, True)


def test_walk_long_tables_restrict_what_is_below() -> None:
    page = 0x8000_0000 | 1 << 10 | 1 << 6 | 3  # rw/rw, executable
    no_writes, no_user, xn, pxn = 2 << 61, 1 << 61, 1 << 60, 1 << 59

    def rights(first: int, second: int) -> Rights:
        memory = words({L1: L2 | 3 | first, L2: L3 | 3 | second, L3: page}, "<Q")
        return mapped(walk(memory, long_regs(), 0)).rights

    assert rights(0, 0) == Rights.ALL
    assert rights(no_writes, 0) == rights(0, no_writes) == Rights.READ | Rights.EXECUTE
    assert rights(no_writes, no_user) == READ | EXECUTE
    assert rights(xn, 0) == Rights.READ | Rights.WRITE
    assert rights(0, pxn) == Rights.ALL & ~EXECUTE


@pytest.mark.parametrize(("word", "level"), [(0, 3), (1, 3), (2, 3)])
def test_walk_long_third_level_knows_pages_only(word: int, level: int) -> None:
    memory = words({L1: L2 | 3, L2: L3 | 3, L3: word}, "<Q")
    assert walk(memory, long_regs(), 0).outcome == Fault(FaultKind.TRANSLATION, level, 4 | level)


def test_walk_long_beginning_at_level_2() -> None:
    #  T0SZ = 2: 1 GiB, its level 2 table straight in TTBR0
    memory = words({L1 + 8 * 5: 0x8000_0401}, "<Q")
    regs_ = long_regs(ttbcr=EAE | 2)
    assert [step.level for step in walk(memory, regs_, 0x00A0_0000).steps] == [2]
    assert mapped(walk(memory, regs_, 0x00A0_0001)).pa == 0x8000_0001


def test_walk_long_gap_between_the_roots() -> None:
    walked = walk(Chunks({}), long_regs(ttbcr=EAE | 2 << 16 | 2), 0x8000_0000)
    assert (walked.root, walked.outcome) == (None, Fault(FaultKind.TRANSLATION, 1, 5))


def test_walk_long_absent_table_aborts() -> None:
    walked = walk(words({L1: L2 | 3}, "<Q"), long_regs(), 0)
    assert (walked.outcome, walked.unread) == (Fault(FaultKind.WALK_ABORT, 2, 0x16), L2)


# --- Secure state ---------------------------------------------------------------------------------


def test_walk_ns_counts_in_secure_state_only() -> None:
    plain, ns = words({L1: 0x8000_0402}), words({L1: 0x8008_0402})

    def secure(memory: Chunks, state: bool) -> bool:
        return mapped(walk(memory, Regs(arch="v7", sctlr=M, ttbr0=L1, secure=state), 0)).attributes.secure

    assert [secure(plain, True), secure(ns, True), secure(plain, False)] == [True, False, False]


def test_walk_nstable_makes_all_below_non_secure() -> None:
    for bit in (0, 1 << 63):
        memory = words({L1: L2 | 3 | bit, L2: 0x8000_0401}, "<Q")
        regs_ = Regs(arch="v7lpae", sctlr=M, ttbr0=L1, ttbcr=EAE, secure=True)
        assert mapped(walk(memory, regs_, 0)).attributes.secure == (bit == 0)


# --- check: faults in the architecture's order ----------------------------------------------------


def test_check_permission() -> None:
    walked = walk(words({L1: 0x8000_8402}), regs(), 0x1234)  # AP 101: privileged read-only
    assert check(walked, READ) == Allowed(0x8000_1234)
    assert check(walked, WRITE) == Fault(FaultKind.PERMISSION, 1, 0xD, domain=0)
    assert check(walked, Rights.USER_READ) == Fault(FaultKind.PERMISSION, 1, 0xD, domain=0)
    assert check(walked, READ | EXECUTE) == Allowed(0x8000_1234)
    assert check(walked, READ | WRITE) == Fault(FaultKind.PERMISSION, 1, 0xD, domain=0)


@pytest.mark.parametrize(
    ("control", "expected"),
    [(0, FaultKind.DOMAIN), (1, FaultKind.PERMISSION), (2, FaultKind.DOMAIN), (3, None)],
)
def test_check_domain(control: int, expected: FaultKind | None) -> None:
    walked = walk(words({L1: L2 | 9 << 5 | 1, L2: 0x8000_0003}), regs(dacr=control << 18), 0)  # AP 000, XN
    answer = check(walked, EXECUTE)
    if expected is None:
        assert answer == Allowed(0x8000_0000)
        assert mapped(walked).attributes.granted == Rights.NONE
    else:
        assert answer == Fault(expected, 2, 0xB if expected is FaultKind.DOMAIN else 0xF, domain=9)


@pytest.mark.parametrize("dacr", [0, ALL_CLIENTS, 0xFFFF_FFFF])
def test_check_access_flag_comes_before_the_domain(dacr: int) -> None:
    section = walk(words({L1: 0x8000_0802}), regs(sctlr=M | AFE, dacr=dacr), 0)
    assert check(section, READ) == Fault(FaultKind.ACCESS_FLAG, 1, 3, domain=0)
    page = walk(words({L1: L2 | 1, L2: 0x8000_0022}), regs(sctlr=M | AFE, dacr=dacr), 0)
    assert check(page, READ) == Fault(FaultKind.ACCESS_FLAG, 2, 6, domain=0)
    assert mapped(page).attributes.accessed is False


def test_check_long_access_flag() -> None:
    walked = walk(words({L1: 0x1}, "<Q"), long_regs(), 0)
    assert check(walked, READ) == Fault(FaultKind.ACCESS_FLAG, 1, 9)
