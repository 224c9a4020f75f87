"""``bootmap locate`` on a sparse dump made of recorded tables."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bootmap.cli.commands.locate import command

CASES = Path(__file__).parents[1] / "data" / "cases"


@pytest.fixture
def dump(tmp_path: Path) -> str:
    """1 GiB of RAM, nearly all of it a hole: the tables of a booted kernel, and its banner."""
    doc: dict[str, Any] = json.loads(gzip.decompress((CASES / "virt-1g-init-6.1.json.gz").read_bytes()))
    tables = doc["late"]["tables"]
    pages = {tables["pgd"]["pa"]: tables["pgd"]["hex"]} | {int(pa, 16): data for pa, data in tables["pte"].items()}
    path = tmp_path / "ram.bin"
    with path.open("wb") as file:
        for pa, digits in pages.items():
            file.seek(pa - 0x40000000)
            file.write(bytes.fromhex(digits))
        file.seek(0x1000000)
        file.write(b"Linux version 6.1.0-13-armmp (debian-kernel@lists.debian.org) #1 SMP Debian\n\0")
        file.write(b"CPU: ARMv7 Processor [412fc0f1] revision 1 (ARMv7), cr=10c5387d\n")
        file.truncate(1 << 30)
    return str(path)


def test_locate_text(dump: str) -> None:
    result = CliRunner().invoke(command, [dump], standalone_mode=False)
    assert result.return_value == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines[0].endswith("raw, 1 GiB searched, 1 place looks like a first-level table")
    assert "swapper_pg_dir 0x40204000, short descriptors, ARMv7lpae" in lines  # a Cortex-A15, by the log
    assert "PAGE_OFFSET 0xc0000000 (VMSPLIT_3G)" in lines
    assert "image begins at 0x40000000, as follows from the tables" in lines
    assert "CPU ARMv7 Processor [412fc0f1], SCTLR 0x10c5387d" in lines
    assert "yes 768/768 sections between the ends of lowmem that lie on one straight line" in lines


def test_locate_json(dump: str) -> None:
    result = CliRunner().invoke(command, [f"{dump}@1G", "--json"], standalone_mode=False)
    assert result.return_value == 0
    document = json.loads(result.output)
    assert document["schema"] == "bootmap.locate/1"
    (kernel,) = document["kernels"]
    assert (kernel["root"], kernel["page_offset"], kernel["phys_offset"]) == (0x40204000, 0xC0000000, 0x40000000)
    assert (kernel["image_begins"], kernel["version"]) == (0, "6.1.0-13-armmp")
    assert kernel["cpu"] == {"name": "ARMv7 Processor", "midr": 0x412FC0F1, "sctlr": 0x10C5387D}
    assert kernel["confidence"]["held"] == kernel["confidence"]["of"] == 6  # nothing shares its half


def test_locate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(1 << 28)
    result = CliRunner().invoke(command, [str(path)], standalone_mode=False)
    assert result.return_value == 1
    assert "no page tables of a Linux kernel found" in result.output
