"""Files of a running system: /proc/iomem and debugfs' memblock lists, read from Debian's 6.1 on QEMU's virt machine."""

from __future__ import annotations

import base64
import gzip
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.public_logs import FOLDER
from support.recordings import DATA, kernel_files

import bootmap
from bootmap.api.logs import verify_log
from bootmap.bootlog.files import kind_of
from bootmap.bootlog.judgement import Judgement, LogReport
from bootmap.errors import UsageError
from bootmap.report.ptdump_text import ptdump_text

check_logs = partial(verify_log, ptdump=ptdump_text)
_OWN = str(FOLDER / "own" / "virt-1g-6.1")
_OWN_NOMAP = str(FOLDER / "own" / "virt-1g-6.12")  # with a no-map area and another in /reserved-memory
_FILES = ("log", "iomem", "memory", "reserved")


# The command line's options, none given.
_NOT_GIVEN = (
    "config",
    "system_map",
    "image",
    "version",
    "cmdline",
    "cpu",
    "cpus",
    "dtb_addr",
    "initrd",
    "phys_offset",
    "load_addr",
    "machine_id",
)
OPTIONS: dict[str, Any] = dict.fromkeys(_NOT_GIVEN) | {"features": (), "static_maps": ()}


def check(*logs: str, dtb_addr: int = 0x480D8000, own: str = _OWN) -> LogReport:
    """``logs`` against the prediction for the device tree as the kernel found it."""
    config, system_map = kernel_files(f"deb-{own.rsplit('-', 1)[-1]}")
    options = OPTIONS | {"config": str(config), "system_map": str(system_map), "dtb_addr": dtb_addr}
    return check_logs(f"{own}.dtb.gz", logs, **options)


def test_kind_of_each_file() -> None:
    kinds = [kind_of(Path(f"{_OWN}.{name}").read_text()) for name in _FILES]
    assert kinds == ["log", "iomem", "memblock", "memblock"]
    table = "---[ Kernel Mapping ]---\n0xc0000000-0xc0200000           2M     RW NX SHD MEM/CACHED/WBWA\n"
    assert kind_of(table) == "page_tables"
    assert kind_of("") == "log"


def test_files_of_a_system_agree() -> None:
    report = check(*(f"{_OWN}.{name}" for name in _FILES))
    assert report.contradicted == 0
    matched = [(row.file.rsplit(".", 1)[-1], row.text) for row in report.all(Judgement.MATCHED)]
    assert ("iomem", "40000000-7fffffff : System RAM") in matched
    assert ("iomem", "40208000-411fffff : Kernel code") in matched
    assert ("iomem", "41400000-41607587 : Kernel data") in matched
    assert ("memory", "0: 0x40000000..0x7fffffff") in matched
    assert ("reserved", "0: 0x40204000..0x40207fff") in matched
    assert ("reserved", "1: 0x40300000..0x41607587") in matched
    assert len([name for name, _ in matched if name == "log"]) >= 25


def test_files_of_a_system_with_reserved_memory_agree() -> None:
    """6.12 shows flags: the no-map area stays in memory, and is no System RAM."""
    report = check(*(f"{_OWN_NOMAP}.{name}" for name in _FILES), own=_OWN_NOMAP)
    assert report.contradicted == 0
    matched = [(row.file.rsplit(".", 1)[-1], row.text) for row in report.all(Judgement.MATCHED)]
    assert ("memory", "1: 0x50000000..0x501fffff    0 NOMAP") in matched
    assert ("iomem", "50200000-7fffffff : System RAM") in matched
    assert ("reserved", "3: 0x60000000..0x600fffff    0 NONE") in matched
    assert len([name for name, _ in matched if name == "log"]) >= 30


