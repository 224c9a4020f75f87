"""crash's vtop: against a session that was posted (crash-utility/crash-extensions, "vtop" of an LPAE kernel)."""

from __future__ import annotations

import struct

from bootmap.analysis.vtop import vtop
from bootmap.mmu.memory import Chunks
from bootmap.report.crash_text import crash_text


def test_crash_text_of_a_long_page() -> None:
    """PAGE DIRECTORY cc7c1e00, PGD 8c7c1e10 => 8e27d003, PTE fa2e9978 => e00000f9d7ef5f, PAGE f9d7e000."""
    va = 0x8000_0000 | 3 << 21 | 0x12F << 12 | 0x234
    memory = Chunks(
        {
            0x8C7C_1E10: struct.pack("<Q", 0x8E27_D003),
            0x8E27_D000 + 3 * 8: struct.pack("<Q", 0xFA2E_9003),
            0xFA2E_9978: struct.pack("<Q", 0xE0_0000_F9D7_EF5F),
        }
    )
    found = vtop(memory, "little", 0x8C7C_1E00, 0xCC7C_1E00, va, long=True)
    assert found.pa == 0xF9D7_E234
    assert crash_text(found).splitlines() == [
        "VIRTUAL   PHYSICAL",
        f"{va:x}  f9d7e234",
        "",
        "PAGE DIRECTORY: cc7c1e00",
        "  PGD: 8c7c1e10 => 8e27d003",
        "  PTE: fa2e9978 => e00000f9d7ef5f",
        "",
        " PAGE: f9d7e000",
        "",
        "     PTE        PHYSICAL  FLAGS",
        "e00000f9d7ef5f  f9d7e000  (PRESENT|DIRTY|YOUNG|WRITE)",
    ]


def test_crash_text_of_nothing() -> None:
    """A pgd entry of 0 ends the walk after its line; a pte of 0 after that one's."""
    memory = Chunks({0x4000_7000: struct.pack("<I", 0), 0x4000_7008: struct.pack("<I", 0x4800_0811)})
    found = vtop(memory, "little", 0x4000_4000, 0xC000_4000, 0xC000_0000, long=False)
    assert crash_text(found).splitlines()[1:] == [
        "c0000000  (not mapped)",
        "",
        "PAGE DIRECTORY: c0004000",
        "  PGD: c0007000 => 0",
    ]


def test_crash_text_of_a_section_of_two_megabytes() -> None:
    memory = Chunks({0x4000_3018: struct.pack("<Q", 0x4000_7003), 0x4000_7010: struct.pack("<Q", 0x4040_071D)})
    found = vtop(memory, "little", 0x4000_3000, 0xC000_3000, 0xC041_2345, long=True)
    assert found.pa == 0x4041_2345
    assert crash_text(found).splitlines()[3:] == [
        "PAGE DIRECTORY: c0003000",
        "  PGD: 40003018 => 40007003",
        " PAGE: 40400000  (2MB)",
    ]
