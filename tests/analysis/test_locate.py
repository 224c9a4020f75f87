"""Page tables are found without a hint in what real kernels built, and nowhere else."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ram import NAMES, at_split, document, memory, moments, pages, truth, with_process

from bootmap.analysis.locate.locate import locate, search
from bootmap.image.open import open_image
from bootmap.image.pieces import Piece, PieceMemory
from bootmap.mmu.walk import Mapped, walk

if TYPE_CHECKING:
    from pathlib import Path

SHORT, LONG = "virt-1g-init-6.1", "virt-1g-init-lpae-6.1"
MIB = 1 << 20


def one_piece(data: bytes, start: int = 0) -> PieceMemory:
    return PieceMemory([Piece(start, memoryview(data), "")])


def flat(content: dict[int, bytes], start: int, size: int) -> bytearray:
    """The same as bytes, with zeros between, as far as they lie inside."""
    data = bytearray(size)
    for pa, page in content.items():
        if start <= pa and pa + len(page) <= start + size:
            data[pa - start : pa - start + len(page)] = page
    return data


LITTLE = [name for name in NAMES if "byteorder" not in document(name)]


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(LITTLE)))
def test_locate_no_big_endian_kernels(name: str) -> None:
    """Their words are not what is looked for; nothing else is taken for a kernel either."""
    for moment in moments(name):
        assert search(memory(pages(name, moment)), base_known=True).found == ()


@pytest.mark.parametrize("name", LITTLE)
def test_locate_recorded_kernels(name: str) -> None:
    for moment in moments(name):
        expected = truth(name, moment)
        content = pages(name, moment)
        for start in {0, expected.phys_offset}:
            result = search(memory(content, start), base_known=start == 0)
            (found,) = result.found
            assert found.root == expected.root
            assert (found.page_offset, found.phys_offset) == (expected.page_offset, expected.phys_offset)
            assert found.format == ("long" if expected.long else "short")
            assert found.shift == start
            held, of = found.confidence
            assert held == of or moment == "before"


@pytest.mark.parametrize("name", LITTLE)
def test_locate_architecture(name: str) -> None:
    """Bit 4 and small pages' types tell ARMv5 and XScale from the rest; v6 and v7 have the same.

    An XIP kernel on ARMv7 has bit 4 in all of lowmem, where nothing is executed.
    """
    key = document(name)["kernel"]["key"]
    wanted = {"v5-pxa": "xscale", "v5-integrator": "v5", "v5-versatile": "v5"}
    wanted |= {"pxa34": "xscale", "ic34": "v5", "vers2638": "v5", "vers310": "v5", "deb-6.1-marvell": "v5", "sx1": "v5"}
    found = locate(memory(pages(name, moments(name)[-1])))
    assert found is not None
    if moments(name)[-1] != "before":
        assert found.arch == ("v7lpae" if truth(name, "before").long else wanted.get(key, "v7"))


@pytest.mark.parametrize("name", [SHORT, LONG, "own-v5-128m", "own-spitz", "fuzz-1-008-v7-2g", "raspi0-512m-6.1"])
def test_locate_registers_translate(name: str) -> None:
    """The registers that come with it read the tables: _stext is where the recording has it."""
    content, expected = pages(name, moments(name)[-1]), truth(name, moments(name)[-1])
    found = locate(memory(content))
    assert found is not None
    symbol = document(name)["symbols"]["_stext"]
    outcome = walk(memory(content), found.regs, symbol).outcome
    assert isinstance(outcome, Mapped)
    assert outcome.pa == symbol - expected.page_offset + expected.phys_offset


@pytest.mark.parametrize("page_offset", [0xC0000000, 0xB0000000, 0x80000000, 0x40000000])
def test_locate_every_split(page_offset: int) -> None:
    content = at_split(pages(SHORT, "late"), truth(SHORT, "late"), page_offset)
    for start in (0, 0x40000000):
        found = locate(memory(content, start), base_known=start == 0)
        assert found is not None
        assert (found.page_offset, found.phys_offset, found.root) == (page_offset, 0x40000000, 0x40204000)


def test_locate_processes_share_the_kernels_half() -> None:
    content, expected = pages(SHORT, "late"), truth(SHORT, "late")
    content = with_process(content, expected, 0x41D04000, 0x42100000, 0x43210000)
    content = with_process(content, expected, 0x41D14000, 0x42102000, 0x43211000)
    empty = np.frombuffer(content[expected.root], "<u4").copy()
    content[0x41D24000] = empty.tobytes()
    for start in (0, 0x40000000):
        found = locate(memory(content, start), base_known=start == 0)
        assert found is not None
        assert found.root == expected.root
        kinds = [(user.root, user.kind, user.tables, user.pages) for user in found.users]
        assert kinds == [
            (0x41D04000, "process", 2, 1),
            (0x41D14000, "process", 2, 1),
            (0x41D24000, "empty", 0, 0),
        ]
        assert all(user.shared == user.shared_of for user in found.users)


def test_locate_processes_of_long_descriptors() -> None:
    """A process's pgd is 32 bytes of a slab: the kernel's last entry, and pmd pages of its own."""
    content = pages(LONG, "late")
    kernel = np.frombuffer(content[0x40203000], "<u8")
    slab, pmd, pte = np.zeros(512, "<u8"), np.zeros(512, "<u8"), np.zeros(512, "<u8")
    slab[4:8] = [0x42001003, 0, 0, kernel[3]]
    slab[12:16] = [0, 0, 0, kernel[3]]
    slab[20:24] = [0x6C6C6F68, 0, 0, kernel[3]]  # no table descriptor
    pmd[3] = 0x42002003
    pte[1:4] = 0x43210FDF
    content |= {0x42000000: slab.tobytes(), 0x42001000: pmd.tobytes(), 0x42002000: pte.tobytes()}
    found = locate(memory(content))
    assert found is not None
    assert [(user.root, user.kind, user.tables, user.pages) for user in found.users] == [
        (0x42000020, "process", 1, 3),
        (0x42000060, "empty", 0, 0),
    ]


def test_locate_process_before_the_kernel() -> None:
    """What lies below the kernel is found as well, though the kernel's entry was not known when it was passed."""
    content = pages(LONG, "late")
    slab = np.zeros(512, "<u8")
    slab[3] = np.frombuffer(content[0x40203000], "<u8")[3]
    content[0x40001000] = slab.tobytes()
    found = locate(memory(content))
    assert found is not None
    assert [user.root for user in found.users] == [0x40001000]


