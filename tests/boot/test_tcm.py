"""Tightly coupled memory as Linux 6.1 mapped it on an Integrator/CP.

QEMU's ARM926EJ-S has none.  So in the kernel that was booted the instructions that ask the CPU were replaced: TCMTR
(mrc p15, 0, r5, c0, c0, 2) by 0x10001, one bank of each kind; the region registers (mrc p15, 0, r8, c9, c1, 0 and 1) by
the size codes 5 and 4 << 2, 16 and 8 KiB; and the two writes to these by nothing.  All else is the kernel's own:

    CPU: found DTCM0 16k @ 00000000, not enabled
    CPU: moved DTCM0 16k to fffe8000, enabled
    CPU: found ITCM0 8k @ 00000000, not enabled
    CPU: moved ITCM0 8k to fffe0000, enabled
"""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from support.machines import cpu
from support.recordings import DATA, fresh_kernel
from support.words import as_words

from bootmap.analysis.overview import Overview
from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.inputs.board import parse_board
from bootmap.inputs.symbols import Symbols
from bootmap.units import KIB

if TYPE_CHECKING:
    from bootmap.boot.sequence import Snapshot

PATH = DATA / "tcm" / "integrator-arm926.json.gz"
DTCM, ITCM, VECTORS = 0xFFFE8000, 0xFFFE0000, 0xFFFF0000


@cache
def recorded() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(PATH.read_bytes()))
    return document


def board() -> Handover:
    tree = parse_board(gzip.decompress(base64.b64decode(recorded()["dtb"])))
    return Handover(tree, recorded()["entry"]["r2"], recorded()["phys_offset"], cpu("arm926"))


def booted(
    dtcm: tuple[int, ...] | None = None, itcm: tuple[int, ...] | None = None, kernel: KernelModel | None = None
) -> Replay:
    return boot(kernel or fresh_kernel("v5-integrator"), structs.replace(board(), dtcm=dtcm, itcm=itcm))


def of_version(version: tuple[int, ...], **extra: int) -> KernelModel:
    parsed = fresh_kernel("v5-integrator")
    names = {name: parsed.symbols[name] for name in parsed.symbols} | extra
    names |= {f"__enable_mmu{end}": names[f"__turn_mmu_on{end}"] for end in ("", "_end")}  # what 3.2 maps one to one
    return KernelModel(version, None, parsed.config, Symbols(list(names), list(names.values()), ["D"] * len(names)))


def stage(prediction: Replay, name: str) -> Snapshot:
    found = prediction.stage(name)
    assert found is not None
    return found


def hazards(prediction: Replay) -> list[str]:
    return [hazard.id for hazard in prediction.hazards]


def mapped(prediction: Replay) -> dict[int, tuple[int, str]]:
    """Where memory was mapped -> its bytes and its type."""
    return {md.virtual: (md.length, md.type) for md in prediction.state.maps if md.type.endswith("TCM")}


# -- the kernel that ran -------------------------------------------------------------------------------------------


def test_tcm_init_tables_as_the_kernel_wrote_them() -> None:
    prediction = booted((16 * KIB,), (8 * KIB,))
    tables = recorded()["after"]["tables"]
    raw, root = bytes.fromhex(tables["pgd"]["hex"]), tables["pgd"]["pa"]
    pages = {root + at: raw[at : at + 4096] for at in range(0, len(raw), 4096)}
    pages |= {int(address, 16): bytes.fromhex(text) for address, text in tables["pte"].items()}
    want = as_words(pages, long=False)
    got = prediction.tables_at(stage(prediction, "paging_init"))
    assert got.keys() == want.keys()
    for page, words in want.items():
        assert got[page].tolist() == words.tolist()


def test_tcm_init_log() -> None:
    said = [line for line in recorded()["log"] if "moved" in line]
    assert [line for line in booted((16 * KIB,), (8 * KIB,)).state.dmesg if "TCM" in line] == said
    assert len(said) == 2


def test_tcm_init_static_vms_lie_where_the_kernel_put_them() -> None:
    """Two of 40 bytes in 6.1, the last things to be allocated before the zero page."""
    prediction = booted((16 * KIB,), (8 * KIB,))
    want = recorded()["after"]["memblock"]["reserved"]["regions"][-1]  # this begins with a bitmap of pageblocks
    got = stage(prediction, "tcm_init").memblock.reserved.regions[-1]
    assert got[0] + got[1] == want[0] + want[1]
    assert got[1] == stage(prediction, "kmap_init").memblock.reserved.regions[-1][1] + 80
    assert want[0] <= got[0] < want[0] + 64


