"""``bootmap diagnose``: the order of its answer, its exit codes, and that nothing makes it fall over."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.public_logs import FOLDER, INDEX
from support.recordings import kernel_files

import bootmap
from bootmap.cli import main
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.report.diagnose_text import diagnoses_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

TAMONTEN = str(FOLDER / "tamonten-tegra20-5.2.6.log")
CAPTURES = FOLDER.parent / "captures"
CHIP = """Uncompressing Linux... done, booting the kernel.
[    0.000000] Booting Linux on physical CPU 0x0
[    0.000000] Linux version 4.8.0-rc3 (builder) (gcc version 5.4.0) #26 SMP Tue Oct 18 22:18:17 PDT 2016
[    0.000000] CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d
[    0.000000] OF: fdt:Machine model: NextThing C.H.I.P.
[    0.000000] Reserved memory: created DMA memory pool at 0x43d00000, size 144 MiB
[    0.000000] cma: Reserved 64 MiB at 0x5b800000
[    0.000000] Memory policy: Data cache writeback
[    0.000000] Unable to handle kernel paging request at virtual address c9ff7000
[    0.000000] pgd = c0204000
[    0.000000] [c9ff7000] *pgd=00000000
[    0.000000] Internal error: Oops: 5 [#1] SMP ARM
[    0.000000] PC is at fdt_check_header+0x0/0x74
"""  # https://github.com/FlorentRevest/linux/issues/1


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


def test_answer_is_in_order(run: Run) -> None:
    """What happened, why, what to change, what is harmless, counts last."""
    code, out, err = run("diagnose", TAMONTEN)
    assert (code, err) == (1, "")
    words = " ".join(out.split())
    order = ["Linux 5.2.6", "0x0fff6000", "change one of (each predicted again)", "Harmless", "Lines about memory:"]
    places = [words.index(word) for word in order]
    assert places == sorted(places)
    assert "run the zImage in the first 128 MiB of RAM" in words
    assert "boots, 512 MiB of RAM" in words
    assert "5.11, 5.10.38" in words


def test_fault_address_is_the_device_tree_in_a_no_map_area(tmp_path: Path) -> None:
    """The C.H.I.P.: no line says where the tree is; the fault does, and the log names the area that it lies in."""
    capture = tmp_path / "chip.txt"
    capture.write_text(CHIP)
    (found,) = bootmap.diagnose(str(capture))
    first = found.findings[0]
    assert (first.id, first.fatal) == ("dtb-unmapped", True)
    text = " ".join(reason.text for reason in first.reasons)
    assert "0x49ff7000" in text
    assert "0x43d00000, 144 MiB (line 6)" in text
    assert first.changes
    assert all(change.proven for change in first.changes)


def test_each_boot_has_its_own_answer(run: Run, tmp_path: Path) -> None:
    capture = tmp_path / "two.txt"
    capture.write_text("U-Boot 2023.01\nStarting kernel ...\n" + CHIP + "U-Boot 2023.01\nDRAM:  512 MiB\n")
    code, out, _ = run("diagnose", str(capture))
    assert code == 1
    assert "Boot 1 of 2, from line 1 of" in out
    assert "Boot 2 of 2, from line 16 of" in out
    _, second, _ = run("diagnose", str(capture), "--boot", "2")
    assert "the capture ends before a kernel is started" in " ".join(second.split())
    code, _, err = run("diagnose", str(capture), "--boot", "3")
    assert code == 2
    assert "has 2 boots" in err


def test_loader_alone_gives_the_plan(run: Run, tmp_path: Path) -> None:
    capture = tmp_path / "u-boot.txt"
    capture.write_text(
        "U-Boot 2023.01\nDRAM:  512 MiB\n   Load Address: 0x17000000\n"
        "   Loading Device Tree to 0fff6000, end 0ffff02f\n"
    )
    _, out, _ = run("diagnose", str(capture))
    text = " ".join(out.split())
    assert "a zImage at 0x17000000 takes 0x10000000 for PHYS_OFFSET" in text
    assert "the device tree lies below 0x10000000" in text


def test_board_that_runs_is_well(run: Run) -> None:
    code, out, _ = run("diagnose", str(FOLDER / "hi3518-3.0.8.log"))
    assert code == 0
    assert ": boots." in out.splitlines()[0]


def test_rules_of_neighbouring_versions_are_tried(tmp_path: Path) -> None:
    """A 4.1 kernel that calls itself 3.18: its fixmap is that of 3.19, and no other rule is named for that line."""
    text = (FOLDER / "imx6q-4.1.15-smarc.log").read_text().replace("Linux version 4.1.15", "Linux version 3.18.15")
    capture = tmp_path / "vendor.log"
    capture.write_text(text)
    report = bootmap.verify_log(None, [str(capture)])
    line = next(row.line for row in report.judged if row.text.startswith("fixmap"))
    assert report.neighbours == [
        f"line {line} fits if fixmap_table_always (3.19) was taken: --feature fixmap_table_always=on"
    ]
    assert bootmap.verify_log(None, [str(capture)], features=["fixmap_table_always=on"]).contradicted == 0


def test_initrd_that_was_unpacked_was_not_disabled(tmp_path: Path) -> None:
    """A line that the prediction has and a complete log has not is a contradiction."""
    own = FOLDER / "own" / "virt-1g-6.1"
    log = tmp_path / "log"
    log.write_text(Path(f"{own}.log").read_text() + "[    0.501363] Freeing initrd memory: 244K\n")
    report = bootmap.verify_log(None, [str(log)], initrd="0x40300000,0x3c013")
    texts = [row.text for row in report.judged if row.log]
    assert any("Freeing initrd memory" in text for text in texts)


@pytest.mark.parametrize("name", ["iomem", "memory", "reserved"])
def test_files_alone_are_not_refused(run: Run, name: str) -> None:
    code, out, err = run("diagnose", str(FOLDER / "own" / f"virt-1g-6.1.{name}"))
    assert (code, err) == (0, "")
    assert "0x40" in out


def test_oops_hands_a_panic_over(run: Run) -> None:
    code, out, err = run("oops", str(CAPTURES / "vexpress-3.3-mem256.txt"))
    assert code == 1
    assert "no oops" in err
    assert "paging_init has no RAM" in " ".join(out.split())


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_nothing_is_nothing(run: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty"
    path.write_bytes(content)
    code, out, err = run("diagnose", str(path))
    assert (code, out) == (3, "")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "content", [b"\x00\xff\xfe" * 100, b"hello\nworld\n", b"\x1b[2J\x1b]0;x\x07Machine: \x1b[31mX\n"]
)
def test_anything_else_has_an_answer_and_no_escapes(run: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "capture"
    path.write_bytes(content)
    code, out, _ = run("diagnose", str(path))
    assert code in (0, 1)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", out)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_captures_have_an_answer(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    texts = [(FOLDER / f"{name}.log").read_text() for name in INDEX]
    texts += [path.read_text() for path in CAPTURES.glob("*.txt")] + [CHIP]
    path = tmp_path / "capture"
    for _ in range(20):
        lines = (chance.choice(texts) + chance.choice(texts)).split("\n")
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(lines))
            number = f"{chance.getrandbits(chance.choice((8, 32, 36, 64))):x}"
            lines[at] = re.sub(r"[0-9a-f]{3,}", number, lines[at], count=1)
            if chance.random() < 0.3:
                del lines[at]
        path.write_text("\n".join(lines))
        found = bootmap.diagnose(str(path))
        assert diagnoses_text("capture", found)


def test_large_capture_is_read_in_time(tmp_path: Path) -> None:
    """The readers are linear: ten times the lines take about ten times as long."""
    path = tmp_path / "capture"
    path.write_text(CHIP + "noise = and more noise on the line\n" * 60_000)
    begun = time.monotonic()
    bootmap.diagnose(str(path))
    assert time.monotonic() - begun < 30


def test_json_holds_the_witnesses(run: Run) -> None:
    _, out, _ = run("diagnose", TAMONTEN, "--json")
    document = json.loads(out)
    assert document["schema"] == "bootmap.diagnose/1"
    numbers = {each["quantity"]: each for each in document["boots"][0]["values"]}
    assert numbers["PHYS_OFFSET"]["text"] == f"{numbers['PHYS_OFFSET']['value']:#010x}"
    assert numbers["PHYS_OFFSET"]["option"] == "--phys-offset"
    assert all(isinstance(row, list) for row in numbers["RAM"]["value"])
    (boot,) = document["boots"]
    values = {row["quantity"]: row for row in boot["values"]}
    assert values["PHYS_OFFSET"]["value"] == 0x10000000
    assert values["PHYS_OFFSET"]["witnesses"]
    assert values["device tree"]["value"] == 0x0FFF6000


def test_silence_with_the_board_has_the_checks_answer(tmp_path: Path) -> None:
    """Only U-Boot's lines, and what the board is: what `check` finds of that very hand-over is the answer."""
    root = MadeNode(
        "", {"#address-cells": cells(1), "#size-cells": cells(1), "compatible": text("ad,tec\0nvidia,tegra20")}
    )
    root.add("cpus").add("cpu@0", {"compatible": text("arm,cortex-a9"), "device_type": text("cpu")})
    root.add("memory@0", {"device_type": text("memory"), "reg": cells(0, 0x20000000)})
    board, capture = tmp_path / "board.dtb", tmp_path / "u-boot.txt"
    board.write_bytes(flatten(root))
    capture.write_text(
        "U-Boot 2019.07\n   Load Address: 0x17000000\n   Loading Device Tree to 0fff6000, end 0ffff02f ... OK\n"
        "Starting kernel ...\n\n"
    )
    config, system_map = kernel_files("old54")
    options = {"config": str(config), "system_map": str(system_map), "version": "5.3.0"}
    (found,) = bootmap.diagnose(str(capture), str(board), **options)
    first = found.findings[0]
    assert (first.id, first.fatal, first.certain) == ("dtb-unmapped", True, False)
    assert "0xbfff6000" in first.reasons[0].text
    proven = [change.what for change in first.changes if change.proven]
    assert any("run the zImage at" in what for what in proven)
    assert "as predicted" in found.headline


@pytest.mark.parametrize(
    ("last", "id"),
    [
        ("Kernel panic - not syncing: Timeout: No cpu came up", "panic"),
        ("Internal error: Oops - undefined instruction: 0 [#1] SMP ARM", "oops"),
    ],
)
def test_memory_is_not_blamed_for_what_it_did_not_do(tmp_path: Path, last: str, id: str) -> None:
    """Lines about lost RAM frighten; a panic of which nothing is known stays the headline."""
    capture = tmp_path / "panic.txt"
    capture.write_text((FOLDER / "ls1021a-tsn-5.8-rc7.log").read_text() + last + "\n")
    (found,) = bootmap.diagnose(str(capture))
    assert [finding.id for finding in found.findings if finding.fatal] == [id]
    assert found.headline == last
