"""Oopses of real machines, quoted from where they were published, and texts that are none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.errors import InputError
from bootmap.inputs.oops_log import MOST_OOPSES, Oops, parse_oopses, read_oopses

PUBLIC = (Path(__file__).parents[1] / "data" / "oops" / "public.txt").read_text()
QUOTES = {part.split("\n", 1)[0]: part.split("\n", 2)[2] for part in re.split(r"(?m)^=== ", PUBLIC)[1:]}

PAGE = "[7f1dd14c] *pgd=393ad811, *pte=3611a4df, *ppte=3611a65e"


def one(text: str) -> Oops:
    (found,) = parse_oopses(text)
    return found


def words(oops: Oops) -> list[tuple[str, int]]:
    return [(entry.name, entry.value) for entry in oops.entries]


def test_parse_every_quote_has_its_oopses() -> None:
    assert len(QUOTES) >= 20
    for name, text in QUOTES.items():
        found = parse_oopses(text)
        assert len(found) == (3 if name == "optee-3023" else 1), name
        assert all(oops.address is not None and oops.entries_address == oops.address for oops in found), name


def test_parse_a_whole_oops() -> None:
    oops = one(QUOTES["penguin-532"])
    assert (oops.kind, oops.name, oops.address, oops.fsr) == ("unhandled", "page domain fault", 0x28, 0x1B)
    assert (oops.control, oops.table, oops.dac) == (0x10C53C7D, 0x6DF30059, 0x51)
    assert (oops.version, oops.process, oops.mode, oops.pc_at) == ("4.10.0", "cloud", "SVC", "unix_bind+0x19c/0x258")
    assert words(oops) == [("pgd", 0xBFA3D835)]


def test_parse_line_that_mail_has_wrapped() -> None:
    oops = one(QUOTES["tegra-wrapped"])
    assert (oops.address, oops.fsr) == (0xBFFF6000, 7)
    assert words(oops) == [("pgd", 0x1BFD9811), ("pte", 0), ("ppte", 0)]


def test_parse_line_broken_in_its_words() -> None:
    oops = one(QUOTES["at91-inflate"])
    assert (oops.address, oops.fsr, oops.version, oops.pgd) == (1, 5, "2.6.28", 0xC0004000)


def test_parse_names_of_cpu_and_process_before_each_line() -> None:
    oops = one(QUOTES["goyawifi-1"])
    assert (oops.address, words(oops), oops.fsr, oops.pgd) == (0x65776F70, [("pgd", 0)], 5, 0xC0104000)


def test_parse_carriage_returns_levels_and_threads() -> None:
    lines = [
        "<1>[   12.345678][  T101] 8<--- cut here ---",
        "<1>[   12.345679][  T101] Unable to handle kernel paging request at virtual address c0a0da06 when write",
        "<1>[   12.345680][  T101] [c0a0da06] *pgd=00a1941e(bad)",
        "<0>[   12.345681][  T101] Internal error: Oops: 80d [#1] SMP ARM",
    ]
    oops = one("\r\n".join(lines) + "\r\n")
    assert (oops.address, oops.access, oops.fsr) == (0xC0A0DA06, "write", 0x80D)
    assert [(entry.name, entry.value, entry.bad) for entry in oops.entries] == [("pgd", 0x00A1941E, True)]


def test_parse_words_that_another_line_cut_off() -> None:
    """Each continuation is a message of its own, and another CPU's may come between."""
    oops = one(f"[   1.000000] {PAGE[:24]}\n[   1.000001] {PAGE[24:]}\n")
    assert words(oops) == [("pgd", 0x393AD811), ("pte", 0x3611A4DF), ("ppte", 0x3611A65E)]


