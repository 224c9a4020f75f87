"""Parquet of sweeps in pandas, polars and DuckDB: the lines of docs/sweep.md, held to the rows themselves."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from support.booting import FINDINGS, REPOSITORY
from support.trees import blob

from bootmap.sweep.run import Sweep, run_sweep
from bootmap.sweep.store import read_rows, write_parquet

from .conftest import KERNEL_61, KERNEL_612, board

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.sweep.row import Row

pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install '.[sweep]')")
# The newest of each library warns of what the others' newest do.
pytestmark = pytest.mark.filterwarnings("ignore")
BLOCK = re.compile(r"(?m)^From pandas, polars or DuckDB.*:\n\n((?:    .+\n)+)")
(WORDS,) = BLOCK.findall((REPOSITORY / "docs" / "sweep.md").read_text())


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Row]]:
    """Rows of boards that boot, die and are refused, with two kernels; "parts" in the working folder has them, too."""
    folder = tmp_path_factory.mktemp("readers")
    trees = folder / "trees"
    trees.mkdir()
    for name in ("nomap-in-last-section-6.1", "nomap-in-last-section-6.12", "pool-at-odd-mib"):
        (trees / f"{name}.dtb").write_bytes((FINDINGS / f"{name}.dtb").read_bytes())
    for mib in (64, 256, 512):
        (trees / f"board-{mib}.dtb").write_bytes(blob(board(size=mib << 20)))
    (trees / "broken.dtb").write_bytes(b"\xd0\x0d\xfe\xed" + bytes(60))
    run_sweep(Sweep.of([str(trees)], [str(KERNEL_61), str(KERNEL_612)]), str(folder / "parts"), parts=True, jobs=2)
    found = list(read_rows(str(folder / "parts")))
    write_parquet(str(folder / "rows.parquet"), found)
    with contextlib.chdir(folder):
        yield found


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> tuple[str, str]:
    """What the page tells a library to do, with the parts and with the one file."""
    (line,) = (line.strip() for line in WORDS.splitlines() if line.strip().startswith(request.param))
    return line, re.sub(r"parts(/\*\.parquet)?(?=[\"'])", "rows.parquet", line)


def test_the_sweep_has_what_the_lines_ask_for(rows: list[Row]) -> None:
    assert len(rows) == 14
    assert {row.kernel for row in rows} == {"deb-6.1", "deb-6.12"}
    verdicts = Counter(row.verdict for row in rows)
    assert verdicts["BOOTS"] > verdicts["DIES"] >= 3
    assert verdicts[None] == 2  # the file that is no tree
    assert len({row.cause for row in rows if row.verdict == "DIES"}) > 1


@pytest.mark.parametrize("lines", ["pandas"], indirect=True)
def test_pandas(lines: tuple[str, str], rows: list[Row]) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (pip install '.[readers]')")
    expected = Counter(row.cause for row in rows if row.verdict == "DIES")
    for line in lines:
        assert eval(line, {"pandas": pandas}).to_dict() == expected


@pytest.mark.parametrize("lines", ["polars"], indirect=True)
def test_polars(lines: tuple[str, str], rows: list[Row]) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed (pip install '.[readers]')")
    expected = {kernel: mean(rows, kernel) for kernel in ("deb-6.1", "deb-6.12")}
    for line in lines:
        assert dict(eval(line, {"polars": polars}).collect().rows()) == pytest.approx(expected)


@pytest.mark.parametrize("lines", ["duckdb"], indirect=True)
def test_duckdb(lines: tuple[str, str], rows: list[Row]) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed (pip install '.[readers]')")
    expected = Counter((row.kernel, row.verdict) for row in rows)
    for line in lines:
        (query,) = re.findall(r'^duckdb -c "(.*)"$', line)
        assert {(kernel, verdict): count for kernel, verdict, count in duckdb.sql(query).fetchall()} == expected


def mean(rows: list[Row], kernel: str) -> Any:
    """The mean of what is free with the kernel, of the rows that say."""
    free = [row.free for row in rows if row.kernel == kernel and row.free is not None]
    return sum(free) / len(free)
