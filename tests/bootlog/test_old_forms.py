"""Old kernels' words, mails in base64, and archives that hold little."""

from __future__ import annotations

import base64
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

import bootmap
from bootmap.report.diagnose_text import diagnoses_text

if TYPE_CHECKING:
    from pathlib import Path

LOG = """Linux version 3.10.49 (b) (gcc) #1 SMP PREEMPT
CPU: ARMv7 Processor [410fd032] revision 2 (ARMv7), cr=10c0383d
OF: fdt: Machine model: X
On node 0 totalpages: 262144
Kernel command line: console=ttyHSL0
"""
IOMEM = """80000000-85ffffff : System RAM
  80208000-810fffff : Kernel code
  81200000-8150ffff : Kernel data
8bd00000-bfffffff : System RAM
"""


@pytest.mark.parametrize("cache", ["CPU0: D VIVT undefined 5 cache", "CPU0: D VIVT write-back cache"])
def test_cpu_and_cache_are_read_in_the_words_of_2_6(cache: str, tmp_path: Path) -> None:
    """An IXDP425, excerpt: 2.6.13 prints no cr=, and its CPU is no Cortex-A7.

    https://lists.denx.de/pipermail/u-boot/2006-June/015333.html
    """
    text = (
        "Linux version 2.6.13.5 (b) (gcc version 3.3.2) #34 Tue Jun 6 14:03:35 PDT 2006\n"
        "CPU: XScale-IXP42x Family [690541f1] revision 1 (ARMv5TE)\nMachine: Intel IXDP425\n"
        f"{cache}\nKernel command line: mem=64M@0x00000000\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert "cortex" not in told
    assert "CPU MIDR 0x690541f1 (certain, line 2)" in told
    assert "data cache vivt (certain, line 4)" in told
    assert found.refused == "the CPU 0x690541f1 of the log is not modelled; give a like one with --cpu"


def test_cpus_line_that_a_mail_broke_before_its_cr_is_read_whole(tmp_path: Path) -> None:
    text = LOG.replace(" cr=10c0383d", "\ncr=30c0383d")
    values = {each.quantity: each.value for each in diagnosed(text, tmp_path)[0].values}
    assert values["CONFIG_ARM_LPAE"] == "y"


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_mail_in_base64_is_read_as_a_mail_program_shows_it(newline: bytes, tmp_path: Path) -> None:
    head = b"From: a@b\nContent-Transfer-Encoding: base64\nContent-Type: text/plain\n\n".replace(b"\n", newline)
    mail = tmp_path / "mail.eml"
    mail.write_bytes(head + base64.encodebytes(LOG.encode()).replace(b"\n", newline))
    (found,) = bootmap.diagnose(str(mail))
    plain, _ = diagnosed(LOG, tmp_path)
    assert found.title == plain.title
    values = {each.quantity: each.value for each in plain.values}
    assert {each.quantity: each.value for each in found.values} == values
    assert min(each.lines[0] for each in found.values if each.lines) == 5  # behind the headers


def test_mail_that_only_says_so_is_left_as_it_is(tmp_path: Path) -> None:
    found, _ = diagnosed(f"Content-Transfer-Encoding: base64\n\n{LOG}", tmp_path)
    assert found.title == "X, Linux 3.10.49"


def archive(tmp_path: Path, **files: str) -> str:
    path = tmp_path / "board.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"bootmap/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return str(path)


def test_archives_iomem_says_where_ram_begins(tmp_path: Path) -> None:
    (found,) = bootmap.diagnose(archive(tmp_path, dmesg=LOG, iomem=IOMEM))
    values = {each.quantity: each.value for each in found.values}
    assert values["PHYS_OFFSET"] == 0x80000000
    assert values["RAM"][0].start == 0x80000000
    hidden = IOMEM.replace("80000000", "00000000").replace("80208000", "00000000")
    (found,) = bootmap.diagnose(archive(tmp_path, dmesg=LOG, iomem=hidden))
    assert {each.quantity: each.value for each in found.values}["PHYS_OFFSET"] == 0


def test_archive_without_dmesg_tells_what_its_files_say(tmp_path: Path) -> None:
    path = archive(tmp_path, iomem=IOMEM, **{"memblock-memory": "   0: 0x80000000..0xbfffffff\n"})
    found = bootmap.diagnose(path)
    assert [each.title for each in found] == ["/proc/iomem", "debugfs memblock"]
    assert "PHYS_OFFSET is 0x80000000 or just above it" in " ".join(diagnoses_text(path, found).split())
    with pytest.raises(bootmap.BootmapError, match="holds nothing that a running board shows of its memory"):
        bootmap.diagnose(archive(tmp_path, meminfo="MemTotal: 1 kB\n", dmesg="\n"))
