"""The rules of the house: who may import whom, how long files are, and what is said where.

The rooms and their doors are those of CONTRIBUTING.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bootmap.facts.features.table import FEATURES, ROWS_BY_NAME

REPOSITORY = Path(__file__).parent.parent
SOURCE = REPOSITORY / "src" / "bootmap"
FILES = sorted(SOURCE.rglob("*.py"))

# room -> rooms that it may import from, besides itself
EVERYTHING = {
    "units",
    "errors",
    "assumptions",
    "facts",
    "inputs",
    "assemble",
    "boot",
    "image",
    "analysis",
    "source",
    "shown",
}
EVERYTHING |= {"checks", "explore", "bootlog", "verify", "api", "loaders", "plan"}
DOORS = {
    "units": set(),
    "errors": set(),
    "shown": set(),
    "assumptions": {"shown"},
    "output": {"errors"},
    "facts": {"units"},
    "inputs": {"shown", "units", "errors", "output", "facts"},
    "boot": {"shown", "units", "assumptions", "facts", "inputs"},
    "loaders": {"shown", "units", "facts", "inputs"},
    "mmu": {"shown", "units", "facts"},
    "image": {"shown", "units", "errors", "output"},
    "assemble": {"shown", "units", "errors", "assumptions", "facts", "inputs", "boot"},
    "analysis": {"shown", "units", "errors", "facts", "boot", "mmu", "image"},
    "checks": {"shown", "units", "errors", "assumptions", "output", "facts", "inputs", "boot", "assemble", "analysis"},
    "plan": {"shown", "units", "errors", "assumptions", "facts", "inputs", "loaders", "boot", "assemble", "analysis"},
    "source": {"shown", "units", "errors", "output", "facts", "inputs", "assemble", "boot", "mmu", "image", "analysis"},
    "bootlog": {"shown", "units", "errors", "assumptions", "facts", "inputs", "assemble", "boot", "analysis"},
    "verify": {
        "shown",
        "units",
        "errors",
        "output",
        "facts",
        "inputs",
        "loaders",
        "boot",
        "image",
        "assemble",
        "bootlog",
    },
    "api": EVERYTHING - {"verify", "api"} | {"output"},
    "report": EVERYTHING - {"errors"} | {"mmu", "output", "sweep"},
    "sweep": {"shown", "units", "errors", "output", "__init__"},
    "explore": EVERYTHING | {"mmu", "output", "report", "__init__"},
    "cli": {"units", "errors", "output", "report", "__init__"},
    "__init__": EVERYTHING | {"sweep"},
    "__main__": {"cli"},
}
# The face of the library: what it names, the command line may use.
FACE = "__init__"
# What boot runs of inputs: results, and the arithmetic on them; nothing that opens a file.
RESULTS = {"atags", "cells", "cmdline", "fdt", "kconfig", "memblock_script", "symbols"}
# report takes objects and prints them: of the rooms that work things out it imports classes, and no functions.
WORKING = {
    "inputs",
    "boot",
    "mmu",
    "image",
    "assemble",
    "analysis",
    "source",
    "bootlog",
    "verify",
    "api",
    "loaders",
    "plan",
    "checks",
    "sweep",
}
# ... but for the hardware's words, which are kept beside the hardware.
WORDS = {"bootmap.mmu.describe"}
# Modules of boot that hold no step of the kernel, and so have no source in it.
FRAMES = {"__init__", "handover", "invariants", "kernel", "log", "records", "rules", "script", "search", "state"}
FRAMES |= {"tables", "trace"}

LONGEST = 450
KERNEL_FILE = re.compile(r"[\w/.-]+\.[cSh]\b|Kconfig|DDI 0[14]")
HEAVY = ("numpy", "msgspec", "elftools")


class Import(NamedTuple):
    """One imported name: the module it is in, itself ("" for the module), and whether only type checkers follow it."""

    module: str
    name: str
    types_only: bool

    @property
    def room(self) -> str:
        parts = self.module.split(".")
        return parts[1] if len(parts) > 1 else FACE


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[Import]:
    """What ``path`` imports from bootmap."""
    tree = tree_of(path)
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, "", id(node) in guarded) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides which room it comes from"
            found += [Import(node.module or "", alias.name, id(node) in guarded) for alias in node.names]
    return [item for item in found if item.module.split(".")[0] == "bootmap"]


def test_imports_keep_to_the_doors() -> None:
    """Types count too: a room that may not use another need not know its types."""
    wrong: list[str] = []
    for path in FILES:
        room = room_of(path)
        assert room in DOORS, f"{path}: a room without a row in the table"
        wrong += [
            f"{path.relative_to(SOURCE)} imports {item.module}.{item.name}"
            for item in imports_of(path)
            if item.room not in {room} | DOORS[room] and not _input_types(room, item)
        ]
    assert wrong == []


def _input_types(room: str, item: Import) -> bool:
    """Questions are asked about inputs, so their types may be named."""
    return room in ("analysis", "source") and item.room == "inputs" and item.types_only


def test_imports_boot_and_mmu_are_strangers() -> None:
    """Each checks the other; they may share facts and nothing else, whatever the table above comes to say."""
    for one, other in (("boot", "mmu"), ("mmu", "boot")):
        assert other not in DOORS[one]
        for path in (path for path in FILES if room_of(path) == one):
            assert all(item.room != other for item in imports_of(path)), path
            assert f"bootmap.{other}" not in path.read_text(), f"{path} names bootmap.{other}"


def test_contributing_names_every_room() -> None:
    """Each room, with what it is for."""
    house = (REPOSITORY / "CONTRIBUTING.md").read_text().split("```")[1]
    named = re.findall(r"(?m)^  ([\w.]+?)(?:\.py|/) +\S", house)
    assert set(named) == DOORS.keys() - {"__main__"}
    assert len(named) == len(set(named))


def test_imports_nobody_calls_the_command() -> None:
    for path in FILES:
        if room_of(path) not in ("cli", "__main__"):
            assert "cli" not in {item.room for item in imports_of(path)}, path


def test_imports_boot_takes_results_of_inputs() -> None:
    for path in (path for path in FILES if room_of(path) == "boot"):
        for item in imports_of(path):
            if item.room == "inputs" and not item.types_only:
                module = item.module.removeprefix("bootmap.inputs").lstrip(".") or item.name
                assert module in RESULTS, f"{path}: {item}"


def test_imports_report_computes_nothing() -> None:
    called = set()
    for path in (path for path in FILES if room_of(path) == "report"):
        for item in imports_of(path):
            if item.module in WORDS:
                continue
            if item.room in WORKING and not item.types_only and not item.name[:1].isupper():
                called.add(f"{item.module}.{item.name}")
    assert not called, f"functions that report has no business with: {called}"


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_imports_run_in_no_circle() -> None:
    """No file names one that names it, not even for a type; the face of the library names all and is named by few."""
    modules = {".".join(("bootmap", *path.relative_to(SOURCE).with_suffix("").parts)): path for path in FILES}
    needs: dict[str, set[str]] = {}
    for module, path in modules.items():
        named = {f"{item.module}.{item.name}" for item in imports_of(path)} | {item.module for item in imports_of(path)}
        needs[module] = {name for name in named if name in modules} - {module}
    while True:
        done = {module for module, others in needs.items() if not others}
        if not done:
            break
        needs = {module: others - done for module, others in needs.items() if module not in done}
    assert not needs, f"a circle, or above one: {sorted(needs)}"


def test_rooms_stand_in_floors() -> None:
    """Rooms, too, are in no circle; CONTRIBUTING has the floors that imports make, the library's face apart."""
    left: dict[str, set[str]] = {}
    for path in FILES:
        if (room := room_of(path)) in (FACE, "__main__"):
            continue
        left.setdefault(room, set()).update(item.room for item in imports_of(path) if item.room not in (room, FACE))
    floors = []
    while left:
        floor = sorted(room for room, below in left.items() if not below)
        assert floor, f"a circle, or above one: {left}"
        floors.append(floor)
        left = {room: below - set(floor) for room, below in left.items() if room not in floor}
    drawn = [f"{number}  {' '.join(floor)}" for number, floor in enumerate(floors)]
    assert "\n".join(reversed(drawn)) in (REPOSITORY / "CONTRIBUTING.md").read_text()