def test_changed_flag_is_contradicted(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    path.write_text(Path(f"{_OWN_NOMAP}.memory").read_text().replace("NOMAP", "NONE"))
    (wrong,) = check(str(path), own=_OWN_NOMAP).all(Judgement.CONTRADICTED)
    assert wrong.log.endswith("NONE")
    assert wrong.ours.endswith("NOMAP")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("40000000-7fffffff", "40000000-7fdfffff", "iomem"),
        ("40208000-411fffff", "40208000-412fffff", "iomem"),
        ("0x40000000..0x7fffffff", "0x40000000..0x6fffffff", "memory"),
        ("0x40300000..0x41607587", "0x40300000..0x415fffff", "reserved"),
        ("0x40204000..0x40207fff", "0x50204000..0x50207fff", "reserved"),
    ],
)
def test_changed_line_is_contradicted(old: str, new: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "changed"
    path.write_text(Path(f"{_OWN}.{name}").read_text().replace(old, new))
    assert check(str(path)).contradicted == 1


def test_area_that_left_system_ram_is_told_apart(tmp_path: Path) -> None:
    """A reserved area that a driver took out of System RAM since; another hole is what the kernel never had as RAM."""
    text = Path(f"{_OWN_NOMAP}.iomem").read_text()
    row = "50200000-7fffffff : System RAM\n"
    assert row in text
    path = tmp_path / "iomem"
    path.write_text(text.replace(row, "50200000-5fffffff : System RAM\n60100000-7fffffff : System RAM\n"))
    report = check(str(path), own=_OWN_NOMAP)
    assert report.contradicted == 0
    left = [row for row in report.all(Judgement.UNMODELLED) if "left System RAM after boot" in row.why]
    assert [each.text for each in left] == ["50200000-5fffffff : System RAM", "60100000-7fffffff : System RAM"]
    assert "keep@60000000, 0x60000000-0x600fffff" in left[0].why
    path.write_text(text.replace(row, "50200000-5fffffff : System RAM\n60200000-7fffffff : System RAM\n"))
    assert check(str(path), own=_OWN_NOMAP).contradicted == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        # A Gemini board with 5.13-rc2 (lore.kernel.org/r/YKOesr9CrvT4gRHx@Red).
        (
            "00000000-07ffffff : System RAM\n  00008000-006f8fff : Kernel code\n  00726000-00818edb : Kernel data\n",
            ["System RAM: 128 MiB in 1 range", "the kernel's code begins at 0x00008000: PHYS_OFFSET is 0x00000000"],
        ),
        # The same board without the rights to see addresses.
        ("00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n", ["read /proc/iomem as root"]),
        # The ranges of an AM5728 with 2 MiB taken at the end of lowmem (5.18-next, linux-omap).
        (
            "80000000-afdfffff : System RAM\nb0000000-ffffefff : System RAM\n",
            ["System RAM: 2095100 KiB in 2 ranges", "0xafe00000-0xafffffff, 2 MiB: no RAM to the kernel"],
        ),
    ],
)
def test_iomem_alone_says_where_ram_is(text: str, says: list[str], tmp_path: Path) -> None:
    path = tmp_path / "iomem"
    path.write_text(text)
    told = " ".join(" ".join(bootmap.diagnose(str(path))[0].plan).split())
    for words in says:
        assert words in told


def test_addresses_that_are_hidden_are_no_contradiction(tmp_path: Path) -> None:
    path = tmp_path / "iomem"
    path.write_text("00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n")
    report = check(str(path))
    assert report.contradicted == 0
    assert all("as root" in row.why for row in report.all(Judgement.UNMODELLED))


def test_wrong_place_of_the_device_tree_is_contradicted() -> None:
    report = check(f"{_OWN}.log", dtb_addr=0x48000000)
    texts = [row.text for row in report.all(Judgement.CONTRADICTED)]
    assert any("reserved[0x2]" in text for text in texts)


@pytest.mark.parametrize("key", ["v7", "v7-lpae", "v512", "v5-versatile"])
def test_page_tables_agree(key: str, tmp_path: Path) -> None:
    """kernel_page_tables of booted kernels: every line outside the vmalloc area is predicted, with its rights."""
    doc = json.loads(gzip.decompress((DATA / "ptdump" / f"{key}.json.gz").read_bytes()))
    dtb, system_map, dump = (tmp_path / name for name in ("board.dtb", "System.map", "kernel_page_tables"))
    dtb.write_bytes(gzip.decompress(base64.b64decode(doc["dtb"])))
    system_map.write_text("\n".join(doc["system_map"]) + "\n")
    options = OPTIONS | {
        "config": str(kernel_files(key)[0]),
        "system_map": str(system_map),
        "phys_offset": doc["phys_offset"],
        "dtb_addr": doc["r2"],
        "cpu": doc["qemu"]["cpu"] or "arm926",
    }
    dump.write_text("\n".join(doc["ptdump"]) + "\n")
    report = check_logs(str(dtb), (str(dump),), **options)
    assert report.contradicted == 0
    assert report.count(Judgement.MATCHED) >= 5
    first = next(line for line in doc["ptdump"] if "RW NX" in line)
    dump.write_text("\n".join(doc["ptdump"]).replace(first, first.replace("RW NX", "ro x ")) + "\n")
    (wrong,) = check_logs(str(dtb), (str(dump),), **options).all(Judgement.CONTRADICTED)
    assert "ro x" in wrong.log
    assert "RW NX" in wrong.ours


def test_files_without_board_need_a_log() -> None:
    with pytest.raises(UsageError, match="BOARD"):
        check_logs(None, (f"{_OWN}.iomem",))
