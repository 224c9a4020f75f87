"""What changed between two sides: each kind by a tree or kernel that differs in that one thing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from support.sabrelite import DATA
from support.trees import Node, blob

import bootmap
from bootmap.report.sweep_ci import diff_junit, diff_sarif, rows_junit, rows_sarif
from bootmap.report.sweep_diff_text import diff_markdown, diff_text
from bootmap.sweep.blame import blame
from bootmap.sweep.changes import Kind, Weight, changes_of
from bootmap.sweep.compare import SweepComparison, compare_files, compare_rows
from bootmap.sweep.kernels import SweepKernel, kernel_hash, open_kernel
from bootmap.sweep.measure import SweepSettings, Task, measure
from bootmap.sweep.memory import parse_rules
from bootmap.sweep.row import Row, Status
from bootmap.sweep.run import Sweep, run_sweep
from bootmap.sweep.store import read_rows

from .conftest import KERNEL_61, KERNEL_612, board

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = SweepSettings(parse_rules([]))


@pytest.fixture(scope="module")
def kernel() -> SweepKernel:
    return open_kernel(str(KERNEL_61))


def changed(kernel: SweepKernel, **options: str | None) -> SweepKernel:
    """The kernel with other options."""
    assert kernel.kernel is not None
    made = replace(kernel.kernel, config=kernel.kernel.config.changed(options))
    return SweepKernel("changed", made, None, kernel_hash(made))


def task(root: Node, name: str = "a.dtb") -> Task:
    return Task("0" * 64, name, "", name, blob(root), "1" * 64, "k")


def row(root: Node, kernel: SweepKernel) -> Row:
    (found,) = measure(task(root), kernel, SETTINGS)
    return found


def test_change_of_the_cma_area(kernel: SweepKernel) -> None:
    root = board()
    (change,) = changes_of(row(root, kernel), row(root, changed(kernel, CMA_SIZE_MBYTES="128")))
    assert (change.kind, change.weight) == (Kind.FREE, Weight.WORSE)
    assert change.text == "112 MiB less free at boot: CMA 16 MiB -> 128 MiB"
    (back,) = changes_of(row(root, changed(kernel, CMA_SIZE_MBYTES="128")), row(root, kernel))
    assert (back.weight, back.text) == (Weight.BETTER, "112 MiB more free at boot: CMA 128 MiB -> 16 MiB")


def test_change_of_highmem(kernel: SweepKernel) -> None:
    root = board(size=1 << 30)
    (change,) = [
        each
        for each in changes_of(row(root, kernel), row(root, changed(kernel, HIGHMEM=None)))
        if each.kind is Kind.USED
    ]
    assert change.weight is Weight.WORSE
    assert change.text == "256 MiB less of RAM in use"


def test_change_of_the_verdict(kernel: SweepKernel) -> None:
    """14 MiB of RAM are too little for a kernel of 19."""
    changes = changes_of(row(board(size=64 << 20), kernel), row(board(size=14 << 20), kernel))
    assert (changes[0].kind, changes[0].weight) == (Kind.VERDICT, Weight.WORSE)
    assert changes[0].text.startswith("BOOTS -> DOES NOT BOOT, ")


def test_change_of_an_answer(kernel: SweepKernel) -> None:
    known, unknown = row(board(), kernel), row(board("no,such", memory=False), kernel)
    assert unknown.status is Status.MISSING
    assert changes_of(known, unknown)[0].weight is Weight.WORSE
    assert changes_of(unknown, known)[0].weight is Weight.BETTER
    assert changes_of(unknown, unknown) == []


def test_same_rows_have_no_changes(kernel: SweepKernel) -> None:
    one = row(board(), kernel)
    assert changes_of(one, replace(one, seconds=9.0)) == []


@pytest.fixture
def comparison(boards: Path, tmp_path: Path) -> tuple[SweepComparison, list[Row]]:
    """Two sets of trees and two kernels: one board is the tree's change, the kernel's is everybody's."""
    newer = tmp_path / "newer"
    newer.mkdir()
    for path in boards.glob("board-*.dtb"):
        (newer / path.name).write_bytes(path.read_bytes())
    (newer / "board-11.dtb").write_bytes(blob(board(size=(240 - 32) << 20)))  # 32 MiB less
    (newer / "added.dtb").write_bytes(blob(board(size=128 << 20)))
    second = tmp_path / "more-cma"
    second.mkdir()
    config = (DATA / "kernels" / "deb-6.1" / "config.gz").read_bytes()
    import gzip

    lines = gzip.decompress(config).replace(b"CONFIG_CMA_SIZE_MBYTES=16", b"CONFIG_CMA_SIZE_MBYTES=32")
    (second / "config").write_bytes(lines)
    (second / "System.map").write_bytes((KERNEL_61 / "System.map").read_bytes())
    sweep = Sweep.of([str(boards)], [str(KERNEL_61)], against=[str(newer), str(second)])
    assert len(sweep) == 2 * (16 + 13)
    run_sweep(sweep, str(tmp_path / "rows.jsonl"), jobs=2)
    assert sweep.sides is not None
    rows = list(read_rows(str(tmp_path / "rows.jsonl")))
    return compare_rows(rows, *sweep.sides), rows


