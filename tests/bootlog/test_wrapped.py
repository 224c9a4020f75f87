"""Last words that a mail program broke, and a configuration that comes without symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed
from support.trees import blob, board

if TYPE_CHECKING:
    from pathlib import Path

# linux-next 20241017 on QEMU's virt machine, excerpt of a mail to lore.kernel.org
MAIL = """> [    0.000000] Linux version 6.12.0-rc3-next-20241017
> (tuxmake@tuxmake) (arm-linux-gnueabihf-gcc (Debian 13.3.0-5) 13.3.0,
> GNU ld (GNU Binutils for Debian) 2.43.1) #1 SMP @1729156545
> [    0.000000] CPU: ARMv7 Processor [414fc0f0] revision 0 (ARMv7), cr=10c5387d
> [    0.000000] Memory policy: Data cache writealloc
> [    0.000000] cma: Size (0x04000000) of region at 0x00000000 exceeds{0}limit (0x00000000)
> [    0.000000] cma: Failed to reserve 64 MiB on node -1
"""


@pytest.mark.parametrize("gap", [" ", "\n> ", "\n"])
def test_message_on_two_lines_is_read(gap: str, tmp_path: Path) -> None:
    found, told = diagnosed(MAIL.format(gap), tmp_path)
    assert found.findings[0].id == "no-lowmem-at-all"
    assert found.findings[0].fatal
    assert 'line 6 "cma: Size (0x04000000) of region at 0x00000000 exceeds limit (0x00000000)"' in told


def test_two_messages_are_not_taken_for_one(tmp_path: Path) -> None:
    text = MAIL.format(" ").replace("exceeds limit (0x00000000)", "exceeds") + "> [    0.1] limit (0x00000000)\n"
    assert "no-lowmem-at-all" not in {each.id for each in diagnosed(text, tmp_path)[0].findings}


def test_configuration_without_symbols_still_has_proven_changes(tmp_path: Path) -> None:
    """STRICT_KERNEL_RWX needs to know where the constants begin; excerpt of a Broadcom STB's fault, 5.4.85."""
    text = (
        "Linux version 5.4.85 (u@h) (gcc) #2 SMP\nCPU: ARMv7 Processor [420f00f3] revision 3 (ARMv7), cr=30c5383d\n"
        "OF: fdt: Machine model: BCX972180\nMemory policy: Data cache writealloc\n"
        "Unable to handle kernel paging request at virtual address ffa14000\n"
        "[ffa14000] *pgd=40008003, *pmd=00000000\nInternal error: Oops: 206 [#1] SMP ARM\n"
        "CPU: 0 PID: 0 Comm: swapper Not tainted 5.4.85 #2\nPC is at fdt_check_header+0xc/0x21c\n"
        "Control: 30c5383d  Table: 40003000  DAC: fffffffd\n"
    )
    (tmp_path / "config").write_text(
        "CONFIG_ARM=y\nCONFIG_MMU=y\nCONFIG_CPU_V7=y\nCONFIG_SMP=y\nCONFIG_ARM_LPAE=y\nCONFIG_HIGHMEM=y\n"
        "CONFIG_PAGE_OFFSET=0xC0000000\nCONFIG_STRICT_KERNEL_RWX=y\nCONFIG_BLK_DEV_INITRD=y\n"
    )
    (tmp_path / "board.dtb").write_bytes(blob(board([(0x40000000, 0x40000000)])))
    for config in ({}, {"config": str(tmp_path / "config")}):
        found, told = diagnosed(text, tmp_path, board=str(tmp_path / "board.dtb"), **config)
        assert found.findings[0].id == "dtb-unmapped"
        changes = found.findings[0].changes
        assert any(change.proven and "put the device tree at" in change.what for change in changes)
        assert "(each predicted again)" in told
