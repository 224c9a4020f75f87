from __future__ import annotations

import pytest
from support import fakes

from bootmap.errors import AbsentMemoryError, MachineError, UsageError
from bootmap.image.live import LiveMemory, attach, readable_ranges
from bootmap.image.qmp import QmpClient
from bootmap.units import Span

# Lines of what QEMU 7.2 prints for -M vexpress-a9 -m 512.
MTREE = """FlatView #0
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-000000000000ffff (prio 0, ram): io

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-0000000003ffffff (prio 0, romd): vexpress.flash0
  0000000010000000-0000000010000fff (prio 0, i/o): arm-sysctl
  0000000048000000-0000000049ffffff (prio 0, ram): vexpress.sram
  000000004a000000-000000004c7fffff (prio -1, rom): vexpress.vram @0000000000001000
  0000000060000000-000000007fffffff (prio 0, ram): vexpress.highmem
  0000004010000000-000000401fffffff (prio 0, i/o): pcie-mmcfg-mmio
"""
RAM = bytes(range(256)) * 16


def test_readable_ranges_are_ram_and_rom_of_the_cpu() -> None:
    assert readable_ranges(MTREE) == (Span(0, 0x4000000), Span(0x48000000, 0x4C800000), Span(0x60000000, 0x80000000))
    assert readable_ranges(MTREE.split("FlatView #1")[0]) == ()
    assert readable_ranges("unknown command: 'info mtree -f'") == ()


def remote(command: str, arguments: dict[str, object]) -> list[object]:
    """A QEMU on another machine: its pmemsave succeeds, but the file does not get here."""
    if command == "pmemsave":
        return [{"return": {}}]
    line = str(arguments["command-line"])
    if line == "info mtree -f":
        return [{"return": MTREE.replace("\n", "\r\n")}]
    name, shape, address = line.split()
    assert (name, shape[0], shape[-2:]) == ("xp", "/", "wx")
    at = int(address, 16)
    out = ""
    for row in range(0, int(shape[1:-2]), 4):
        words = [at - 0x60000000 + 4 * i for i in range(row, min(row + 4, int(shape[1:-2])))]
        digits = " ".join(f"0x{int.from_bytes(RAM[offset : offset + 4], 'little'):08x}" for offset in words)
        out += f"{at + 4 * row:016x}: {digits}\r\n"
    return [{"return": out}]


@pytest.mark.parametrize(("offset", "size"), [(0, 4), (0, 4096), (1, 2), (3, 1), (5, 100), (7, 4089), (8, 0)])
def test_read_from_a_remote_machine_uses_the_monitor(offset: int, size: int) -> None:
    with fakes.qmp(remote) as channel:
        memory = LiveMemory(QmpClient(channel))
        assert memory.read(0x60000000 + offset, size) == RAM[offset : offset + size]
        assert memory.view(Span(0x60000000 + offset, 0x60000000 + offset + size)) == RAM[offset : offset + size]
        assert len(memory.problems) == (size > 0)
        assert memory.registers() == {}


def test_read_refuses_devices_and_holes() -> None:
    with fakes.qmp(remote) as channel:
        memory = LiveMemory(QmpClient(channel))
        for pa, size, absent in [(0x10000000, 4, 0x10000000), (0x7FFFFFFE, 4, 0x80000000), (0x3FFFFFF, 2, 0x4000000)]:
            with pytest.raises(AbsentMemoryError) as caught:
                memory.read(pa, size)
            assert caught.value.address == absent
        with pytest.raises(ValueError, match="negative size"):
            memory.read(0x60000000, -1)


def test_read_of_words_that_the_monitor_does_not_show() -> None:
    def answer(command: str, arguments: dict[str, object]) -> list[object]:
        if str(arguments.get("command-line")).startswith("xp"):
            return [{"return": "0000000060000000: Cannot access memory\r\n"}]
        return remote(command, arguments)

    with fakes.qmp(answer) as channel, pytest.raises(MachineError, match="shows 0 of 1 words at 0x60000000"):
        LiveMemory(QmpClient(channel)).read(0x60000000, 4)


def test_live_memory_without_ram_or_session() -> None:
    with fakes.qmp(lambda c, a: [{"return": ""}]) as channel, pytest.raises(MachineError, match="lists no RAM"):
        LiveMemory(QmpClient(channel))
    with pytest.raises(UsageError, match="needs the address"):
        LiveMemory()


@pytest.mark.parametrize("addresses", [[], ["qmp:a:1", "qmp:b:2"], ["gdb:"], ["tcp:a:1"], ["qmp:x", "gdb:y", "gdb:z"]])
def test_attach_refuses_what_is_no_address(addresses: list[str]) -> None:
    with pytest.raises(UsageError):
        attach(addresses)