@pytest.mark.parametrize("cut", [0x1000, 0x5000, 0x100000, 0x1FF000])
def test_locate_base_follows_from_the_tables(cut: int) -> None:
    """An image that begins anywhere in RAM, at an address that nobody said."""
    content, expected = pages(SHORT, "late"), truth(SHORT, "late")
    for number in range(4):
        content = with_process(
            content, expected, 0x41D04000 + number * 0x4000, 0x42100000 + number * 0x3000, 0x43210000
        )
    start = 0x40000000 + cut
    found = locate(memory({pa: data for pa, data in content.items() if pa >= start}, start), base_known=False)
    assert found is not None
    assert (found.shift, found.root, found.phys_offset) == (start, 0x40204000, 0x40000000)


def test_search_wrong_address_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ram.bin"
    size = max(pages(SHORT, "late")) + 4096 - 0x40000000
    with path.open("wb") as file:
        for pa, data in pages(SHORT, "late").items():
            file.seek(pa - 0x40000000)
            file.write(data)
        file.truncate(size)
    with open_image(f"{path}@0x80000000") as image:
        result = search(image.memory)
    assert result.best is None
    assert any("begins at 0x40000000, not at 0x80000000" in problem for problem in result.problems)


def test_search_two_kernels_are_ranked() -> None:
    """A crash kernel's tables beside the ones of the kernel that crashed: the one with more evidence comes first."""
    content = pages(SHORT, "late") | pages("vexpress-a9-1g-6.1", "before")
    result = search(memory(content))
    assert [found.root for found in result.found] == [0x40204000, 0x60204000]
    held, of = result.found[1].confidence
    assert held < of


