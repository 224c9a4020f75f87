"""Our client against the real QEMU: guests of a few instructions, so that each test takes a second at most."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import guests

from bootmap.errors import AbsentMemoryError, MachineError, MachineTimeoutError, ToolMissingError
from bootmap.image.live import LiveMemory, attach
from bootmap.image.machine import HangError, RunningMachine
from bootmap.image.open import open_image
from bootmap.image.process import GuardedProcess
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from collections.abc import Callable

VIRT = ["-M", "virt", "-cpu", "cortex-a15", "-m", "64"]
RAM = 0x40000000
SILENT_SINCE = (8, 1)
"""QEMU whose gdb stub does not say that it stopped its machine."""


def virt(folder: Path, code: bytes) -> list[str]:
    return VIRT + guests.loaded(folder, code)


def counted(memory: LiveMemory) -> int:
    return int.from_bytes(memory.read(guests.COUNTER, 4), "little")


def qemu_version() -> tuple[int, int]:
    done = subprocess.run(["qemu-system-arm", "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"version (\d+)\.(\d+)", done.stdout)
    assert match is not None
    return int(match[1]), int(match[2])


def eventually(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def ended(pid: int) -> bool:
    """Whether there is no process ``pid``, or a zombie that nobody waits for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@guests.needs_qemu
def test_machine_has_no_network_card() -> None:
    """The card of virt wants a ROM that a minimal installation of QEMU lacks."""
    with RunningMachine(VIRT) as machine:
        (bus,) = machine.qmp.execute("query-pci")
        classes = [device["class_info"]["class"] for device in bus["devices"]]
    assert classes == [0x0600]  # the host bridge


def test_machine_without_qemu() -> None:
    with (
        pytest.raises(ToolMissingError, match="Debian's package is qemu-system-arm") as caught,
        RunningMachine([], qemu="no-qemu"),
    ):
        pass
    assert caught.value.exit_code == 4


