"""Archives of running boards: read in each of their forms, bounded, and kept without what tells whose board it is."""

from __future__ import annotations

import base64
import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

import bootmap
from bootmap.api.archives import open_archive
from bootmap.bootlog.judgement import Judgement
from bootmap.errors import InputError
from bootmap.inputs.anonymous import anonymous, without_names
from bootmap.inputs.collected import Collected, is_archive, parse_collected, script
from bootmap.inputs.fdt import parse
from bootmap.inputs.fdt_writer import MadeNode, flatten, text
from bootmap.report.ptdump_text import ptdump_text

DATA = Path(__file__).parents[1] / "data" / "collected"
VIRT = DATA / "virt-512m-6.1.tar.gz"  # made by collect.sh in a guest with Debian's 6.1 and busybox, kept by record


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"bootmap/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def as_text(data: bytes) -> bytes:
    lines = base64.encodebytes(data).decode().splitlines()
    body = "".join(f"[   12.{at:06d}] {line}\r\n" for at, line in enumerate(lines))
    marks = ("-----BEGIN BOOTMAP ARCHIVE-----\r\n", "-----END BOOTMAP ARCHIVE-----\r\n")
    return f"# sh collect.sh --text\r\n{marks[0]}{body}{marks[1]}#".encode()


@pytest.mark.parametrize(
    "form", [packed, lambda f: gzip.compress(packed(f), mtime=0), lambda f: as_text(gzip.compress(packed(f), mtime=0))]
)
def test_archive_in_each_form(form) -> None:  # type: ignore[no-untyped-def]
    data = form({"dmesg": b"Linux version 6.1.0\n", "iomem": b"x"})
    assert is_archive(data)
    assert parse_collected(data).log == "Linux version 6.1.0\n"


def test_archive_is_told_from_other_files() -> None:
    assert not is_archive(b"")
    assert not is_archive(gzip.compress(b"Linux version 6.1.0\n" * 100))
    assert not is_archive(b"U-Boot 2023.01\n" * 100)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed({"other": b"x"}), "no archive of `bootmap collect`"),
        (as_text(b"x" * 100).replace(b"END", b"___"), "cut off"),
        (gzip.compress(packed({"dmesg": b"x"}), mtime=0)[:-20], "too early"),
    ],
)
def test_archive_that_is_none(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_collected(data)


def test_tree_of_folders_becomes_a_blob() -> None:
    files = {
        "dmesg": b"x",
        "device-tree/model": b"A board\0",
        "device-tree/memory@80000000/reg": bytes.fromhex("8000000020000000"),
        "device-tree/memory@80000000/name": b"memory\0",
        "device-tree/memory@80000000/device_type": b"memory\0",
    }
    blob = parse_collected(packed(files)).blob
    assert blob is not None
    tree = parse(blob)
    node = tree.node("/memory@80000000")
    assert node is not None
    assert set(node.properties) == {"reg", "device_type"}


def test_midr_of_cpuinfo() -> None:
    lines = "processor\t: 0\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU architecture: 7\nCPU variant\t: 0x4\n"
    found = Collected({"cpuinfo": f"{lines}CPU part\t: 0xc09\nCPU revision\t: 2\n".encode()})
    assert found.midr == 0x414FC092
    assert found.cpus == 2


def test_names_are_taken_out_of_texts() -> None:
    told = (
        "Linux version 5.4.0 (joe@laptop) (gcc) #1 console=ttyS0 androidboot.serialno=R58M1234 "
        "ethaddr=00:11:22:aa:bb:cc\n"
        "systemd[1]: Set hostname to <joes-board>.\nHostname set to <joes-board>.\nroot=PARTUUID=6c586e13-02\n"
        "usb 1-1: SerialNumber: 0123456789ABCDEF\n"
        "Serial\t\t: 00000000deadbeef\nip=192.168.1.17:10.0.0.1 root=UUID=0f3e2d1c-aaaa-bbbb-cccc-0123456789ab\n"
    )
    kept = without_names(told)
    for secret in (
        "joe",
        "laptop",
        "R58M1234",
        "aa:bb",
        "0123456789ABCDEF",
        "deadbeef",
        "192.168",
        "0f3e2d1c",
        "6c586e13",
    ):
        assert secret not in kept
    assert "Linux version 5.4.0 (builder) (gcc) #1 console=ttyS0" in kept
    assert kept.count("\n") == told.count("\n")


def test_tree_without_names_is_as_large() -> None:
    root = MadeNode("", {"model": text("A board"), "serial-number": text("R58M1234")})
    root.add("chosen", {"bootargs": text("console=ttyS0 androidboot.serialno=R58M1234")})
    root.add("ethernet@1", {"local-mac-address": bytes.fromhex("001122aabbcc")})
    blob = flatten(root)
    kept = anonymous(Collected({"dmesg": b"x", "fdt": blob})).files["fdt"]
    assert parse(kept).totalsize == parse(blob).totalsize
    assert b"R58M1234" not in kept
    assert bytes.fromhex("001122aabbcc") not in kept
    assert b"A board" in kept


def test_recorded_archive_is_as_predicted() -> None:
    """Everything that a running kernel showed: log, iomem, memblock's lists; nothing given besides."""
    report = bootmap.verify_archive(str(VIRT), ptdump=ptdump_text)
    assert report.contradicted == 0
    assert report.count(Judgement.MATCHED) >= 45
    assert {row.file for row in report.all(Judgement.MATCHED)} >= {"dmesg", "iomem", "memblock-reserved"}
    (found,) = bootmap.diagnose(str(VIRT))
    assert found.headline == "boots"
    assert found.well


def test_recorded_archive_names_nobody() -> None:
    found = open_archive(str(VIRT))
    assert found is not None
    everything = b"".join(found.files.values())
    for secret in (b"secret-host", b"ABC123", b"12:34:56:78:9a:bc"):
        assert secret not in everything


def test_script_is_posix_shell() -> None:
    subprocess.run(["sh", "-n"], input=script(), text=True, check=True)


def test_script_runs_where_there_is_little(tmp_path: Path) -> None:
    """On any Linux it makes an archive that can be read, and leaves nothing behind."""
    done = subprocess.run(
        ["sh", "-s"],
        input=script().encode(),
        capture_output=True,
        check=True,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert parse_collected(done.stdout).text("cmdline") or parse_collected(done.stdout).files
    assert list(tmp_path.iterdir()) == []
