"""efi_init against real boots: EDK2 and U-Boot's bootefi, the kernel's stub, then what memblock and the tables were.

Recorded with tools/record-efi: the map and the tables as the stub left them in RAM, the tree at r2, and the kernel at
the entry of paging_init and at its return.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.recordings import fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import boot
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.facts.linux import efi
from bootmap.image.recording import Recording
from bootmap.inputs import fdt
from bootmap.inputs.efi_map import EfiMap, parse
from bootmap.verify.compare import compare

DATA = Path(__file__).parent.parent / "data" / "efi"
FILES = sorted(path.name for path in DATA.glob("*.json.gz"))


@cache
def boots(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.json.decode(gzip.decompress((DATA / name).read_bytes()))["boots"]
    return rows


ALL = [(name, i) for name in FILES for i in range(len(boots(name)))]


@pytest.mark.parametrize(("name", "i"), ALL)
def test_efi_init_memblock_and_tables_to_the_word(name: str, i: int) -> None:
    row = boots(name)[i]
    recording = msgspec.convert(row["recording"], Recording)
    found = msgspec.convert(row["map"], EfiMap)
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    handover = Handover(fdt.parse(recording.handover()), row["r2"], 0x40000000, cpu, efi=found)
    comparison = compare(recording, boot(fresh_kernel(row["key"]), handover))
    assert comparison.differences == ()
    assert sum(comparison.words.values()) > 5000
    assert comparison.lists == 6


def test_efi_init_recordings_are_enough() -> None:
    assert {name.split("-")[0] for name in FILES} == {"edk2", "uboot"}
    assert sum(name.startswith("edk2") for name, _ in ALL) >= 20
    assert sum(name.startswith("uboot") for name, _ in ALL) >= 20
    assert len({boots(name)[i]["key"] for name, i in ALL}) >= 4


def test_efi_map_of_the_kernels_own_lines() -> None:
    """With efi=debug the kernel prints the map: read from its log it is the one that lay in RAM."""
    compared = 0
    for name, i in ALL:
        row = boots(name)[i]
        log = "\n".join(row["recording"].get("log", ()))
        if "efi:   0x" not in log:
            continue
        raw, printed = msgspec.convert(row["map"], EfiMap), parse(log)
        mask = efi.UC | efi.WC | efi.WT | efi.WB | efi.RUNTIME
        assert [(r.kind, r.start, r.size, r.attributes & mask) for r in raw.rows] == [
            (r.kind, r.start, r.size, r.attributes) for r in printed.rows
        ]
        assert (printed.at, printed.size) == (raw.at, raw.size)
        assert {start for start, _, _ in printed.tables} == {start for start, _, _ in raw.tables[:2]}
        compared += 1
    assert compared >= 2
