"""Guests write their system registers and then stand still; the stub has to show what they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import fakes, guests

from bootmap.errors import MachineError
from bootmap.image.machine import RunningMachine
from bootmap.image.registers import system_registers
from bootmap.image.rsp import RspClient

if TYPE_CHECKING:
    from pathlib import Path

SHORT = {"TTBR0": 0x40304059, "TTBR1": 0x40308019, "TTBCR": 2, "DACR": 0x51, "PRRR": 0xFF0A81A8, "NMRR": 0x40E040E0}
WRITES = {
    "TTBR0": guests.TTBR0,
    "TTBR1": guests.TTBR1,
    "TTBCR": guests.TTBCR,
    "DACR": guests.DACR,
    "PRRR": guests.PRRR,
    "NMRR": guests.NMRR,
}
CPS_MONITOR, CPS_SUPERVISOR = 0xF1020016, 0xF1020013  # cps #22, cps #19 (DDI 0406C B9.3.2)


def writing(values: dict[str, int]) -> list[int | tuple[int, int]]:
    items: list[int | tuple[int, int]] = []
    for name, value in values.items():
        items += [(0, value), WRITES[name]]
    return items


def registers_after(tmp_path: Path, machine: list[str], address: int, *items: int | tuple[int, int]) -> dict[str, int]:
    code = guests.assemble(*items, guests.FOREVER, guests.NOP)
    with RunningMachine(machine + guests.loaded(tmp_path, code, address)) as running:
        running.run_until(address + 4 * len(items), timeout=10)
        return running.memory.registers()


@pytest.mark.oracle
@guests.needs_qemu
class TestSystemRegisters:
    @pytest.mark.parametrize(
        ("machine", "address", "names"),
        [
            (["-M", "virt", "-cpu", "cortex-a15"], 0x40200000, tuple(SHORT)),
            (["-M", "virt", "-cpu", "cortex-a7"], 0x40200000, tuple(SHORT)),
            (["-M", "virt", "-cpu", "max"], 0x40200000, tuple(SHORT)),
            (["-M", "realview-pb-a8"], 0x00010000, tuple(SHORT)),
            (["-M", "vexpress-a9"], 0x60010000, tuple(SHORT)),  # two banks, secure out of reset
            (["-M", "sabrelite", "-m", "128"], 0x10010000, tuple(SHORT)),
            (["-M", "realview-eb-mpcore"], 0x00010000, ("TTBR0", "TTBR1", "TTBCR", "DACR")),
            (["-M", "versatilepb", "-cpu", "arm1136"], 0x00010000, ("TTBR0", "TTBR1", "TTBCR", "DACR")),
            (["-M", "versatilepb", "-cpu", "arm926"], 0x00010000, ("TTBR0", "DACR")),
        ],
        ids=lambda value: "-".join(value[1::2]) if isinstance(value, list) else "",
    )
    def test_short_descriptors(self, tmp_path: Path, machine: list[str], address: int, names: tuple[str, ...]) -> None:
        wanted = {name: SHORT[name] for name in names}
        found = registers_after(tmp_path, machine, address, *writing(wanted))
        assert {name: found[name] for name in names} == wanted
        assert "MAIR0" not in found
        assert found["SCTLR"] & 1 == 0
        assert found["MIDR"] >> 24 == 0x41  # ARM Limited
        if len(names) < len(SHORT):
            assert "PRRR" not in found

    def test_long_descriptors(self, tmp_path: Path) -> None:
        items = [(0, 0x80000000), guests.TTBCR, (0, 0x40303000), (1, 0x00AA0001), guests.mcrr(0, 2)]
        items += [(0, 0x40304000), (1, 0x00BB0000), guests.mcrr(1, 2), (0, 0xEEAA4400), guests.PRRR]
        items += [(0, 0xFF000004), guests.NMRR]
        found = registers_after(tmp_path, ["-M", "virt", "-cpu", "cortex-a15"], 0x40200000, *items)
        assert found["TTBCR"] == 0x80000000
        assert found["TTBR0"] == 0x00AA0001_40303000
        assert found["TTBR1"] == 0x00BB0000_40304000
        assert (found["MAIR0"], found["MAIR1"]) == (0xEEAA4400, 0xFF000004)
        assert "PRRR" not in found

    def test_short_descriptors_show_the_low_half_of_the_table_bases(self, tmp_path: Path) -> None:
        items = [(0, 0x80000000), guests.TTBCR, (0, 0x40303000), (1, 0x00AA0001), guests.mcrr(0, 2)]
        items += [(0, 0), guests.TTBCR]
        found = registers_after(tmp_path, ["-M", "virt", "-cpu", "cortex-a15"], 0x40200000, *items)
        assert found["TTBR0"] == 0x40303000

    def test_bank_is_the_one_that_the_cpu_uses(self, tmp_path: Path) -> None:
        secure = [(0, 0x11), guests.DACR]
        to_normal = [(0, 1), CPS_MONITOR, guests.SCR, CPS_SUPERVISOR, (0, 0x44), guests.DACR]
        board = ["-M", "vexpress-a9"]
        found = registers_after(tmp_path, board, 0x60010000, *secure)
        assert (found["DACR"], found["SCR"], found["secure"]) == (0x11, 0, 1)
        found = registers_after(tmp_path, board, 0x60010000, *secure, *to_normal)
        assert (found["DACR"], found["SCR"], found["secure"]) == (0x44, 1, 0)
        # Monitor mode is secure whatever SCR.NS says
        found = registers_after(tmp_path, board, 0x60010000, *secure, *to_normal[:-3], guests.NOP)
        assert (found["DACR"], found["SCR"], found["secure"]) == (0x11, 1, 1)

    def test_each_cpu_has_its_own(self, tmp_path: Path) -> None:
        code = guests.assemble((0, 0x51), guests.DACR, guests.FOREVER, guests.NOP)
        machine = ["-M", "virt", "-cpu", "cortex-a7", "-smp", "2", *guests.loaded(tmp_path, code)]
        with RunningMachine(machine) as running:
            stop = running.run_until(guests.CODE + 8, timeout=10)
            first, second = running.gdb.threads()
            assert stop.thread == first
            assert running.memory.registers()["DACR"] == 0x51
            running.gdb.select(second)
            assert running.memory.registers()["DACR"] == 0
            running.gdb.select(first)
            assert running.memory.registers()["DACR"] == 0x51
            with pytest.raises(MachineError, match="Hg77"):
                running.gdb.select("77")


def test_system_registers_of_a_stub_that_has_none() -> None:
    def answer(request: str) -> str:
        if request.startswith("qSupported"):
            return "qXfer:features:read+"
        if request.startswith("qXfer"):
            return 'l<target><reg name="r0" bitsize="32"/></target>'
        return "T05" if request == "?" else ""

    with (
        fakes.stub(answer) as (channel, _),
        RspClient(channel) as client,
        pytest.raises(MachineError, match="lists no system registers"),
    ):
        system_registers(client)