def test_patterns_repeat_no_group_possessively() -> None:
    """Python before 3.11.5 (Debian 12 has 3.11.2) matches such a group wrongly; one character's repetition it can."""
    group = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+|\(\?>")
    wrong = [
        f"{path.relative_to(SOURCE)}:{node.lineno}: {node.value!r}"
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        if group.search(node.value if isinstance(node.value, str) else node.value.decode("latin-1"))
    ]
    assert wrong == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["predict", "--help"]])
def test_start_up_is_light(arguments: list[str]) -> None:
    """The command answers about itself without loading what it computes with."""
    code = (
        "import sys\n"
        "from bootmap.cli.main import cli\n"
        "try:\n    cli(sys.argv[1:], prog_name='bootmap')\n"
        "except SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout
    assert result.stderr == "[]\n"


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_files_are_short(folder: str) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (REPOSITORY / folder).rglob("*.py")}
    assert not {str(path): length for path, length in lengths.items() if length > LONGEST}


def test_docstrings_open_every_file_and_public_name() -> None:
    bare = []
    for path in FILES:
        tree = tree_of(path)
        places: list[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]] = [(str(path.relative_to(SOURCE)), tree)]
        while places:
            name, node = places.pop()
            overload = isinstance(node, ast.FunctionDef) and any(
                isinstance(decorator, ast.Name) and decorator.id == "overload" for decorator in node.decorator_list
            )
            if ast.get_docstring(node) is None and not overload:
                bare.append(name)
            if isinstance(node, ast.Module | ast.ClassDef):
                inner = [child for child in node.body if isinstance(child, ast.ClassDef | ast.FunctionDef)]
                places += [(f"{name}: {child.name}", child) for child in inner if not child.name.startswith("_")]
    overrides = {"cli/main.py"}  # methods of click's classes, described there
    assert not [name for name in bare if name.split(":")[0] not in overrides]


