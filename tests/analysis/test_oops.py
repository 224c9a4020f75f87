"""Printed words and fault status of real oopses, and of ones whose words come from recorded tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recordings import case

from bootmap.analysis.oops.expected import expected
from bootmap.analysis.oops.oops import OopsJudgement, judge
from bootmap.facts.arm.faults import FaultKind
from bootmap.inputs.oops_log import Oops, PrintedEntry, parse_oopses
from bootmap.mmu.walk import Allowed, Fault, Mapped

PUBLIC = (Path(__file__).parents[1] / "data" / "oops" / "public.txt").read_text()
QUOTES = {part.split("\n", 1)[0]: part.split("\n", 2)[2] for part in re.split(r"(?m)^=== ", PUBLIC)[1:]}

TRANSLATION, PERMISSION, DOMAIN = FaultKind.TRANSLATION, FaultKind.PERMISSION, FaultKind.DOMAIN
EXTERNAL, LATE, ALIGNMENT = FaultKind.EXTERNAL_ABORT, FaultKind.ASYNC_ABORT, FaultKind.ALIGNMENT

# Decoded by hand with DDI 0406C B3.13.3 (short: FS[3:0] and bit 10; long: STATUS; bit 11 is a write).
# name -> for each oops: kind, level, access, agreement
STATUS = {
    "feh-574": [(TRANSLATION, 2, "read", "agrees")],
    "rpi-1256": [(TRANSLATION, 2, "write", "agrees")],
    "sunxi-190": [(TRANSLATION, 2, "read", "agrees")],
    "zfs-4048": [(TRANSLATION, 2, "read", "differs")],
    "rpi-3494": [(TRANSLATION, 3, "read", "differs")],
    "rpi-4178": [(TRANSLATION, 1, "read", "agrees")],
    "dram-driver": [(ALIGNMENT, None, "write", "not of the tables")],
    "at91-inflate": [(TRANSLATION, 1, "read", "agrees")],
    "optee-3023": [
        (LATE, None, "write", "not of the tables"),
        (EXTERNAL, None, "read", "not of the tables"),
        (LATE, None, "write", "not of the tables"),
    ],
    "minimonk": [(EXTERNAL, None, "write", "not of the tables")],
    "penguin-532": [(DOMAIN, 2, "read", "agrees")],
    "rpi-1381": [(DOMAIN, 2, "read", "unknown")],
    "openbmc-53": [(ALIGNMENT, None, "read", "not of the tables")],
    "t113-2": [(TRANSLATION, 1, "read", "agrees")],
    "rpi-1019": [(PERMISSION, 2, "write", "agrees")],
    "rpi-2403": [(TRANSLATION, 2, "read", "agrees")],
    "openbmc-2962": [(TRANSLATION, 1, "write", "agrees")],
    "zfs-3475": [(TRANSLATION, 2, "read", "agrees")],
    "tegra-wrapped": [(TRANSLATION, 2, "read", "agrees")],
    "goyawifi-1": [(TRANSLATION, 1, "read", "agrees")],
    "rpi-firmware-239": [(TRANSLATION, 1, "read", "agrees")],
}


def one(text: str, arch: str | None = None) -> OopsJudgement:
    (oops,) = parse_oopses(text)
    return judge(oops, arch)


def text_of(address: int, words: str, status: int, rest: str = "") -> str:
    return (
        f"Unable to handle kernel paging request at virtual address {address:08x}\n[{address:08x}] {words}\n"
        f"Internal error: Oops: {status:x} [#1] SMP ARM\n{rest}"
    )


@pytest.mark.parametrize("name", sorted(STATUS))
def test_judge_public_oopses(name: str) -> None:
    found = [judge(oops) for oops in parse_oopses(QUOTES[name])]
    answers = [
        (each.status.kind, each.status.level, each.access, each.agreement) for each in found if each.status is not None
    ]
    assert answers == STATUS[name]


def test_judge_every_quote_is_expected() -> None:
    assert QUOTES.keys() - STATUS.keys() == {"rodata-section"}  # whose status was not quoted


@pytest.mark.parametrize(
    "name", ["feh-574", "rpi-1256", "sunxi-190", "rpi-1019", "rpi-2403", "zfs-3475", "tegra-wrapped"]
)
def test_judge_domain_of_status_and_word(name: str) -> None:
    """Real CPUs put the first-level word's domain into the status: both were printed, and are the same."""
    (oops,) = parse_oopses(QUOTES[name])
    found = judge(oops)
    assert found.walk is not None
    assert oops.fsr is not None
    assert found.walk.steps[0].fields["domain"] == oops.fsr >> 4 & 15
    assert any("is that of the first-level word" in reason for reason in found.reasons)


