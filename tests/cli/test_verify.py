"""`bootmap verify` and `record` with what cannot be booted: one line that names the file, and the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bootmap.errors import MissingInputError
from bootmap.inputs.kernel_file import KernelFile
from bootmap.verify.load import load_kernel

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


def image(folder: Path, release: str) -> str:
    """An unpacked kernel as far as one is recognised: by its banner (init/version.c)."""
    file = folder / "Image"
    file.write_bytes(f"Linux version {release} (a@b) (gcc) #1 SMP\n\0".encode().ljust(0x1000, b"\0"))
    return str(file)


@pytest.mark.parametrize("command", [("verify",), ("record", "-o", "x.json.gz"), ("fuzz",)])
def test_verify_without_qemu(command: tuple[str, ...], tmp_path: Path) -> None:
    kernel = image(tmp_path, "6.1.176")
    arguments = [*command, VIRT, "--kernel", kernel, *OPTIONS]
    if command == ("fuzz",):
        arguments = ["fuzz", "--count", "1", "--kernel", f"{kernel},{OPTIONS[1]},{OPTIONS[3]}"]
    code, error = run(*arguments, env={"PATH": str(tmp_path)}, cwd=tmp_path)
    assert code == 4
    assert "qemu-system" in error
    assert "Debian's package is" in error
    assert [path.name for path in tmp_path.iterdir()] == ["Image"]


def test_verify_kernel_of_another_version(tmp_path: Path) -> None:
    """The image says which it is, and the configuration is another's."""
    code, error = run("verify", VIRT, "--kernel", image(tmp_path, "6.12.107"), *OPTIONS)
    assert code == 2
    assert "6.12.107" in error
    assert "6.1.176" in error


def test_load_kernel_without_symbols_names_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub beside the kernel, none in it, and nobody who could find those that it keeps of itself."""
    monkeypatch.setattr("bootmap.inputs.kallsyms.tool_path", lambda: None)
    (tmp_path / "System.map").write_text("ffffffff B The real System.map is in the linux-image-6.1-dbg package\n")
    (tmp_path / "config").write_text("CONFIG_MMU=y\n")
    image = tmp_path / "Image"
    image.write_bytes(b"\0" * 64 + b"Linux version 6.1.0 (me@here) #1\n\0" + b"\0" * 4096)
    file = KernelFile(kind="Image", path=str(image), image=image.read_bytes())
    monkeypatch.setattr("bootmap.inputs.zimage.read_kernel", lambda _: file)
    with pytest.raises(MissingInputError, match=r"--system-map, or install kallsyms-finder .*vmlinux-to-elf"):
        load_kernel(str(image), kernel_version="6.1")