def test_locate_boot_loaders_table_is_none() -> None:
    """A table that maps all 4 GiB to themselves is a boot loader's."""
    table = (np.arange(4096, dtype="<u4") << 20 | 0xC12).astype("<u4").tobytes()
    for start in (0x40000000, 0x80000000, 0xC0000000):
        assert search(one_piece(table, start + 0x4000)).found == ()


@pytest.mark.parametrize("base_known", [True, False])
def test_search_nothing_in_noise(base_known: bool) -> None:
    random = np.random.default_rng(20).bytes(64 * MIB)
    zeros = mmap.mmap(-1, 64 * MIB)
    counting = np.arange(4 * MIB, dtype="<u4").tobytes()
    sections = (np.arange(2 * MIB, dtype="<u4") << 20 | 2).astype("<u4").tobytes()
    tables = (np.arange(MIB, dtype="<u8") << 12 | 3).astype("<u8").tobytes()
    for data in (random, counting, sections, tables):
        assert search(one_piece(data), base_known=base_known).found == ()
    assert search(PieceMemory([Piece(0, memoryview(zeros), "")]), base_known=base_known).found == ()


@pytest.mark.parametrize("name", [SHORT, LONG])
def test_search_cut_before_the_tables(name: str) -> None:
    data = flat(pages(name, "late"), 0x40000000, 0x203000)
    for base_known in (True, False):
        start = 0x40000000 if base_known else 0
        assert search(one_piece(bytes(data), start), base_known=base_known).found == ()


def test_search_cut_behind_the_tables() -> None:
    """What is missing counts against it: tables that lie beyond the end are not held."""
    data = flat(pages(SHORT, "late"), 0x40000000, 0x300000)
    found = search(one_piece(bytes(data), 0x40000000)).best
    assert found is not None
    assert found.root == 0x40204000
    assert {check.name for check in found.checks if check.of and not check.holds} == {"tables", "vectors"}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([SHORT, LONG]), st.data())
def test_search_hostile_images(name: str, data: st.DataObject) -> None:
    """Any bytes anywhere in the tables: an answer or none, never an exception, and nothing far away is believed."""
    content = {pa: bytearray(page) for pa, page in pages(name, "late").items()}
    for _ in range(data.draw(st.integers(0, 12))):
        page = content[data.draw(st.sampled_from(sorted(content)))]
        at = data.draw(st.integers(0, len(page) - 8))
        page[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    base_known = data.draw(st.booleans())
    start = 0 if base_known else 0x40000000
    result = search(memory({pa: bytes(page) for pa, page in content.items()}, start), base_known=base_known)
    for found in result.found:
        held, of = found.confidence
        assert 0 < held <= of
        assert all(0 <= check.held <= check.of for check in found.checks)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 18), st.binary(max_size=300)), max_size=6), st.booleans())
def test_search_any_bytes(pieces: list[tuple[int, bytes]], base_known: bool) -> None:
    made = PieceMemory([Piece(start, memoryview(data), "") for start, data in pieces])
    assert search(made, base_known=base_known).found == ()


def test_search_scraps_behind_a_kernel() -> None:
    """Ranges of a few bytes, at odd addresses, once the entry that processes share is known."""
    content = {pa: bytes(data) for pa, data in pages(LONG, "late").items()}
    scraps = [Piece(0x50000001 + 4096 * size, memoryview(bytes(size)), "") for size in (1, 31, 33, 63, 4097)]
    kernel = [Piece(pa, memoryview(data), "") for pa, data in content.items()]
    found = search(PieceMemory(kernel + scraps)).best
    assert found is not None
    assert found.root == 0x40203000


def test_locate_process_whose_tables_are_cut_off() -> None:
    content, expected = pages(SHORT, "late"), truth(SHORT, "late")
    content = with_process(content, expected, 0x41D04000, 0x42100000, 0x43210000)
    del content[0x42100000]
    found = locate(memory(content))
    assert found is not None
    assert [(user.kind, user.tables, user.missing, user.pages) for user in found.users] == [("process", 0, 2, 0)]
