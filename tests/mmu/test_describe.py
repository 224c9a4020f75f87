from __future__ import annotations

import struct

from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.memory_attrs import MAIR_HALF, MemoryAttributes, MemoryType, Shareability
from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.describe import attributes_text, fault_kind_text, memory_text, rights_text, step_fields, walk_text
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import Regs
from bootmap.mmu.walk import Mapped, walk

L1, L2 = 0x4020_4000, 0x6FFF_DC00
LINUX = {"sctlr": 0x10C5_387D, "prrr": 0xFF0A_81A8, "nmrr": 0x40E0_40E0}


def memory(at: dict[int, int], form: str = "<I") -> Chunks:
    return Chunks({address: struct.pack(form, word) for address, word in at.items()})


def test_walk_text_of_a_page() -> None:
    # The vectors page of a recorded Linux 6.1 on Cortex-A15.
    tables = memory({L1 + 0xFFF * 4: 0x6FFF_DC61, L2 + 0xF0 * 4: 0x6FFF_E67E})
    assert walk_text(walk(tables, Regs(arch="v7lpae", ttbr0=L1, **LINUX), 0xFFFF_0000)) == [
        "TTBR0: table at 0x40204000",
        "level 1 [0xfff] at 0x40207ffc: 0x6fffdc61 page table -> 0x6fffdc00",
        "level 2 [0x0f0] at 0x6fffdfc0: 0x6fffe67e small page",
        "0x6fffe000, 4 KiB: r-x r-x, normal, write-back write-allocate, inner shareable, domain 3 client",
    ]


def test_walk_text_of_faults() -> None:
    regs = Regs(arch="v7", ttbr0=L1, **LINUX)
    assert walk_text(walk(memory({L1: 0}), regs, 0)) == [
        "TTBR0: table at 0x40204000",
        "level 1 [0x000] at 0x40204000: 0x00000000 fault",
        "translation fault, level 1, status 0x05",
    ]
    assert walk_text(walk(Chunks({}), regs, 0)) == [
        "TTBR0: table at 0x40204000",
        "no memory at 0x40204000",
        "external abort on translation table walk, level 1, status 0x0c",
    ]
    closed = Regs(arch="v7", ttbr0=L1, ttbcr=0x10, **LINUX)
    assert walk_text(walk(Chunks({}), closed, 0))[0] == "TTBR0: table at 0x40204000, disabled by TTBCR"


def test_walk_text_without_a_table() -> None:
    off = walk(Chunks({}), Regs(arch="v7", sctlr=0, ttbr0=0), 0x1000)
    assert walk_text(off) == [
        "the MMU is off: addresses are physical",
        "0x00001000, 4 KiB: rwx rwx, strongly-ordered",
    ]
    gap = walk(Chunks({}), Regs(arch="v7lpae", sctlr=1, ttbr0=0, ttbcr=1 << 31 | 0x20002), 0x8000_0000)
    assert walk_text(gap)[0] == "no translation table serves this address (TTBCR.T0SZ, T1SZ)"


def test_step_fields_of_a_section() -> None:
    walked = walk(memory({L1 + 0xC03 * 4: 0x4031_140E}), Regs(arch="v7", ttbr0=L1, **LINUX), 0xC030_0000)
    found = {
        field.name: (field.place, field.value, field.meaning) for field in step_fields(walked.steps[0], walked.regime)
    }
    assert found["base"] == ("[31:20]", "0x403", "address 0x40300000")
    assert found["TEX"] == ("[14:12]", "001", "TEX, C, B: normal, write-back write-allocate, inner shareable")
    assert found["AP[1:0]"] == ("[11:10]", "01", "AP[2:0] = 001: rw- ---")
    assert found["domain"] == ("[8:5]", "0000", "0: client")
    assert found["XN"] == ("[4]", "0", "may be executed")
    assert found["nG"] == ("[17]", "0", "global")
    assert found["S"] == ("[16]", "1", "shareable")
    assert found["type"] == ("[1:0]", "10", "section")
    assert found["NS"][2] == "no effect in Non-secure state"


def test_step_fields_with_the_access_flag() -> None:
    regs = Regs(arch="v7", ttbr0=L1, sctlr=1 | 1 << 29)
    walked = walk(memory({L1: 0x8000_8802}), regs, 0)
    found = {field.name: field.meaning for field in step_fields(walked.steps[0], walked.regime)}
    assert (
        found["AP[1:0]"] == "AP[2:1] = 11: r-- r--; AP[0] is the access flag: not accessed yet: the first access faults"
    )


def test_step_fields_of_quarters_and_of_long_blocks() -> None:
    tables = memory({L1: L2 | 0x11, L2: 0x8000_0C0E})
    walked = walk(tables, Regs(arch="v5", ttbr0=L1, sctlr=1), 0)
    found = {field.name: field.meaning for field in step_fields(walked.steps[1], walked.regime)}
    assert found["AP3"] == "quarter 3 of the page: rw- rw-"
    assert found["C"] == "C, B: normal, write-back, non-shareable"
    regs = Regs(arch="v7lpae", ttbr0=L1, sctlr=1, ttbcr=1 << 31, mair1=0xFF00_0000)
    walked = walk(memory({L1: 0x8000_0000 | 1 << 54 | 0x71D | 1 << 7}, "<Q"), regs, 0)
    found = {field.name: field.meaning for field in step_fields(walked.steps[0], walked.regime)}
    assert found["XN"] == "execute never"
    assert found["AP[2:1]"] == "r-- ---, unless a table above takes it away"
    assert found["AttrIndx"] == "with SH: normal, write-back write-allocate, inner shareable"


def test_attributes_text_says_what_differs() -> None:
    tables = memory({L1: L2 | 1, L2: 0x8000_0822})
    regs = Regs(arch="v7", ttbr0=L1, sctlr=1 | 1 << 29, dacr=3, secure=True)
    outcome = walk(tables, regs, 0).outcome
    assert isinstance(outcome, Mapped)
    assert attributes_text(outcome.attributes) == (
        "rwx rwx, strongly-ordered, domain 0 manager (no checks), access flag 0, not global, secure"
    )
    outcome = walk(memory({L1: 0x8000_0402}), Regs(arch="v7", ttbr0=L1, sctlr=1, dacr=0), 0).outcome
    assert isinstance(outcome, Mapped)
    assert attributes_text(outcome.attributes) == (
        "--- ---, strongly-ordered, domain 0 no access, a client would have rwx ---"
    )


def test_rights_text_of_each_right() -> None:
    assert [rights_text(right) for right in (Rights.NONE, Rights.PRIV_READ, Rights.USER_WRITE, Rights.ALL)] == [
        "--- ---",
        "r-- ---",
        "--- -w-",
        "rwx rwx",
    ]


def test_memory_text_of_two_policies() -> None:
    memory_ = MemoryAttributes(MemoryType.NORMAL, MAIR_HALF[0b1001], MAIR_HALF[0b0110], Shareability.NONE)
    assert memory_text(memory_) == (
        "normal, inner write-through write-allocate no-read-allocate, outer write-back transient, non-shareable"
    )


def test_fault_kind_text_by_format() -> None:
    assert fault_kind_text(FaultKind.TRANSLATION, 1, long=False) == "section translation fault"
    assert fault_kind_text(FaultKind.PERMISSION, 2, long=False) == "page permission fault"
    assert fault_kind_text(FaultKind.PERMISSION, 3, long=True) == "level 3 permission fault"
    assert fault_kind_text(FaultKind.ALIGNMENT, None, long=False) == "alignment fault"
