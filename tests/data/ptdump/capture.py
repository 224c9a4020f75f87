"""Takes one of the captures of this folder: boots a kernel under QEMU, keeps what it prints and the tables it printed.

    python capture.py BUILD INITRD OUT -M virt -cpu cortex-a15 -m 1024

BUILD is a kernel's build folder (System.map and arch/arm/boot/zImage), INITRD holds init.c; the rest is QEMU's.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
from pathlib import Path

from bootmap.image.machine import Machine
from bootmap.mmu.bulk import snapshot
from bootmap.mmu.regs import Regs, arch_of
from bootmap.units import PAGE_SIZE

PAGE_OFFSET = 0xC000_0000
NEEDED = ("swapper_pg_dir", "high_memory", "bm_pte")
NAMES = Path(__file__).parents[3] / "boards" / "linux-6.1-armmp" / "System.map"
REGISTERS = ("MIDR", "ID_MMFR0", "SCTLR", "TTBR0", "TTBR1", "TTBCR", "DACR", "PRRR", "NMRR", "MAIR0", "MAIR1")
FDT_MAGIC = b"\xd0\x0d\xfe\xed"


def capture(build: Path, initrd: str, arguments: list[str]) -> dict[str, object]:
    """Boot, wait until the file is on the console, and read the rest with the guest standing still."""
    rows = [line.split() for line in (build / "System.map").read_text().splitlines() if len(line.split()) == 3]
    symbols = {name: int(address, 16) for address, _, name in rows}
    wanted = {line.split()[2] for line in NAMES.read_text().splitlines()} | set(NEEDED)
    line = ["-kernel", str(build / "arch/arm/boot/zImage"), "-initrd", initrd]
    line += ["-append", "console=ttyAMA0 rdinit=/init ignore_loglevel"]
    with Machine([*arguments, *line]) as machine:
        machine.run_until_console(b"@@END", timeout=120)
        console = machine.console().decode().replace("\r\n", "\n")
        memory, registers = machine.memory, machine.memory.registers()
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        phys_offset = 0x4000_0000 if options["-M"] == "virt" else 0
        root = symbols["swapper_pg_dir"] - PAGE_OFFSET + phys_offset
        # The kernel's own table is looked at, and it alone: TTBR0 of the moment is init's.
        values = {name.lower(): registers[name] for name in REGISTERS[2:] if name in registers}
        long = values["ttbcr"] & 1 << 31
        regs = Regs(
            arch=arch_of(registers["MIDR"], registers.get("ID_MMFR0", 0)) or "v7",
            **values | {"ttbr0": root, "ttbr1": 0, "ttbcr": long},
        )
        pages = sorted(
            {
                page
                for table in snapshot(memory, regs).tables
                for page in range(table.pa & -PAGE_SIZE, table.pa + table.size, PAGE_SIZE)
            }
        )
        r2 = phys_offset + (0x800_0000 if options["-M"] == "virt" else 0x400_0000)
        while memory.read(r2, 4) != FDT_MAGIC:  # behind the initrd
            r2 += PAGE_SIZE
        tree = memory.read(r2, int.from_bytes(memory.read(r2 + 4, 4), "big"))
        banner = re.search(r"Linux version [\d.]+", console)
        assert banner is not None
        return {
            "key": build.name.removeprefix("o-"),
            "qemu": {"machine": options["-M"], "cpu": options.get("-cpu"), "mem": options["-m"]},
            "banner": banner[0],
            "page_offset": PAGE_OFFSET,
            "phys_offset": phys_offset,
            "high_memory": int.from_bytes(memory.read(symbols["high_memory"] - PAGE_OFFSET + phys_offset, 4), "little"),
            "lpae": bool(long),
            "root": root,
            "registers": {name: registers[name] for name in REGISTERS if name in registers},
            "pages": {hex(page): memory.read(page, PAGE_SIZE).hex() for page in pages},
            "ptdump": console.split("@@BEGIN\n")[1].split("@@END")[0].splitlines(),
            "r2": r2,
            "dtb": base64.b64encode(gzip.compress(tree, 9, mtime=0)).decode(),
            "system_map": [" ".join(row) for row in rows if row[2] in wanted],
        }


if __name__ == "__main__":
    found = capture(Path(sys.argv[1]), sys.argv[2], sys.argv[4:])
    Path(sys.argv[3]).write_bytes(gzip.compress(json.dumps(found, indent=0).encode(), 9, mtime=0))