def test_sources_are_cited_by_every_step() -> None:
    """A module of boot that does what the kernel does says where the kernel does it."""
    for path in (path for path in FILES if room_of(path) == "boot" and path.stem not in FRAMES):
        assert KERNEL_FILE.search(ast.get_docstring(tree_of(path)) or ""), f"{path}: names no file of the kernel"


# -- features ------------------------------------------------------------------------------------------------------


@cache
def strings() -> tuple[frozenset[str], frozenset[str]]:
    """Names asked for by ``has("...")``, and every string of the sources but the table of features itself."""
    asked, said = set(), set()
    for path in FILES:
        if path.relative_to(SOURCE).parts[:2] == ("facts", "features"):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "has":
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    asked.add(first.value)
    return frozenset(asked), frozenset(said)


def test_features_asked_for_exist() -> None:
    asked, _ = strings()
    assert asked <= ROWS_BY_NAME.keys()
    assert len(asked) > 100


def test_features_are_used() -> None:
    _, said = strings()
    unused = {name for name in ROWS_BY_NAME if name not in said}
    assert not unused, f"no code asks for {unused}"


@pytest.mark.parametrize("row", FEATURES, ids=lambda row: row.name)
def test_features_say_where_they_are_seen(row: object) -> None:
    (feature,) = (each for each in FEATURES if each is row)
    assert KERNEL_FILE.search(feature.source), f"{feature.name}: {feature.source} names no file"
    assert feature.summary
    assert feature.since is None or feature.until is None or feature.since < feature.until
    assert feature.since or feature.until or feature.kconfig or feature.also or not feature.except_from