@pytest.mark.parametrize("name", ["deb-6.1", "deb-6.1-lpae", "deb-6.12"])
def test_judge_provoked_external_aborts(name: str) -> None:
    """A guest's devmem read 0x0b000000 and wrote 0x0b000004, where QEMU has nothing: the words lead just there."""
    text = re.split(r"(?m)^=== ", (Path(__file__).parents[1] / "data" / "oops" / "devmem.txt").read_text())
    (part,) = (part for part in text if part.split("\n", 1)[0] == name)
    found = [judge(oops) for oops in parse_oopses(part)]
    assert [(each.access, each.user, each.agreement) for each in found] == [
        ("read", True, "not of the tables"),
        ("write", True, "not of the tables"),
    ]
    assert all(each.status is not None and each.status.kind is EXTERNAL for each in found)
    assert [each.answer for each in found] == [Allowed(0x0B000000), Allowed(0x0B000004)]
    assert {each.regs.arch for each in found} == {"v7lpae" if "lpae" in name else "v7"}


def test_judge_second_of_a_pair() -> None:
    """0x7f1dd14c is in the odd MiB of its pair: the word that the CPU reads leads 1 KiB behind the one printed."""
    found = one(QUOTES["rpi-1019"])
    assert found.walk is not None
    assert [step.word for step in found.walk.steps] == [0x393ADC11, 0x3611A65E]
    assert found.walk.steps[1].address == 0x393ADC00 + 0xDD * 4
    assert found.linux == 0x3611A4DF


def test_judge_kernel_thread_prints_another_table() -> None:
    for name in ("zfs-4048", "rpi-3494"):
        assert any("kernel thread" in reason for reason in one(QUOTES[name]).reasons)


def test_judge_stale_tlb() -> None:
    """A write to a page that the words let the kernel write: they are not what the CPU met."""
    found = one(text_of(0xBF000000, "*pgd=40002811, *pte=4123445f, *ppte=4123445e", 0x80F))
    assert found.agreement == "differs"
    assert any("TLB" in reason for reason in found.reasons)


def test_judge_execution() -> None:
    """ppte 0x...45f has XN (bit 0): a fetch faults, a read does not."""
    fetch = one(text_of(0xBF000000, "*pgd=40002811, *pte=4123465f, *ppte=4123445f", 0x8000000F))
    assert (fetch.access, fetch.agreement) == ("execute", "agrees")
    read = one(text_of(0xBF000000, "*pgd=40002811, *pte=4123465f, *ppte=4123445f", 0xF))
    assert read.agreement == "differs"


def test_judge_section_read_only() -> None:
    """The word of the rodata quote is a section, AP[2:0] 101 and XN: a write is a permission fault of level 1."""
    written = one(text_of(0xC0A0DA06, "*pgd=00a1941e(bad)", 0x80D))
    assert written.agreement == "agrees"
    assert written.walk is not None
    assert isinstance(written.walk.outcome, Mapped)
    assert written.walk.outcome.pa == 0x00A0DA06


def test_judge_section_in_the_odd_mib_is_not_printed() -> None:
    found = one(text_of(0xC0BFF000, "*pgd=00a1941e(bad)", 0x80D))
    assert (found.agreement, found.answer) == ("unknown", None)


def test_judge_table_in_high_memory_is_not_printed() -> None:
    found = one(text_of(0x00008000, "*pgd=bfa3d831", 0x17))
    assert found.agreement == "unknown"
    assert any("high memory" in reason for reason in found.reasons)


