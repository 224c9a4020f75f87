"""Captures cut into boots, whatever stands around the lines; and how far each boot came."""

from __future__ import annotations

import pytest

from bootmap.bootlog.capture import read_boots
from bootmap.bootlog.log import messages_of, read_log
from bootmap.bootlog.progress import Ending, progress_of
from bootmap.inputs.console import console_lines, console_text, raw_lines

LOADER = "U-Boot SPL 2023.01\nU-Boot 2023.01\nDRAM:  512 MiB\nStarting kernel ...\n"
KERNEL = """Booting Linux on physical CPU 0x0
Linux version 6.1.0 (builder) (gcc) #1 SMP
CPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=10c5387d
Memory policy: Data cache writealloc
Kernel command line: console=ttyS0
Memory: 364956K/458752K available
"""


@pytest.mark.parametrize(
    ("text", "firsts"),
    [
        (LOADER + KERNEL, [1]),
        (LOADER + KERNEL + LOADER + KERNEL, [1, 11]),
        (LOADER + LOADER, [1, 5]),  # it resets before the kernel says a word
        (KERNEL + KERNEL, [1, 7]),  # kexec
        (KERNEL + "# cat /proc/version\nLinux version 6.1.0 (builder) (gcc) #1 SMP\n#\n", [1]),
        ("U-Boot SPL 2023.01\n" * 3, [1, 2, 3]),
        ("", [1]),
    ],
)
def test_boots_of_a_capture(text: str, firsts: list[int]) -> None:
    assert [boot.first for boot in read_boots(text)] == firsts


def test_lines_of_the_second_boot_have_their_numbers() -> None:
    second = read_boots(LOADER + KERNEL + LOADER + KERNEL.replace("458752K", "229376K"))[1]
    memory = messages_of(second).first("cpu")
    assert memory is not None
    assert memory.line == 17


def test_capture_is_bounded() -> None:
    assert len(read_boots(LOADER * 1000)) == 64


@pytest.mark.parametrize(
    ("text", "ending", "last"),
    [
        ("U-Boot 2023.01\nDRAM:  512 MiB\n=> ", Ending.LOADER, "loader"),
        (LOADER, Ending.SILENT, "handed over"),
        (LOADER + "Uncompressing Linux... done, booting the kernel.\n", Ending.SILENT, "unpacked"),
        (LOADER + KERNEL, Ending.SILENT, "memory freed"),
        (KERNEL, Ending.CUT, "memory freed"),
        (KERNEL + "Freeing unused kernel memory: 1024K\n", Ending.RUNS, "init memory freed"),
        (KERNEL + "Unable to handle kernel paging request at virtual address bfff6000\n", Ending.OOPS, "memory freed"),
        (LOADER + "Error: unrecognized/unsupported machine ID (r1 = 0x00000ca7).\n", Ending.PANIC, "handed over"),
        (KERNEL + "Kernel panic - not syncing: VFS: Unable to mount root fs\n", Ending.PANIC, "memory freed"),
    ],
)
def test_progress(text: str, ending: Ending, last: str) -> None:
    progress = progress_of(read_boots(text)[0])
    assert progress.ending is ending
    assert progress.last is not None
    assert progress.last.name == last


def test_quoted_printable_keeps_the_numbers_of_lines() -> None:
    text = "> [00000000] *pgd=3D6591f835, *pte=3D00=\n> 000000\n> x=3D1\n"
    lines = raw_lines(text)
    assert lines[0] == "> [00000000] *pgd=6591f835, *pte=00000000"
    assert lines[1] == ""
    assert lines[2] == "> x=1"


def test_equal_signs_of_a_plain_log_stay() -> None:
    text = "Kernel command line: console=ttyS0 a=3D b=20\nmem=512M\n"
    assert raw_lines(text)[:2] == text.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "\x1b[0;32m[    0.000000]\x1b[0m Machine model: X",
        "[Tue Nov 27 12:00:00 2026] Machine model: X",
        "2026-11-27T12:00:00.123456+0000 board kernel: Machine model: X",
        "[2026-11-27 12:00:00.123] [    0.000000] Machine model: X",
        "> > <6>[    0.000000][    T0] Machine model: X\r",
        "12:00:01.250 [    0.000000] Machine model: X",
        "\x1b]0;title\x07Machine model: X",
        "Machine model: \u202eX",
    ],
)
def test_console_lines_are_what_was_said(line: str) -> None:
    assert console_lines(line)[0].text.strip() == "Machine model: X"


def test_console_text_of_windows() -> None:
    assert console_text("Machine model: X".encode("utf-16")) == "Machine model: X"


def test_first_boot_is_the_log() -> None:
    assert len(read_log(LOADER + KERNEL + LOADER + KERNEL).all("banner")) == 1