def test_tree_and_kernel_are_told_apart(comparison: tuple[SweepComparison, list[Row]]) -> None:
    found, _ = comparison
    groups = {group.text: (group.due, [each.board for each in group.boards]) for group in found.groups}
    everybody = [f"board-{number:02}.dtb" for number in range(12)]
    due, names = groups["16 MiB less free at boot: CMA 16 MiB -> 32 MiB"]
    assert (due, names) == ("kernel", everybody)
    due, names = groups["32 MiB less of RAM in use; the tree declares 32 MiB less"]
    assert (due, names) == ("tree", ["board-11.dtb"])
    assert found.worse
    assert found.added == ("added.dtb",)
    assert len(found.gone) == 4
    assert [group.kind for group in found.groups][:2] == [Kind.USED, Kind.FREE]  # the worst first


def test_reports_of_changes(comparison: tuple[SweepComparison, list[Row]]) -> None:
    found, rows = comparison
    words = diff_text([found])
    assert "  worse    1 boards  32 MiB less of RAM in use; the tree declares 32 MiB less (tree change)" in words
    assert "  worse   12 boards  16 MiB less free at boot: CMA 16 MiB -> 32 MiB (kernel change)" in words
    assert "| worse | 12 | 16 MiB less free at boot: CMA 16 MiB -\\> 32 MiB | kernel |" in diff_markdown([found])
    sarif = diff_sarif([found], "1")
    assert len(sarif["runs"][0]["results"]) == sum(len(group.boards) for group in found.groups)
    suite = ElementTree.fromstring(diff_junit([found]))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("12", "12")
    suites = ElementTree.fromstring(rows_junit(rows))
    assert sum(int(each.get("tests", 0)) for each in suites) == len(rows)
    assert sum(int(each.get("skipped", 0)) for each in suites) == sum(not each.answered for each in rows)
    results = rows_sarif(rows, "1")["runs"][0]["results"]
    assert len(results) == sum(each.headline != "BOOTS" for each in rows)
    json.dumps(results)


def test_files_are_compared(comparison: tuple[SweepComparison, list[Row]]) -> None:
    found, rows = comparison
    old = [each for each in rows if (each.trees, each.kernel) == (found.old.trees, found.old.kernel)]
    new = [each for each in rows if (each.trees, each.kernel) == (found.new.trees, found.new.kernel)]
    (again,) = compare_files(old, new)
    assert told(again) == told(found)
    dues = {(each.board, each.due) for group in again.groups for each in group.boards if group.kind is Kind.FREE}
    assert ("board-03.dtb", "kernel") in dues
    assert ("board-11.dtb", "tree or kernel") in dues  # nobody has swept the old tree with the new kernel


def told(found: SweepComparison) -> list[tuple[str, str]]:
    return sorted((group.text, each.board) for group in found.groups for each in group.boards)


def test_blame_finds_the_option(kernel: SweepKernel) -> None:
    """Of some thousand options in which two kernels differ, the one that makes the change."""
    newer = open_kernel(str(KERNEL_612))
    assert newer.kernel is not None
    config = newer.kernel.config.changed({"CMA_SIZE_MBYTES": "128"})
    newer = replace(newer, kernel=replace(newer.kernel, config=config))
    root = board()
    before, after = row(root, kernel), row(root, newer)
    change = next(each for each in changes_of(before, after) if each.kind is Kind.FREE)
    found = blame(task(root), "a.dtb", change.text, kernel, newer, SETTINGS)
    assert found.factors == ("CONFIG_CMA_SIZE_MBYTES 16 -> 128",)
    assert found.predictions < 200


def test_blame_without_a_cause_in_the_kernel(kernel: SweepKernel) -> None:
    found = blame(task(board()), "a.dtb", "something else", kernel, open_kernel(str(KERNEL_612)), SETTINGS)
    assert found.factors == ()
    assert "the tree has a part in it" in found.note


def test_board_is_public() -> None:
    assert bootmap.Board.parse(blob(board("x,y\0fsl,imx6q", memory=False))).ram_start == 0x10000000
