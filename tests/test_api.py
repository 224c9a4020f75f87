"""The public face: its page and its docstrings run as they stand, its names are there, importing it is cheap."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bootmap

REPOSITORY = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
MODULES = sorted({module for module, _ in bootmap._PUBLIC.values()})


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the examples of the docstrings speak of."""
    folder = REPOSITORY / "boards"
    kernel = bootmap.Kernel.load(
        config=folder / "linux-6.1-armmp/config.gz", system_map=folder / "linux-6.1-armmp/System.map"
    )
    loaded = bootmap.Board.load(folder / "imx6q-sabrelite.dtb", phys_offset=0x10000000)
    board = loaded.replace(name="boards/imx6q-sabrelite.dtb")
    prediction = bootmap.predict(kernel, board)
    return {"kernel": kernel, "board": board, "prediction": prediction, "tables": prediction.last.tables}


def test_page_of_the_api() -> None:
    page = REPOSITORY / "docs" / "api.md"
    text = "\n".join("" if line.startswith("```") else line for line in page.read_text().splitlines())
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert len(examples.examples) > 20
    assert not doctest.DocTestRunner(optionflags=FLAGS).run(examples).failed


@pytest.mark.parametrize("module", ["bootmap", *MODULES])
def test_docstrings(module: str, names: dict[str, Any]) -> None:
    loaded = importlib.import_module(module)
    found = doctest.testmod(loaded, extraglobs=names, optionflags=FLAGS)
    assert not found.failed


def test_names_are_all_there() -> None:
    assert sorted(bootmap.__all__) == sorted(bootmap._PUBLIC)
    for name in bootmap.__all__:
        assert getattr(bootmap, name) is not None
    assert set(bootmap.__all__) <= set(dir(bootmap))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        bootmap.nothing  # noqa: B018


def test_representations_are_one_short_line(names: dict[str, Any]) -> None:
    prediction, tables = names["prediction"], names["tables"]
    dies = bootmap.predict(names["kernel"], names["board"].replace(cmdline="mem=2M"))
    checked = bootmap.check(names["kernel"], names["board"].replace(cmdline="mem=2M"))
    diagnosed = bootmap.diagnose("tests/data/logs/am5728-5.13-rc2.log")
    shown = [
        *names.values(),
        prediction["map_lowmem"],
        bootmap.diff(tables, tables),
        bootmap.diff(tables, prediction["map_lowmem"].tables).changes[0],
        prediction.outcome,
        dies.outcome,
        *dies.hazards,
        *prediction.assumptions,
        prediction.explain(0x1040_0000),
        prediction.explain(0x1040_0000).physical,
        tables.walk(0xC030_0000),
        tables.walk(0xC030_0000).walk,
        tables.ranges(),
        bootmap.audit(tables),
        *bootmap.audit(tables).findings,
        checked,
        *checked.findings,
        *(change for finding in checked.findings for change in finding.changes),
        checked.load_map,
        checked.budget,
        *diagnosed,
        *diagnosed[0].values,
    ]
    for each in shown:
        text = repr(each)
        assert text.startswith("<"), text
        assert "\n" not in text
        assert len(text) < 160
    assert "<table>" in prediction._repr_html_()


def test_html_escapes_what_comes_from_files(names: dict[str, Any]) -> None:
    hostile = names["board"].replace(name="<script>alert(1)</script>")
    assert "<script>" not in bootmap.predict(names["kernel"], hostile)._repr_html_()


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, bootmap; print([n for n in ('numpy', 'msgspec', 'click', 'elftools') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
