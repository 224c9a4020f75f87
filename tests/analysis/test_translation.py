"""A translation from every side: Linux's halves where the kernel keeps them, ranges of descriptors, symbols."""

from __future__ import annotations

import struct

from bootmap.analysis.translation import SymbolFinder, descriptors_in, translate
from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import Regs, regime_of
from bootmap.units import Span

L1 = 0x4020_4000
LINUX = {"sctlr": 0x10C5_387D, "prrr": 0xFF0A_81A8, "nmrr": 0x40E0_40E0}
REGIME = regime_of(Regs(arch="v7lpae", ttbr0=L1, **LINUX))
# The vectors page of a recorded Linux 6.1 on Cortex-A15: hardware pte 240 of the second table, Linux's pte 496.
VECTORS = Chunks(
    {
        L1 + 0xFFF * 4: struct.pack("<I", 0x6FFF_DC61),
        0x6FFF_DFC0: struct.pack("<I", 0x6FFF_E67E),
        0x6FFF_D7C0: struct.pack("<I", 0x6FFF_E5DF),
    }
)


def test_translate_finds_the_linux_half() -> None:
    found = translate(VECTORS, REGIME, 0xFFFF_0123, [Rights.USER_READ, Rights.PRIV_WRITE])
    first, second = found.entries
    assert first.linux is None
    assert second.linux is not None
    assert (second.linux.address, second.linux.index, second.linux.word) == (0x6FFF_D7C0, 496, 0x6FFF_E5DF)
    allowed, refused = found.verdicts
    assert (allowed.fsr, refused.fsr) == (None, 0x83F)  # WnR, domain 3, page permission fault
    assert found.faults
    assert not translate(VECTORS, REGIME, 0xFFFF_0123).faults


def test_translate_table_that_linux_did_not_make() -> None:
    """A hardware table in the front half of its page has no Linux ptes before it."""
    memory = Chunks({L1: struct.pack("<I", 0x4800_0001), 0x4800_0000: struct.pack("<I", 0x5000_0032)})
    found = translate(memory, REGIME, 0)
    assert [entry.linux for entry in found.entries] == [None, None]
    lost = Chunks({L1: struct.pack("<I", 0x4800_0801), 0x4800_0800: struct.pack("<I", 0x5000_0032)})
    assert translate(lost, REGIME, 0).entries[1].linux is None


def test_descriptors_in_supersections_and_holes() -> None:
    """A supersection is met once, an empty first-level entry every MiB, a page that is not there every 4 KiB."""
    entries = [0x4004_0402] * 16 + [0, 0, 0x4800_0801]
    memory = Chunks({L1: struct.pack(f"<{len(entries)}I", *entries), 0x4800_0800: bytes(1024)})
    found = list(descriptors_in(memory, REGIME, Span(0x12_3000, 0x120_3000)))
    assert found == [0x12_3000, 0x100_0000, 0x110_0000, 0x120_0000, 0x120_1000, 0x120_2000]


def test_descriptors_in_long_format() -> None:
    regime = regime_of(Regs(arch="v7lpae", ttbr0=L1, sctlr=1, ttbcr=1 << 31))
    memory = Chunks({L1: struct.pack("<4Q", 0x4800_0003, 0, 0x8000_0701, 0), 0x4800_0000: bytes(4096)})
    assert list(descriptors_in(memory, regime, Span(0x3FC0_0000, 1 << 32))) == [
        0x3FC0_0000,
        0x3FE0_0000,
        0x4000_0000,
        0x8000_0000,
        0xC000_0000,
    ]


def test_symbol_finder() -> None:
    names = SymbolFinder({"_text": 0xC000_8000, "__head": 0xC000_8000, "stext": 0xC000_8100, "far": 0xC100_0000})
    assert names.name(0xC000_8000) == "_text"
    assert names.name(0xC000_8104) == "stext+0x4"
    assert names.name(0xC000_7FFF) is None
    assert names.name(0xC0F0_0000) is None
    assert SymbolFinder({}).name(0) is None