def test_machine_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/true")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(MIB, MIB, 4096))
    with (
        pytest.raises(MachineError, match=r"4 KiB are free, 16 MiB are needed; TMPDIR names another place"),
        RunningMachine(VIRT),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


pytestmark_qemu = [pytest.mark.oracle, guests.needs_qemu]


class TestMachine:
    pytestmark = pytestmark_qemu

    def test_starts_stopped_and_runs_to_a_breakpoint(self, tmp_path: Path) -> None:
        with RunningMachine(virt(tmp_path, guests.COUNTING)) as machine:
            assert machine.gdb.read_register("pc") == guests.CODE
            assert machine.memory.read(guests.COUNTER, 4) == bytes(4)
            for expected in range(3):
                stop = machine.run_until(guests.COUNTING_LOOP, timeout=10)
                assert stop.signal == signal.SIGTRAP
                assert machine.gdb.read_register("pc") == guests.COUNTING_LOOP
                assert int.from_bytes(machine.memory.read(guests.COUNTER, 4), "little") == expected
            machine.gdb.step()
            assert machine.gdb.core_registers()["pc"] == guests.COUNTING_LOOP + 4
            machine.gdb.write_register("pc", guests.CODE)
            assert machine.gdb.read_register("pc") == guests.CODE

    def test_physical_memory_is_the_same_by_every_way(self, tmp_path: Path) -> None:
        noise = random.Random(1).randbytes(300_000)
        with RunningMachine(virt(tmp_path, guests.WAITING)) as machine:
            start = RAM + 0x300001
            machine.gdb.write_physical(start, noise)
            span = Span(start, start + len(noise))
            assert machine.gdb.read_physical(start, len(noise)) == noise
            assert machine.memory.read(start, len(noise)) == noise
            assert bytes(machine.memory.view(span)) == noise
            over_qmp = LiveMemory(machine.qmp)
            assert over_qmp.read(start, 999) == noise[:999]
            over_qmp._files_shared = False
            assert over_qmp.read(start, 9999) == noise[:9999]
            over_gdb = LiveMemory(None, machine.gdb)
            assert over_gdb.view(span) == noise
            assert over_gdb.ranges == over_qmp.ranges == machine.memory.ranges
            assert (over_qmp.problems, over_gdb.problems) == ((), ())
            assert Span(RAM, RAM + 64 * MIB) in machine.memory.ranges

    def test_memory_without_ram_is_absent(self, tmp_path: Path) -> None:
        with RunningMachine(virt(tmp_path, guests.WAITING)) as machine:
            for pa in (guests.UART, RAM + 64 * MIB, RAM - 1):
                with pytest.raises(AbsentMemoryError):
                    machine.memory.read(pa, 4)

    def test_memory_can_be_read_while_the_guest_runs(self, tmp_path: Path) -> None:
        with RunningMachine(virt(tmp_path, guests.COUNTING)) as machine:
            machine.gdb.resume()
            first = counted(machine.memory)
            assert eventually(lambda: counted(machine.memory) > first)

    def test_console_and_running_until_it_says_something(self, tmp_path: Path) -> None:
        with RunningMachine(virt(tmp_path, guests.SPEAKING)) as machine:
            assert machine.console() == b""
            machine.run_until_console(b"ok", timeout=10)
            assert machine.console() == b"ok"
            with pytest.raises(HangError, match=r"did not come to write b'never': 0.2 s have passed"):
                machine.run_until_console(b"never", timeout=0.2)

    def test_hang_is_told_with_the_exceptions_that_led_to_it(self, tmp_path: Path) -> None:
        with RunningMachine(virt(tmp_path, guests.DYING), trace_exceptions=True) as machine:
            began = time.monotonic()
            with pytest.raises(HangError, match="takes exceptions without end") as caught:
                machine.run_until(0xC0008000, timeout=60)
            assert time.monotonic() - began < 10
            # the first fetch through empty tables: translation fault of a section (DDI 0406C table B3-23)
            first, second = caught.value.exceptions[:2]
            assert (first.name, first.status) == ("Prefetch Abort", 0x5)
            assert guests.CODE < first.address < guests.CODE + 0x20
            assert (second.name, second.address) == ("Prefetch Abort", 0x0C)
            assert caught.value.registers["pc"] == 0x0C

    def test_hang_without_a_trace_ends_with_the_time(self, tmp_path: Path) -> None:
        with RunningMachine(virt(tmp_path, guests.WAITING)) as machine:
            with pytest.raises(HangError, match=r"did not come to 0x40210000: 0.3 s have passed") as caught:
                machine.run_until(0x40210000, timeout=0.3)
            assert caught.value.registers["pc"] == guests.CODE
            assert caught.value.exceptions == ()
            assert not machine.gdb.running

    def test_core_of_the_guest_has_its_memory_and_registers(self, tmp_path: Path) -> None:
        core = tmp_path / "guest.core"
        with RunningMachine(virt(tmp_path, guests.COUNTING)) as machine:
            machine.run_until(guests.COUNTING_LOOP + 8, timeout=10)
            machine.qmp.execute("dump-guest-memory", paging=False, protocol=f"file:{core}")
            registers = machine.gdb.core_registers()
            code = machine.memory.read(guests.CODE, 4096)
        with open_image(str(core)) as image:
            assert image.kind == "ELF core"
            assert image.memory.ranges == (Span(RAM, RAM + 64 * MIB),)
            assert image.memory.read(guests.CODE, 4096) == code
            assert {name: image.registers[name] for name in registers} == registers
            assert image.memory.problems == ()

    def test_memory_beyond_32_bits(self, tmp_path: Path) -> None:
        high = 0x1_2000_0000
        data = random.Random(2).randbytes(100_000)
        (tmp_path / "high.bin").write_bytes(data)
        load = ["-device", f"loader,file={tmp_path}/high.bin,addr={high:#x},force-raw=on"]
        with RunningMachine(["-M", "virt", "-cpu", "cortex-a15", "-m", "4096", *load]) as machine:
            assert machine.memory.ranges[-1] == Span(RAM, RAM + (4 << 30))
            assert machine.memory.read(high + 1, 99) == data[1:100]
            assert machine.memory.view(Span(high, high + len(data))) == data
            over_gdb = LiveMemory(None, machine.gdb)
            assert over_gdb.read(high, 8) == data[:8]
            over_gdb._files_shared = False
            assert over_gdb.read(high + 2, 100) == data[2:102]

    def test_several_machines_run_side_by_side(self, tmp_path: Path) -> None:
        arguments = virt(tmp_path, guests.COUNTING)
        with (
            RunningMachine(arguments) as first,
            RunningMachine(arguments) as second,
            RunningMachine(arguments) as third,
        ):
            for count, machine in enumerate((first, second, third), 1):
                for _ in range(count):
                    machine.run_until(guests.COUNTING_LOOP + 8, timeout=10)
            counts = [m.memory.read(guests.COUNTER, 1)[0] for m in (first, second, third)]
            assert counts == [0, 1, 2]


class TestEnd:
    pytestmark = pytestmark_qemu

    @pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, SystemExit])
    def test_nothing_is_left_behind(self, error: type[BaseException] | None, tmp_path: Path) -> None:
        seen = {}

        def session() -> None:
            with RunningMachine(VIRT) as machine:
                seen.update(pid=machine.pid, directory=machine._process.directory)
                machine.gdb.resume()
                assert os.path.isdir(seen["directory"])
                if error:
                    raise error

        if error:
            with pytest.raises(error):
                session()
        else:
            session()
        assert not os.path.exists(f"/proc/{seen['pid']}")
        assert not os.path.exists(seen["directory"])

    @pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
    def test_nothing_is_left_behind_when_we_are_killed(self, blow: signal.Signals) -> None:
        code = (
            "import sys, time; from bootmap.image.machine import RunningMachine\n"
            f"with RunningMachine({VIRT!r}) as m:\n"
            "    m.gdb.resume(); print(m.pid, m._process.directory, flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            pid, directory = process.stdout.readline().split()
            assert os.path.isdir(directory)
            process.send_signal(blow)
        assert eventually(lambda: ended(int(pid)))
        assert eventually(lambda: not os.path.exists(directory))

    def test_interrupt_while_qemu_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[GuardedProcess] = []
        start = GuardedProcess.start

        def interrupted(self: GuardedProcess, arguments: list[str]) -> None:
            start(self, arguments)
            started.append(self)
            raise KeyboardInterrupt

        monkeypatch.setattr(GuardedProcess, "start", interrupted)
        with pytest.raises(KeyboardInterrupt), RunningMachine(VIRT):
            pass
        assert not os.path.exists(f"/proc/{started[0].pid}")
        assert not os.path.exists(started[0].directory)

    def test_qemu_that_dies_is_told_as_that(self) -> None:
        def session() -> None:
            with RunningMachine(VIRT) as machine:
                machine.gdb.resume()
                os.kill(machine.pid, signal.SIGKILL)
                machine.gdb.wait(10)

        with pytest.raises(MachineError, match="ended with status -9: without a word"):
            session()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["-M", "no-such-board"], "unsupported machine type"),
            (["-M", "virt", "-kernel", "/nonexistent"], "/nonexistent"),
            (["-M", "virt", "-cpu", "z80"], "z80"),
            (["-M", "virt", "-m", "999999999"], "ended with status 1"),
        ],
    )
    def test_arguments_that_qemu_refuses(self, arguments: list[str], words: str) -> None:
        with pytest.raises(MachineError, match="ended with status 1") as caught, RunningMachine(arguments):
            pass
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_port_that_is_busy(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            busy = ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=off"]
            with pytest.raises(MachineError, match="Address already in use"), RunningMachine(VIRT + busy):
                pass


class TestAttach:
    pytestmark = pytestmark_qemu

    @pytest.fixture
    def running(self, tmp_path: Path):  # type: ignore[no-untyped-def]
        """Somebody else's QEMU, running, with named sockets for both protocols."""
        program = shutil.which("qemu-system-arm")
        assert program
        with GuardedProcess(program) as process:
            sockets = {kind: process.path(kind) for kind in ("qmp", "gdb")}
            line = [*virt(tmp_path, guests.COUNTING), "-display", "none", "-serial", "none", "-monitor", "none"]
            line += ["-nic", "none", "-qmp", f"unix:{sockets['qmp']},server=on,wait=off"]
            line += ["-gdb", f"unix:{sockets['gdb']},server=on,wait=off"]
            process.start(line)
            while not all(os.path.exists(path) for path in sockets.values()):
                assert process.exit_status(0.02) is None
            yield {kind: f"{kind}:unix:{path}" for kind, path in sockets.items()}

    @pytest.mark.parametrize("kinds", [["qmp"], ["gdb"], ["qmp", "gdb"]])
    def test_machine_stands_still_while_attached_and_runs_on(self, running: dict[str, str], kinds: list[str]) -> None:
        addresses = [running[kind] for kind in kinds]
        with attach(addresses) as memory:
            first = counted(memory)
            time.sleep(0.05)
            assert counted(memory) == first
            assert ("SCTLR" in memory.registers()) == ("gdb" in kinds)

        def ran_on() -> bool:
            with attach(addresses) as memory:
                return counted(memory) > first

        assert eventually(ran_on)

    def test_machine_that_stood_still_stays_so(self, running: dict[str, str]) -> None:
        with attach([running["qmp"]]) as outer:
            first = counted(outer)
            with attach([running["gdb"]]) as inner:
                assert counted(inner) == first
            if qemu_version() >= SILENT_SINCE:  # behind such a stub nobody can tell who paused it: `RspClient`
                assert eventually(lambda: counted(outer) > first)
                return
            time.sleep(0.05)
            assert counted(outer) == first

    def test_machine_can_be_watched_without_a_pause(self, running: dict[str, str]) -> None:
        with attach([running["qmp"]], pause=False) as memory:
            first = counted(memory)
            assert eventually(lambda: counted(memory) > first)

    def test_second_client_of_a_monitor_is_told_why(self, running: dict[str, str]) -> None:
        with attach([running["qmp"]]), pytest.raises(MachineTimeoutError, match="is another connected"):
            attach([running["qmp"]], timeout=0.2)

    def test_open_image_of_a_running_machine(self, running: dict[str, str]) -> None:
        with open_image(running["gdb"], running["qmp"]) as image:
            assert image.kind == "QEMU"
            assert image.registers["SCTLR"] & 1 == 0
            assert guests.CODE <= image.registers["pc"] < guests.CODE + 0x20
            assert image.memory.read(guests.CODE, len(guests.COUNTING)) == guests.COUNTING