# -- what else there may be ----------------------------------------------------------------------------------------


def test_tcm_init_without_sizes() -> None:
    """As under QEMU, and said; with sizes of 0 nothing is left to say."""
    assert mapped(booted()) == {}
    assert any("tightly coupled" in text for text in map(str, booted().state.assumptions))
    assert not any("tightly coupled" in text for text in map(str, booted((), ()).state.assumptions))


def test_tcm_init_banks_lie_behind_one_another() -> None:
    found = mapped(booted((8 * KIB, 4 * KIB), (16 * KIB, 16 * KIB)))
    assert found == {DTCM: (12 * KIB, "MEMORY_RW_DTCM"), ITCM: (32 * KIB, "MEMORY_RWX_ITCM")}


def test_tcm_init_does_not_run_without_have_tcm() -> None:
    prediction = booted((16 * KIB,), (8 * KIB,), fresh_kernel("v5-versatile"))
    assert prediction.stage("tcm_init") is None
    assert mapped(prediction) == {}


def test_tcm_init_of_a_cpu_without() -> None:
    handover = structs.replace(board(), cpu=cpu("arm920t"), dtcm=(4 * KIB,))
    assert mapped(boot(fresh_kernel("v5-integrator"), handover)) == {}


@pytest.mark.parametrize(("dtcm", "itcm", "left"), [(64, 8, set()), (8, 64, {DTCM})])
def test_tcm_init_ends_at_a_bank_above_32_kib(dtcm: int, itcm: int, left: set[int]) -> None:
    prediction = booted((dtcm * KIB,), (itcm * KIB,))
    assert mapped(prediction).keys() == left
    assert hazards(prediction) == ["tcm-refused"]
    assert prediction.outcome.verdict is Verdict.BOOTS


def test_tcm_init_over_the_vectors() -> None:
    """Two banks of 32 KiB of data end at 0xffff8000."""
    prediction = booted((32 * KIB, 32 * KIB))
    assert prediction.state.mapped(VECTORS) == VECTORS
    assert hazards(prediction) == ["vectors-covered"]


def test_tcm_init_of_memories_that_overlap() -> None:
    """64 KiB of instructions reach to 0xffff0000, over the data: BUG_ON in vm_area_add_early."""
    prediction = booted((32 * KIB,), (32 * KIB, 32 * KIB))
    assert prediction.outcome.verdict is Verdict.DIES
    assert prediction.outcome.stage == "tcm_init"
    assert hazards(prediction) == ["static-vm-overlap"]


# -- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "inside"), [((3, 2), False), ((3, 8), False), ((3, 9), True), ((3, 10), True)])
def test_tcm_init_is_part_of_paging_init_since_3_9(version: tuple[int, ...], inside: bool) -> None:
    prediction = booted((16 * KIB,), (8 * KIB,), of_version(version))
    names = [each.name for each in prediction.stages]
    assert (names.index("tcm_init") < names.index("paging_init")) == inside
    assert mapped(prediction).keys() == {DTCM, ITCM}


@pytest.mark.parametrize(("version", "lost"), [((3, 2), 0), ((3, 3), 2), ((3, 8), 2), ((3, 9), 0)])
def test_tcm_init_allocates_too_late_before_3_9(version: tuple[int, ...], lost: int) -> None:
    """3.3's iotable_init takes memory from memblock, which bootmem has taken over by then."""
    assert hazards(booted((16 * KIB,), (8 * KIB,), of_version(version))).count("static-vm-lost") == lost


@pytest.mark.parametrize(("version", "boots"), [((3, 0), False), ((3, 2), True), ((6, 1), True)])
def test_tcm_init_of_code_that_does_not_fit(version: tuple[int, ...], boots: bool) -> None:
    kernel = of_version(version, __sdtcm_data=DTCM, __edtcm_data=DTCM + 4100)
    prediction = booted((4 * KIB,), None, kernel)
    assert "tcm-too-small" in hazards(prediction)
    assert prediction.outcome.verdict.boots is boots
    assert (DTCM in mapped(prediction)) == (not boots)


def test_overview_names_the_memories() -> None:
    prediction = booted((16 * KIB,), (8 * KIB,))
    areas = {area.name: (area.start, area.end) for area in Overview(prediction).layout}
    assert areas["DTCM"] == (DTCM, DTCM + 16 * KIB)
    assert areas["ITCM"] == (ITCM, ITCM + 8 * KIB)
