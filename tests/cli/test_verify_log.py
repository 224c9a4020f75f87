"""``bootmap verify --log``: what it prints, its exit codes, and that nothing makes it fall over."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.public_logs import FOLDER, INDEX

from bootmap.bootlog.check import check_log
from bootmap.bootlog.log import read_log
from bootmap.bootlog.predict import areas_of, predict_from_log
from bootmap.cli import main
from bootmap.errors import BootmapError
from bootmap.output import WIDEST

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls the script as a shell does: (exit code, stdout, stderr)."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bootmap", *words])
        with pytest.raises(SystemExit) as stopped:
            main.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


def log(name: str) -> str:
    return str(FOLDER / f"{name}.log")


def test_verify_log_that_agrees(run: Run) -> None:
    code, out, err = run("verify", "--log", log("dove-3.14.4-cubox"))
    assert (code, err) == (0, "")
    first, second = out.splitlines()[:2]
    assert first == "no contradiction: 12 matched, 0 contradicted, 3 not modelled"
    assert re.fullmatch(r"\d+ lines, 12 of which told what the board is", second)
    assert "where mem_map lies" in out
    assert "PHYS_OFFSET is 0x00000000" in out


def test_verify_log_that_is_contradicted(run: Run) -> None:
    code, out, err = run("verify", "--log", log("bcm2835-4.9.35-zero"))
    assert (code, err) == (1, "")
    assert out.startswith("CONTRADICTED: ")
    assert (
        "line 4: cma: Reserved 8 MiB at 0x1b400000\n    log        base 0x1b400000\n    predicted  base 0x1b800000\n"
        in out
    )


def test_verify_log_of_a_boot_that_ends(run: Run) -> None:
    """The Tegra20's log ends in an oops of unflatten_device_tree, as predicted: no contradiction, but a finding."""
    code, out, _ = run("verify", "--log", log("tamonten-tegra20-5.2.6"))
    assert code == 1
    assert out.startswith("no contradiction: ")
    assert "Predicted: DOES NOT BOOT: unflatten_device_tree: " in out
    assert "a data abort at virtual 0xbfff6000" in " ".join(out.split())


def test_verify_log_json(run: Run) -> None:
    code, out, _ = run("verify", "--log", log("bcm2835-4.9.35-zero"), "--json")
    document = json.loads(out)
    assert code == 1
    assert document["schema"] == "bootmap.verify-log/1"
    assert set(document["counts"]) == {"matched", "contradicted", "not modelled", "input"}
    assert sum(document["counts"].values()) == len(document["judged"])
    (wrong,) = [row for row in document["judged"] if row["verdict"] == "contradicted"]
    assert (wrong["line"], wrong["kind"]) == (4, "cma")
    assert (wrong["log"], wrong["predicted"]) == ("base 0x1b400000", "base 0x1b800000")


def test_verify_log_options_go_before_the_log(run: Run) -> None:
    words = ("verify", "--log", log("hisi-ca9-5.10"), "--kernel-version", "5.10")
    assert run(*words)[0] == 1
    code, out, _ = run(*words, "--cmdline", "vmalloc=256M")
    assert code == 0
    assert out.startswith("no contradiction: 36 matched")


@pytest.mark.parametrize("name", list(INDEX)[::8])
def test_verify_log_fits_the_width(run: Run, name: str) -> None:
    options = INDEX[name].get("options", {})
    words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
    _, out, _ = run("verify", "--log", log(name), *words)
    assert all(len(line) <= WIDEST or "line " in line for line in out.splitlines())


@pytest.mark.parametrize(
    ("content", "words", "code", "message"),
    [
        (b"", (), 3, "holds no line of the kernel's"),
        (b"\x00\xff\xfe" * 100, (), 3, "holds no line of the kernel's"),
        (b"hello\nworld\n", (), 3, "holds no line of the kernel's"),
        (b"Memory policy: Data cache writeback\n", (), 2, "--kernel-version"),
        (b"Linux version 6.1.0 (builder) (gcc) #1\n", (), 2, "--cpu"),
        (b"Linux version 6.1.0 (builder) (gcc) #1\n", ("--cpu", "cortex-a7"), 2, "how much RAM"),
        (b"Linux version 8.9.0 (builder) (gcc) #1\n", ("--cpu", "cortex-a7"), 2, "how much RAM"),
        (
            b"Linux version 9.9.0 (b) (gcc) #1\nMemory: 100K/1024K available (1K kernel code, 1K rwdata, 1K rodata)\n",
            ("--cpu", "cortex-a7"),
            2,
            "not modelled",
        ),
        (b"80000000-9fffffff : System RAM\n", (), 2, "give BOARD"),
    ],
)
def test_verify_log_faults(
    run: Run, tmp_path: Path, content: bytes, words: tuple[str, ...], code: int, message: str
) -> None:
    path = tmp_path / "dmesg.txt"
    path.write_bytes(content)
    found, out, err = run("verify", "--log", str(path), *words)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_verify_log_that_is_not_there(run: Run, tmp_path: Path) -> None:
    code, _, err = run("verify", "--log", str(tmp_path / "none"))
    assert code == 3
    assert err.count("\n") == 1


def _damaged(text: str, chance: random.Random) -> str:
    """``text`` with a few numbers, lines and characters changed."""
    for _ in range(chance.randint(1, 4)):
        lines = text.split("\n")
        what = chance.random()
        if what < 0.6 and (numbers := list(re.finditer("[0-9a-f]+", text))):
            match = chance.choice(numbers)
            width = chance.choice((4, 16, 32, 33, 40, 64))
            new = chance.choice(
                ("0", "ffffffff", "fffffffffffffffe", f"{chance.getrandbits(width):x}", str(chance.getrandbits(width)))
            )
            text = text[: match.start()] + new + text[match.end() :]
        elif what < 0.8:
            lines[chance.randrange(len(lines))] = chance.choice(lines)
            text = "\n".join(lines)
        elif what < 0.9:
            del lines[chance.randrange(len(lines))]
            text = "\n".join(lines)
        else:
            at = chance.randrange(len(text))
            text = text[:at] + chr(chance.choice((0, 7, 27, 255, 0xFFFD, 10, 65))) + text[at + 1 :]
    return text


@pytest.mark.parametrize("seed", range(4))
def test_verify_log_of_damaged_logs(seed: int) -> None:
    """Whatever serial noise makes of a log, there is a verdict or one of bootmap's own errors."""
    chance = random.Random(seed)
    texts = [Path(log(name)).read_text() for name in INDEX]
    judged = 0
    for _ in range(250):
        said = read_log(_damaged(chance.choice(texts), chance))
        try:
            found = predict_from_log(said)
        except BootmapError:
            continue
        judged += len(check_log(found.replay, areas_of(found.replay), said, found.basis))
    assert judged > 1000


def test_verify_is_listed() -> None:
    assert "verify" in CliRunner().invoke(main.cli, ["--help"]).output
