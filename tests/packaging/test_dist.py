"""The wheel: the same whenever it is built, whole, with manual pages for man and completion for three shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")

REPOSITORY = Path(__file__).parents[2]
SHELLS = {
    "bash": "bash-completion/completions/bootmap",
    "zsh": "zsh/site-functions/_bootmap",
    "fish": "fish/vendor_completions.d/bootmap.fish",
}
DATA = "bootmap-0.1.0.data/data/share/"


def build(tree: Path, folder: Path, *arguments: str, **environment: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *arguments]
    settings = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **environment}
    subprocess.run(command, cwd=tree, env=settings, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(REPOSITORY, tmp_path_factory.mktemp("wheel"), "--target", "wheel")


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_wheel_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """Another folder, another time zone, and files written anew."""
    sdist = build(REPOSITORY, tmp_path / "sdist", "--target", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later
        archive.extractall(tmp_path)
    again = build(tmp_path / "bootmap-0.1.0", tmp_path / "again", "--target", "wheel", TZ="Asia/Shanghai", LC_ALL="C")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_sdist_holds_every_file_of_the_repository(tmp_path: Path) -> None:
    """Its tests can then be run from it: they read the action, the hooks and what is packaged."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if tracked.returncode or not (REPOSITORY / ".git").exists():
        pytest.skip("this is no clone of the repository: nothing says which files belong to it")
    with tarfile.open(build(REPOSITORY, tmp_path / "sdist", "--target", "sdist")) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    there = {name for name in tracked.stdout.split("\0") if name and (REPOSITORY / name).exists()}
    assert len(there) > 1000
    assert there - held == set()
    assert {name for name in held - there if not (REPOSITORY / name).is_dir()} - {"PKG-INFO"} == set()


def test_wheel_tells_of_no_time_but_the_given_one(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}


def test_wheel_holds_the_package_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = {str(path.relative_to(REPOSITORY / "src")) for path in (REPOSITORY / "src").rglob("*.py")}
    assert sources <= names
    assert {"bootmap/py.typed", "bootmap/explore/page.html"} <= names
    boards = {path.name for path in (REPOSITORY / "boards" / "findings").iterdir()}
    assert {f"bootmap/facts/findings/{name}" for name in boards} <= names
    assert not [name for name in names if "tests" in name.split("/") or name.endswith(".pyc")]
    assert wheel.stat().st_size < 4 << 20


def test_findings_are_told_by_an_installed_wheel(unpacked: Path, tmp_path: Path) -> None:
    """From the wheel's own files: the project is not at hand."""
    here = {**os.environ, "PYTHONPATH": str(unpacked)}
    command = [sys.executable, "-m", "bootmap", "findings", "pool-refused"]
    told = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, check=True)
    assert f"file={unpacked}/bootmap/facts/findings/pool-refused.dtb," in told.stdout


BUILT_WITH = """
import sys, tomllib
from importlib.metadata import packages_distributions, requires
from packaging.requirements import Requirement
with open("pyproject.toml", "rb") as file:
    wanted = {Requirement(text).name for text in tomllib.load(file)["build-system"]["requires"]}
for name in list(wanted):
    wanted |= {Requirement(text).name for text in requires(name) or () if "extra" not in text}
absent = {module for module, names in packages_distributions().items() if (wanted | {"bootmap"}).isdisjoint(names)}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not there while the wheel is built")

assert {"msgspec", "numpy"} <= absent
sys.meta_path.insert(0, Absent())
sys.path.insert(0, "src")
import hatch_build
print(len(hatch_build.shared_files()))
"""


def test_wheel_is_built_with_what_pyproject_names() -> None:
    """pip gives the build no more than that; every command is read for its manual page."""
    done = subprocess.run([sys.executable, "-c", BUILT_WITH], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 20


def test_manual_pages_are_those_of_all_commands(unpacked: Path) -> None:
    listed = subprocess.run([sys.executable, "-m", "bootmap", "--help"], capture_output=True, text=True, check=True)
    names = re.findall(r"(?m)^  ([a-z][a-z-]+)  ", listed.stdout.split("Commands:")[1])
    pages = {path.name for path in (unpacked / DATA / "man/man1").iterdir()}
    assert pages == {"bootmap.1", *(f"bootmap-{name}.1" for name in names)}


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_manual_page_is_read_by_man(unpacked: Path) -> None:
    page = unpacked / DATA / "man/man1/bootmap-check.1"
    shown = subprocess.run(
        ["man", "--warnings", "--local-file", str(page)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""},
    )
    assert not shown.stderr
    text = re.sub(r".\x08", "", shown.stdout)
    assert "BOOTMAP-CHECK(1)" in text
    assert re.search(r"(?m)^ +bootmap check \[OPTIONS\] \[BOARDS\]\.\.\.$", text)
    assert re.search(r"(?m)^ +--strict\n +Exit with 1 on warnings too\.$", text)


# Each shell says what it would offer behind "bootmap me".
OFFERS = {
    "bash": (
        'source "$1"; COMP_WORDS=(bootmap me) COMP_CWORD=1; _bootmap_completion bootmap me bootmap; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    ),
    "fish": "source $argv[1]; complete --do-complete 'bootmap me'",
    "zsh": (
        "compdef() { :; }; compadd() { print -rl -- ${(P)5}; }; _describe() { print -rl -- ${(P)3}; }; "
        "fpath=(${1:h} $fpath); autoload -U _bootmap; words=(bootmap me); CURRENT=2; _bootmap"
    ),
}


@pytest.mark.parametrize("shell", OFFERS)
def test_completion_offers_commands(shell: str, unpacked: Path, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = unpacked / DATA / SHELLS[shell]
    arguments = [shell, "-c", OFFERS[shell], *([] if shell == "fish" else [shell]), str(script)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        arguments, capture_output=True, text=True, env={**os.environ, "PATH": path, "HOME": str(tmp_path)}
    )
    offered = {re.split(r"[:\t]", line)[0] for line in done.stdout.split("\n") if line}
    assert offered == {"mem-types", "memblock"}, done.stderr