@pytest.mark.parametrize(
    "text",
    [
        "[c0a2b3c4] *pgd=393ad811, *pte=3611a4df, *ppte=3611a65e\n",
        "[c0a2b3c4] *pgd=3D393ad811, *pte=3D3611a4df, *ppte=3D3611a65e\nroot=3D/dev/sda1\n",
        "> [c0a2b3c4] *pgd=3D393ad811, *pte=3D3611a4df, =\n> *ppte=3D3611a65e\n> root=3D/dev/sda1\n",
        "&gt; [c0a2b3c4] *pgd=393ad811, *pte=3611a4df, *ppte=3611a65e\n",
        "<1>[c0a2b3c4] *pgd=393ad811, *pte=3611a4df, *ppte=3611a65e\r\n",
        "[c0a2b3c4]\x1b[0m *pgd=393ad811,\n*pte=3611a4df, *ppte=3611a65e\n",
    ],
)
def test_parse_words_in_any_encoding(text: str) -> None:
    (oops,) = parse_oopses(text)
    assert [(entry.name, entry.value) for entry in oops.entries] == [
        ("pgd", 0x393AD811),
        ("pte", 0x3611A4DF),
        ("ppte", 0x3611A65E),
    ]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("*pgd=00000000c", [0]),  # the continuation's mark of 5.7, printed
        ("*pgd=80000040007003, *pmd=00000000", [0x80000040007003, 0]),  # long descriptors
        ("*pgd=8000004000600301, *pmd=2fd7a003", [0x8000004000600301, 0x2FD7A003]),
    ],
)
def test_parse_width_of_words(words: str, values: list[int]) -> None:
    (oops,) = parse_oopses(f"[c30050b0] {words}\n")
    assert [entry.value for entry in oops.entries] == values


def test_parse_every_level_name() -> None:
    oops = one("[c0001000] *pgd=00004003, *p4d=00004003, *pud=00004003, *pmd=4000071d(bad)")
    assert [entry.name for entry in oops.entries] == ["pgd", "p4d", "pud", "pmd"]
    assert [entry.bad for entry in oops.entries] == [False, False, False, True]


def test_parse_prefetch_abort_and_user_fault() -> None:
    prefetch = one("Unhandled prefetch abort: debug event (0x002) at 0xb6f12344")
    assert (prefetch.kind, prefetch.access, prefetch.fsr, prefetch.address) == ("prefetch", "execute", 2, 0xB6F12344)
    user = one("a.out: unhandled page fault (11) at 0x00000010, code 0x817\npgd = de0f4000\n[00000010] *pgd=00000000")
    assert (user.kind, user.fsr, user.address, words(user)) == ("user", 0x817, 0x10, [("pgd", 0)])


def test_parse_execution_of_memory() -> None:
    oops = one(
        "Unable to handle kernel execution of memory at virtual address bf000000\nInternal error: Oops: 8000000f [#1]"
    )
    assert (oops.access, oops.fsr) == ("execute", 0x8000000F)


def test_parse_counts_blank_lines() -> None:
    text = f"kernel:\n\n> \n\n[    1.000000] \n{PAGE}\n\n\n{PAGE}\n"
    assert [oops.line for oops in parse_oopses(text)] == [6, 9]


def test_parse_bare_line_of_words() -> None:
    oops = one(f"noise\n{PAGE}\n")
    assert (oops.line, oops.address, oops.fsr, len(oops.entries)) == (2, 0x7F1DD14C, None, 3)


def test_parse_undefined_instruction_has_no_status() -> None:
    """``Oops - undefined instruction: 0`` is not a fault status."""
    assert one(f"{PAGE}\nInternal error: Oops - undefined instruction: 0 [#1] ARM").fsr is None


def test_parse_cpu_from_the_log_before() -> None:
    log = "CPU: ARMv7 Processor [412fc0f2] revision 2 (ARMv7), cr=10c5387d\n" + QUOTES["t113-2"]
    assert one(log).midr == 0x412FC0F2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Linux version 6.1.0",
        "Unable to handle kernel paging request at virtual address ffffffc011b33000",
        "[ffffffc011b33000] pgd=000000007ffff003, p4d=000000007ffff003",
        "BUG: unable to handle kernel NULL pointer dereference at (null)",
    ],
)
def test_parse_no_oops_of_this_architecture(text: str) -> None:
    assert parse_oopses(text) == ()


def test_parse_is_bounded() -> None:
    assert len(parse_oopses(f"{PAGE}\n" * (MOST_OOPSES + 10))) == MOST_OOPSES


def test_read_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe\x00 no oops")
    with pytest.raises(InputError, match="holds no oops"):
        read_oopses(str(path))
    with pytest.raises(InputError, match="absent: no such file"):
        read_oopses(str(tmp_path / "absent"))
    with pytest.raises(InputError):
        read_oopses(str(tmp_path))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from(sorted(QUOTES)), st.integers(0, 700), st.integers(0, 40))
def test_parse_any_text(noise: str, name: str, at: int, cut: int) -> None:
    text = QUOTES[name]
    for oops in parse_oopses(text[:at] + noise + text[at + cut :]):
        assert oops.line >= 1
        assert all(0 <= entry.value < 1 << 64 for entry in oops.entries)
