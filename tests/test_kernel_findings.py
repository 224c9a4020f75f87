"""``bootmap findings``: what it tells of each map is what was booted, and its command lines show the death again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.booting import FINDINGS, bootmap, kernel

from bootmap import kernel_findings
from bootmap.facts.kernel_findings import BOOTED_KERNELS
from bootmap.image.exceptions import taken_exceptions
from bootmap.image.machine import HangError, RunningMachine

BOOTED: dict[str, Any] = json.loads((FINDINGS / "booted.json").read_text())
NEWEST = ("pool-refused", "pool-at-odd-mib", "pool-over-kernel")
RECORDS = {record.finding.name: record for record in kernel_findings()}


def test_findings_are_those_that_were_booted() -> None:
    assert RECORDS.keys() == BOOTED.keys()
    assert list(RECORDS)[:3] == list(NEWEST)


@pytest.mark.parametrize("name", BOOTED)
def test_finding_tells_what_was_booted(name: str) -> None:
    told = bootmap("findings", name)
    assert told.returncode == 0
    for key, outcome in BOOTED[name]["boots"].items():
        line = next(line for line in told.stdout.splitlines() if line.strip().startswith(f"{BOOTED_KERNELS[key]}  "))
        if "returned" in outcome:
            later = f"died behind paging_init: {outcome.get('dies_later')}"
            assert line.endswith(later if "dies_later" in outcome else "came back from paging_init")
        else:
            exception = outcome["first_exception"]
            assert line.endswith(f"died: {exception if exception != 'none' else 'no exception, it loops'}")
    assert (f"-device loader,file={RECORDS[name].dtb}" in told.stdout) == (BOOTED[name]["phys_offset"] == "0x40000000")


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.finding.change])
def test_letter_is_mail(name: str) -> None:
    """Words wrapped for mail, and the whole board in it."""
    letter = bootmap("findings", name, "--letter").stdout
    first = letter.split("Hello,\n\n")[1].split()[0]
    assert first.isalpha() == first[0].isupper()  # names of functions and parameters are as they are
    assert letter.startswith("To: linux-arm-kernel@lists.infradead.org\nSubject: [BUG] ARM: ")
    words, _, board = letter.partition(f"\n{name}.dts:\n\n")
    assert board.strip() == (FINDINGS / f"{name}.dts").read_text().strip()
    assert all(len(line) <= 100 for line in words.splitlines())
    assert max(len(line) for line in words.splitlines() if not line.startswith(" ")) <= 72
    assert all(f"\n{head}: " in words for head in ("Proposed change", "Concerns", "Workaround", "Code"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["findings", "no-such"], "no finding is called 'no-such'"),
        (["findings", "ram-14m", "--letter"], "the board is to be changed"),
        (["findings", "--letter"], "name it"),
        (["findings", "ram-14m", "--run"], "--zimage FILE"),
        (["findings", "phys-offset-8m", "--run", "--zimage", "x"], "use bootmap verify"),
        (["findings", "ram-14m", "--run", "--zimage", "/no/such"], "/no/such: no such file"),
    ],
)
def test_findings_usage(arguments: list[str], said: str) -> None:
    refused = bootmap(*arguments)
    assert refused.returncode == 2
    assert said in refused.stderr


@pytest.mark.oracle
@pytest.mark.parametrize("name", NEWEST)
def test_finding_kills_the_newest_kernel_again(name: str) -> None:
    """The zImage, unpacked by its own decompressor, dies of what the unpacked kernel died of."""
    done = bootmap("findings", name, "--zimage", f"{kernel('deb-7.2')}/zImage", "--run")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[0] == f"{name}: this kernel does not come up; 0 bytes on the console."
    assert done.stdout.splitlines()[1].strip() == BOOTED[name]["boots"]["deb-7.2"]["first_exception"]


@pytest.mark.oracle
@pytest.mark.parametrize("key", ["deb-7.2", "deb-6.1-lpae"])
def test_finding_kills_behind_paging_init_again(key: str) -> None:
    """Long descriptors let a kernel live; the other has logged its command line when it dies."""
    done = bootmap("findings", "page-0-freed", "--zimage", f"{kernel(key)}/zImage", "--run")
    died = BOOTED["page-0-freed"]["boots"][key].get("dies_later")
    assert done.returncode == (1 if died else 0), done.stderr
    assert done.stdout.splitlines()[1:2] == ([f"  {died}"] if died else [])


@pytest.mark.oracle
def test_finding_spares_an_older_kernel() -> None:
    done = bootmap("findings", "pool-refused", "--zimage", f"{kernel('deb-6.1')}/zImage", "--run")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.oracle
def test_unpacked_kernel_is_copied_to_where_it_belongs(tmp_path: Path) -> None:
    """A decompressor would put this one at 0x40208000, and QEMU's own device tree lies where it is to be."""
    record = RECORDS["first-bank-off-2m"]
    assert "with the Image of an armv7 kernel" in bootmap("findings", "first-bank-off-2m", "--letter").stdout
    loops = b"\xfe\xff\xff\xea" + random.Random(2).randbytes(20 << 20)
    (tmp_path / "Image").write_bytes(loops)
    with RunningMachine(record.qemu_arguments(str(tmp_path / "Image"), str(record.dtb))) as machine:
        for _ in range(20):
            with pytest.raises(HangError):
                machine.run_until_console(b"nothing speaks", timeout=1)
            if machine.memory.read(0x4000_8000, len(loops)) == loops:
                break
        else:
            pytest.fail("it is not there")


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("dtc") is None, reason="dtc is not installed")
def test_letter_can_be_followed(tmp_path: Path) -> None:
    """A stranger with the letter, dtc, QEMU and a zImage sees the same exception."""
    (tmp_path / "zImage").symlink_to(Path(kernel("deb-6.12")) / "zImage")
    letter = bootmap("findings", "pool-over-kernel", "--letter").stdout
    (tmp_path / "pool-over-kernel.dts").write_text(letter.split("pool-over-kernel.dts:\n\n")[1])
    commands = letter.split("armv7 kernel:\n\n")[1].split("\n\n")[0]
    shell = subprocess.Popen(
        ["bash", "-ec", commands],
        cwd=tmp_path,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        trace, deadline = tmp_path / "trace.log", time.monotonic() + 60
        while not (trace.exists() and trace.stat().st_size > 4096):
            assert shell.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        first = taken_exceptions(trace.read_bytes()[:4096].decode(), limit=1)[0]
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    assert str(first) == BOOTED["pool-over-kernel"]["boots"]["deb-6.12"]["first_exception"]