def test_judge_entry_filled_in_meanwhile() -> None:
    """A first-level fault, but the word printed leads to a table: vmalloc's entry was copied in between."""
    found = one(text_of(0xF0800000, "*pgd=40002811", 0x5))
    assert found.agreement == "differs"


def test_judge_page_not_young() -> None:
    found = one(text_of(0x00010000, "*pgd=40002831, *pte=4123414d, *ppte=00000000", 0x17))
    assert found.agreement == "agrees"
    assert any("PROT_NONE" in reason for reason in found.reasons)


def test_judge_domain_open() -> None:
    rest = "Control: 10c5387d  Table: 4020406a  DAC: 00000055\n"
    found = one(text_of(0x00010000, "*pgd=40002831, *pte=4123414f, *ppte=41234c7f", 0x1B, rest))
    assert found.agreement == "differs"


@pytest.mark.parametrize(
    ("control", "ppte", "arch"),
    [
        (0x10C5387D, 0x4123445E, "v7"),  # TRE
        (0x00C5387D, 0x4123445E, "v6k"),  # XP
        (0x0005317F, 0x4123455E, "v5"),
        (0x0000397F, 0x4123401F, "xscale"),  # all small pages are of type 3
    ],
)
def test_judge_architecture_by_control(control: int, ppte: int, arch: str) -> None:
    rest = f"Control: {control:08x}  Table: 4020406a  DAC: 00000015\n"
    assert one(text_of(0xBF000000, f"*pgd=40002811, *pte=4123445f, *ppte={ppte:08x}", 0x805, rest)).regs.arch == arch


def test_judge_long_words() -> None:
    """A page of LPAE with AP[2] (bit 7) and XN (bit 54): neither written nor executed."""
    words = "*pgd=80000040207003, *pmd=41a58003, *pte=60000041234fdf"
    for status, agreement in ((0xA0F, "agrees"), (0x8000020F, "agrees"), (0x20F, "differs")):
        found = one(text_of(0xF0801000, words, status))
        assert (found.regs.arch, found.agreement) == ("v7lpae", agreement)
        assert found.status is not None
        assert (found.status.kind, found.status.level) == (PERMISSION, 3)


def test_judge_without_words() -> None:
    assert one("Unhandled prefetch abort: debug event (0x002) at 0xb6f12344").agreement == "unknown"


@pytest.mark.parametrize(
    ("address", "sign"),
    [
        (0x18, "NULL"),
        (0x100, "LIST_POISON1"),
        (0x6B6B6B7F, "POISON_FREE"),
        (0xFFFFFFEA, "error number"),
        (0x65776F70, "'powe'"),
        (0xC0A0DA06, None),
    ],
)
def test_judge_hint(address: int, sign: str | None) -> None:
    hint = one(text_of(address, "*pgd=00000000", 5)).hint
    assert (sign in hint) if sign is not None and hint is not None else hint is None


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.tuples(st.sampled_from(["pgd", "pmd", "pte", "ppte"]), st.integers(0, (1 << 64) - 1)), max_size=4),
    st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
    st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
    st.sampled_from([None, "v5", "xscale", "v6k", "v7", "v7lpae"]),
)
def test_judge_any_words(
    address: int, words: list[tuple[str, int]], fsr: int | None, control: int | None, arch: str | None
) -> None:
    entries = tuple(PrintedEntry(name, value, False) for name, value in words)
    oops = Oops(
        line=1,
        kind="kernel",
        message="",
        address=address,
        entries=entries,
        entries_address=address,
        fsr=fsr,
        control=control,
        table=control,
        dac=fsr,
    )
    found = judge(oops, arch)
    assert found.agreement in ("agrees", "differs", "unknown", "not of the tables")
    assert found.reasons or found.agreement == "agrees"


# -- beside a prediction -------------------------------------------------------------------------------------------


