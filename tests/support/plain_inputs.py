"""Small inputs with nothing wrong in them, for `fuzzing` to damage: boot loaders', UEFI's, archives, rows, settings."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bootmap.sweep.row import FindingRow, Row, Status, ZoneRow, row_line
from support.hostile_scripts import script
from support.hostile_setup import archive, environment, fit_odd, source
from support.trees import Node, blob, board, cells, text

if TYPE_CHECKING:
    from collections.abc import Callable

_VARIABLES = (
    "ver=U-Boot 2023.01 (Jan 01 2023)",
    "kernel_addr_r=0x41000000",
    "fdt_addr_r=44000000",
    "fdt_high=0xffff",
    "bootargs=console=ttyS0 mem=256M",
    "bootcmd=bootz ${kernel_addr_r} - ${fdt_addr_r}",
    "bootm_size=0x8000000",
)
_BANK = "DRAM bank   = 0x00000000\n-> start    = 0x40000000\n-> size     = 0x20000000\n"
_NEW = f"""boot_params = 0x40000100
{_BANK}relocaddr   = 0x5ff5d000
sp start    = 0x5ee54e70
lmb_dump_all:
 memory.count = 0x1
 memory[0]      [0x40000000-0x5fffffff], 0x20000000 bytes, flags: none
 reserved.count = 0x2
 reserved[0]    [0x5de53000-0x5de55fff], 0x3000 bytes, flags: no-notify, no-overwrite
 reserved[1]    [0x5de56fe0-0x5fffffff], 0x21a9020 bytes flags: 4
"""
_OLD = f"""{_BANK}irq_sp      = 0x5ee54e80
relocaddr   = 0x5ff5d000
    memory.cnt             = 0x1
    memory.reg[0x0].base   = 0x40000000
                   .size   = 0x20000000
    reserved.reg[0x0].base = 0x5ee53000
                     .size = 0x11ad000
"""
_EFI = """efi: EFI v2.70 by EDK II
efi:  MEMATTR=0x5f000000 MEMRESERVE=0x5e001000
efi: Processing EFI memory map:
efi: MemMap Address : 0x5e000000
efi:    MemMap Size : 0x000003c0
efi:   0x000040000000-0x0000403fffff [Conventional|   |  |  |  |  |  |  |  |   |WB|WT|WC|UC]
efi:   0x000040400000-0x00005effffff [Loader Data |   |  |  |  |  |  |  |  |   |WB|WT|WC|UC]
efi:   0x00005f000000-0x00005f0fffff [Runtime Data|RUN|  |  |  |  |  |  |  |   |WB|WT|WC|UC]
Available  000000005F100000-000000005FFFFFFF 0000000000000F00 000000000000000F
CONVENTIONAL      0000000060000000-0000000060203000 WB
"""
_TOML = """[check]
select = ["carveout-odd-mib", "ram-beyond-lowmem"]
ignore = { "carveout-odd-mib" = "it is meant so" }
severity = "warning"
strict = true
baseline = "base.json"

[[board]]
file = "board.dtb"
cmdline = "mem=1G"
cpus = 2
phys-offset = "0x40000000"
memory = ["0x40000000,512M"]
highmem = true
ignore = ["ram-beyond-lowmem"]
"""
_EXTLINUX = "default b\nmenu title x\nlabel a\n\tkernel /k\nlabel b\n\tlinux /k\n\tfdtdir /d\n\tappend root=1 mem=1G\n"
_SCRIPT = """setenv bootargs console=ttyS0 ${bootargs}
if test -n "${fdtfile}" -a "${a}" != b; then load mmc 0:1 44000000 ${fdtfile}; else load mmc 0:1 44000000 a.dtb; fi
for f in / /boot/; do load mmc 0:1 41000000 ${f}zImage && bootz 41000000 - 44000000; done
"""
_ITS = """memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
chosen { bootargs = "mem=256M"; };
cpus { #address-cells = <1>; #size-cells = <0>;
  l: cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a9"; reg = <0>; p = <&l>; }; };"""


def _row(name: str) -> Row:
    return Row(
        key="0" * 64,
        board=name,
        trees="t",
        kernel="k",
        release="6.1",
        tree_hash="1" * 64,
        kernel_hash="2" * 64,
        status=Status.ANSWERED,
        model="m",
        compatible=("a,b",),
        verdict="BOOTS",
        cpu="cortex-a9",
        smp=True,
        phys_offset=0x40000000,
        ram=1 << 29,
        lowmem=1 << 29,
        highmem=0,
        lost=0,
        nomap=0,
        free=1 << 28,
        taken={"kernel": 1 << 23},
        zones=(ZoneRow("Normal", 0x40000000, 0x60000000, 1 << 28),),
        findings=(FindingRow("carveout-odd-mib", "warning", 1),),
        seconds=0.5,
    )


def _parquet() -> bytes:
    from bootmap.sweep.store import write_parquet

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        write_parquet(str(path), [_row(f"b{n}.dtb") for n in range(20)])
        return path.read_bytes()


def _cache() -> bytes:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, sum BLOB NOT NULL, lines BLOB NOT NULL)")
    base.executemany("INSERT INTO answers VALUES (?, ?, ?)", [(f"{n:064x}", bytes(32), b"{}\n") for n in range(50)])
    base.commit()
    data = base.serialize()
    base.close()
    return data


def _archive() -> bytes:
    rows = b"   0: 0x40000000..0x5fffffff\n"
    log = (
        b"[    0.000000] Linux version 6.1.0 (a@b) (gcc) #1 SMP x\n[    0.000000] CPU: ARMv7 Processor [413fc0f0] "
        b"revision 0 (ARMv7), cr=10c5387d\n[    0.000000] Memory policy: Data cache writealloc\n"
    )
    tree = blob(board([(0x40000000, 0x20000000)], bootargs="mem=256M"))
    return archive(
        {
            "dmesg": log,
            "iomem": b"40000000-5fffffff : System RAM\n",
            "memblock-memory": rows,
            "fdt": tree,
            "memblock-reserved": rows,
            "cmdline": b"mem=256M\n",
            "cpuinfo": b"processor\t: 0\nCPU implementer\t: 0x41\n",
            "device-tree/model": text("x"),
            "device-tree/cpus/cpu@0/reg": cells(0),
        },
        packed=False,
    )


PLAIN: dict[str, Callable[[], bytes]] = {
    "plain.conf": _EXTLINUX.encode,
    "boot.cmd": _SCRIPT.encode,
    "boot.scr": lambda: script(_SCRIPT.encode()),
    "plain.env": "\n".join(_VARIABLES).encode,
    "plain.bin": lambda: environment(*_VARIABLES, size=4096),
    "plain.bdinfo": _NEW.encode,
    "older.bdinfo": _OLD.encode,
    "plain.efi": _EFI.encode,
    "plain.tar": _archive,
    "plain.jsonl": lambda: b"".join(row_line(_row(f"b{n}.dtb")) for n in range(8)),
    "plain.parquet": _parquet,
    "plain.sqlite": _cache,
    "plain.toml": _TOML.encode,
    "plain.json": lambda: b'{"schema": "bootmap.baseline/1", "boards": {"b.dtb": ["0123456789abcdef"]}}',
    "plain.dts": lambda: source(_ITS),
    "plain.dtbo": lambda: blob(
        Node("", {}, [Node("fragment@0", {"target-path": text("/")}, [Node("__overlay__", {"a": cells(1)})])])
    ),
    "plain.itb": fit_odd,
}
