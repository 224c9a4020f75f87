"""`bootmap verify` and `record` with what cannot be booted: one line that names the file, and the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
VIRT = str(DATA / "dtb" / "virt.dtb")
OPTIONS = (
    "--config",
    str(DATA / "kernels/deb-6.1/config.gz"),
    "--system-map",
    str(DATA / "kernels/deb-6.1/System.map"),
)


def run(*arguments: str, **options: object) -> tuple[int, str]:
    line = [sys.executable, "-m", "bootmap", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("at", "magic", "what"),
    [(0x38, b"ARM\x64", "a kernel for arm64"), (0x202, b"HdrS", "a kernel for x86"), (0, b"\x17", "begins with 17")],
)
def test_verify_other_kernels(at: int, magic: bytes, what: str, tmp_path: Path) -> None:
    image = bytearray(0x1000)
    image[at : at + len(magic)] = magic
    file = tmp_path / "Image"
    file.write_bytes(image)
    code, error = run("verify", VIRT, "--kernel", str(file), *OPTIONS)
    assert code == 3
    assert str(file) in error
    assert what in error


def test_verify_nothing_to_boot() -> None:
    code, error = run("verify", VIRT)
    assert code == 2
    assert "--kernel" in error


@pytest.mark.parametrize("arguments", [("--log", "x", "y"), ()])
def test_verify_boards_of_a_log(arguments: tuple[str, ...]) -> None:
    code, error = run("verify", VIRT, *arguments) if arguments else run("record", VIRT, "-o", "/nonexistent/x")
    assert code == 2
    assert "one BOARD" in error or "--kernel" in error