def recorded_words(name: str, address: int, moment: str = "after") -> str:
    """What show_pte would have printed: the recorded bytes of the pair's first word, and of the two halves."""
    tables = case(name).doc[moment]["tables"]
    root = bytes.fromhex(tables["pgd"]["hex"])
    index = address >> 20
    first = int.from_bytes(root[4 * (index & ~1) :][:4], "little")
    if first & 3 != 1:
        return f"*pgd={first:08x}" + ("(bad)" if first else "")
    page = bytes.fromhex(tables["pte"][hex(first & -4096)])
    at = 4 * (address >> 12 & 511)
    pte, ppte = (int.from_bytes(page[place : place + 4], "little") for place in (at, 2048 + at))
    return f"*pgd={first:08x}, *pte={pte:08x}, *ppte={ppte:08x}"


@pytest.mark.parametrize("address", [0xC0A0DA06, 0xC0000000, 0xFFFF0010, 0xEFE00000])
def test_expected_words_as_recorded(address: int) -> None:
    name = "virt-1024m-6.1"
    found = one(text_of(address, recorded_words(name, address), 0x80D))
    known = expected(case(name).prediction, found)
    assert known is not None
    assert known.words
    assert all(word.printed == word.predicted for word in known.words)
    assert not known.differs


def test_expected_words_once_text_is_read_only() -> None:
    """The section of kernel text as recorded in paging_init and once the kernel was up: both are as predicted."""
    name, address = "virt-1g-init-6.1", 0xC0A0DA06
    words = {moment: recorded_words(name, address, moment) for moment in ("after", "late")}
    assert words["after"] != words["late"]
    states = {}
    for moment, printed in words.items():
        known = expected(case(name).prediction, one(text_of(address, printed, 0x80D)))
        assert known is not None
        assert not known.differs
        states[moment] = known.stage.name
    assert states == {"after": "paging_init", "late": "mark_rodata_ro"}


def test_expected_altered_section() -> None:
    """A section of lowmem that was made inaccessible after the boot."""
    name = "virt-1024m-6.1"
    found = one(text_of(0xC4000000, "*pgd=00000000", 0x5))
    known = expected(case(name).prediction, found)
    assert known is not None
    assert known.differs
    assert known.at_run_time is None
    assert isinstance(found.answer, Fault)


def test_expected_run_time_areas() -> None:
    name = "virt-1024m-6.1"
    for address in (0x10000, 0xBF000000, 0xF0900000):
        known = expected(case(name).prediction, one(text_of(address, "*pgd=40002811", 0x5)))
        assert known is not None
        assert known.at_run_time is not None
        assert not known.differs


def test_expected_other_format() -> None:
    found = one(text_of(0xC0001000, "*pgd=80000040207003, *pmd=00000000", 0x206))
    assert expected(case("virt-1024m-6.1").prediction, found) is None


@pytest.mark.parametrize(("address", "names"), [(0xC4000000, ["pgd", "pmd"]), (0xFFFF0010, ["pgd", "pmd", "pte"])])
def test_expected_long_words_as_recorded(address: int, names: list[str]) -> None:
    name = "virt-1g-init-lpae-6.1"
    tables = case(name).doc["after"]["tables"]
    root, pmds = bytes.fromhex(tables["pgd"]["hex"]), {int(pa, 16): digits for pa, digits in tables["pmd"].items()}

    def word(page: bytes, index: int) -> int:
        return int.from_bytes(page[8 * index : 8 * index + 8], "little")

    values = [word(root, address >> 30)]
    values.append(word(bytes.fromhex(pmds[values[0] & 0xFF_FFFF_F000]), address >> 21 & 511))
    if len(names) == 3:
        page = bytes.fromhex(tables["pte"][hex(values[1] & 0xFF_FFFF_F000)])
        values.append(word(page, address >> 12 & 511))
    printed = ", ".join(f"*{level}={value:08x}" for level, value in zip(names, values, strict=True))
    found = one(text_of(address, printed, 0xA0F))
    known = expected(case(name).prediction, found)
    assert known is not None
    assert [(row.name, row.predicted) for row in known.words] == list(zip(names, values, strict=True))
