"""A client of gdb's remote serial protocol, as far as a kernel's boot has to be watched through it.

It reads registers by name, reads and writes memory as the CPU sees it or, with QEMU, by physical address,
sets breakpoints, lets the machine run and waits for it.  The machine is stopped for as long as a client is
connected and has not resumed it; while it runs, every request but `wait` and `interrupt` is refused.

Sources: the gdb manual, appendix E "Remote Protocol"; QEMU docs/system/gdb.rst (``Qqemu.PhyMemMode``).
Not here: gdb's file, tracepoint and non-stop packets.
"""

from __future__ import annotations

import contextlib
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from bootmap.errors import AbsentMemoryError, MachineError
from bootmap.image.channel import Channel, deadline_after
from bootmap.image.session import RspSession
from bootmap.image.target import StubRegister, stub_registers

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_ANNEX = 1 << 20
_MAX_OUTPUT = 64 << 20
_MAX_CPUS = 256
_SILENT_SINCE = (8, 1)
PHYSICAL_REACH = 1 << 32
CORE_REGISTERS = (*(f"r{n}" for n in range(13)), "sp", "lr", "pc", "cpsr")


class Stop(NamedTuple):
    """Why the machine stopped.

    Attributes:
        signal: gdb's signal number: 5 for a breakpoint or a step, 2 for an interrupt.
        thread: the stub's name of the CPU that stopped, empty where it names none.
        details: the other pairs of the stop reply, such as ``watch`` -> address.
    """

    signal: int
    thread: str
    details: tuple[tuple[str, str], ...]


class RspClient(RspSession):
    """A session with a gdb stub over a connected channel, which it owns; ``timeout`` in seconds per request.

    Attributes:
        name: the address, for messages.
        running: whether the machine was told to run and has not been seen to stop.
        stopped_by_connecting: whether the machine ran until the session began.

    Raises:
        MachineError: what answers is no gdb stub.
    """

    def __init__(self, channel: Channel, timeout: float = 10.0) -> None:
        super().__init__(channel, timeout)
        self._physical = False
        self._breakpoints: set[int] = set()

    @classmethod
    def connect(cls, address: str, timeout: float = 10.0) -> RspClient:
        """Connect to ``address`` (see `bootmap.image.channel`), which stops the machine."""
        client = cls(Channel.connect(address, timeout), timeout)
        if not client.stopped_by_connecting:
            client.stopped_by_connecting = client._stopped_without_a_word()
        return client

    def _stopped_without_a_word(self) -> bool:
        """Whether it is QEMU 8.1 or later, which does not report that it stopped, and its machine is just "paused".

        One that never ran is "prelaunch", one at a breakpoint in "debug".  That somebody had paused it before cannot be
        told; it then runs on, as behind any debugger that detaches.  Source: QEMU gdbstub/system.c ``gdb_chr_event``,
        ``gdb_vm_state_change``; commit 758370052fb6 ("gdbstub: only send stop-reply packets when allowed to").
        """
        try:
            version = re.match(r"(\d+)\.(\d+)", self.monitor("info version").strip())
            if version is None or (int(version[1]), int(version[2])) < _SILENT_SINCE:
                return False
            return self.monitor("info status").strip() == "VM status: paused"
        except MachineError:
            return False

    # ---- registers

    @cached_property
    def stub_registers(self) -> tuple[StubRegister, ...]:
        """Every register that the stub describes; names may come twice, with different widths."""
        try:
            return stub_registers(self._read_annex)
        except MachineError as error:
            raise error.in_file(self.name) from None

    def read_register(self, name: str, bits: int | None = None) -> int:
        """The value of a register by the stub's name for it; ``bits`` picks one of two of the same name.

        Raises:
            MachineError: the stub does not describe it, or does not give its value.
        """
        return self.read_stub_register(self._named(name, bits))

    def read_stub_register(self, register: StubRegister) -> int:
        """The value of ``register``, one of `stub_registers`."""
        answer = self._request(b"p%x" % register.number)
        try:
            value = bytes.fromhex(answer.decode("ascii"))
        except ValueError:
            value = b""
        if len(value) * 8 != register.bits:
            raise self._odd(f"register {register.name}", answer)
        return int.from_bytes(value, "little")

    def write_register(self, name: str, value: int, bits: int | None = None) -> None:
        """Set a register.

        Raises:
            MachineError: the stub does not describe it, or refuses.
        """
        register = self._named(name, bits)
        self._command(b"P%x=%b" % (register.number, value.to_bytes(register.bits // 8, "little").hex().encode()))

    def core_registers(self) -> dict[str, int]:
        """``r0`` ... ``r12``, ``sp``, ``lr``, ``pc`` and ``cpsr``."""
        return {name: self.read_register(name) for name in CORE_REGISTERS}

    # ---- CPUs

    def threads(self) -> tuple[str, ...]:
        """The stub's names of the machine's CPUs, as `select` takes them and `Stop.thread` tells them."""
        found: list[str] = []
        request = b"qfThreadInfo"
        while (answer := self._request(request))[:1] == b"m" and len(found) < _MAX_CPUS:
            found += answer[1:].decode("ascii", "replace").split(",")
            request = b"qsThreadInfo"
        if answer != b"l":
            raise self._odd("the list of CPUs", answer)
        return tuple(found)

    def select(self, thread: str) -> None:
        """Read and write the registers, and the virtual memory, of the CPU ``thread`` from now until a stop.

        Raises:
            MachineError: there is no such CPU.
        """
        self._command(b"Hg%b" % thread.encode())

    # ---- memory

    def read_memory(self, address: int, size: int) -> bytes:
        """``size`` bytes at a virtual address, through the MMU as it is set up now.

        Raises:
            AbsentMemoryError: an address is not mapped.
        """
        return self._read(address, size, physical=False)

    def read_physical(self, pa: int, size: int) -> bytes:
        """``size`` bytes at a physical address; what QEMU gives where there is no RAM means nothing.

        Raises:
            MachineError: the stub is not QEMU's (4.1 or later), or the address is beyond 32 bits.
        """
        self._require_reach(pa, size)
        return self._read(pa, size, physical=True)

    def write_memory(self, address: int, data: bytes) -> None:
        """Write ``data`` at a virtual address.

        Raises:
            AbsentMemoryError: an address is not mapped.
        """
        self._write(address, data, physical=False)

    def write_physical(self, pa: int, data: bytes) -> None:
        """Write ``data`` at a physical address.

        Raises:
            MachineError: the stub is not QEMU's (4.1 or later), the address is beyond 32 bits, or it refuses.
        """
        self._require_reach(pa, len(data))
        self._write(pa, data, physical=True)

    # ---- running and stopping

    def insert_breakpoint(self, address: int, *, hardware: bool = False) -> None:
        """Stop whenever an ARM instruction at the virtual address ``address`` is about to run."""
        self._command(b"Z%d,%x,4" % (hardware, address))
        self._breakpoints.add(address)

    def remove_breakpoint(self, address: int, *, hardware: bool = False) -> None:
        """Undo `insert_breakpoint`."""
        self._command(b"z%d,%x,4" % (hardware, address))
        self._breakpoints.discard(address)

    @contextlib.contextmanager
    def breakpoints(self, *addresses: int, hardware: bool = False) -> Iterator[None]:
        """Breakpoints at ``addresses`` for as long as the block lasts and the machine is stopped at its end."""
        wanted = [address for address in dict.fromkeys(addresses) if address not in self._breakpoints]
        try:
            for address in wanted:
                self.insert_breakpoint(address, hardware=hardware)
            yield
        finally:
            if not self.running:
                for address in self._breakpoints.intersection(wanted):
                    self.remove_breakpoint(address, hardware=hardware)

    def step(self) -> Stop:
        """Run one instruction."""
        self._send(b"s")
        self.running = True
        return self.wait(self._timeout)

    def resume(self) -> Stop | None:
        """Let the machine run; then `wait`.  A breakpoint under the pc is stepped over first.

        Returns:
            The stop where that one step ended on another breakpoint, so that there is nothing to wait for.
        """
        if self._breakpoints and self.read_register("pc") in self._breakpoints:
            stop = self.step()
            if self.read_register("pc") in self._breakpoints:
                return stop
        self._send(b"c")
        self.running = True
        return None

    def wait(self, timeout: float) -> Stop:
        """Wait until the machine stops, at most ``timeout`` seconds.

        Raises:
            MachineTimeoutError: it runs on.  Nothing is lost: `wait` again, or `interrupt`.
            MachineError: the machine ended.
        """
        deadline = deadline_after(timeout)
        while True:
            reply = self._packets.receive(deadline)
            if reply[:1] in (b"T", b"S"):
                self.running = False
                return self._stop(reply)
            if reply[:1] in (b"W", b"X"):
                raise MachineError("the machine ended", file=self.name)

    def interrupt(self, timeout: float = 10.0) -> Stop:
        """Stop a running machine.

        Raises:
            MachineTimeoutError: it does not stop.
        """
        self._packets.send_break(deadline_after(timeout))
        return self.wait(timeout)

    # ---- QEMU's monitor, and the end

    def monitor(self, line: str, *, timeout: float | None = None) -> str:
        """Run a line of QEMU's human monitor and return what it prints, newlines as in Unix.

        Raises:
            MachineError: the stub has no monitor.
        """
        deadline = self._send(b"qRcmd," + line.encode().hex().encode(), timeout=timeout)
        output = bytearray()
        while (answer := self._packets.receive(deadline)) != b"OK":
            text = answer[1:] if answer[:1] == b"O" else answer
            try:
                output += bytes.fromhex(text.decode("ascii"))
            except ValueError:
                text = b""
            if not text or len(output) > _MAX_OUTPUT:
                raise self._odd(f"monitor {line}", answer)
            if answer[:1] != b"O":
                break
        return output.decode("utf-8", "replace").replace("\r\n", "\n")

    def detach(self) -> None:
        """End the session and let the machine run on without a debugger.

        Raises:
            MachineError: the stub does not let it go.
        """
        try:
            self._command(b"D")
        finally:
            self.close()

    # ---- below: how it is done

    def _named(self, name: str, bits: int | None) -> StubRegister:
        for register in self.stub_registers:
            if register.name == name and bits in (None, register.bits):
                return register
        raise MachineError(f"the stub describes no register {name}", file=self.name)

    def _read_annex(self, annex: str) -> bytes:
        if self._features.get("qXfer:features:read") != "+":
            raise MachineError("the stub has no target description, so registers have no names", file=self.name)
        text = bytearray()
        size = self._packet_size - 16
        while True:
            answer = self._request(b"qXfer:features:read:%b:%x,%x" % (annex.encode(), len(text), size))
            text += answer[1:]
            if answer[:1] == b"l":
                return bytes(text)
            if answer[:1] != b"m" or len(answer) == 1 or len(text) > _MAX_ANNEX:
                raise self._odd(f"target description {annex}", answer)

    def _require_reach(self, pa: int, size: int) -> None:
        # The stub of qemu-system-arm reads the number into a target_ulong and so cuts it without a word.
        if pa + size > PHYSICAL_REACH:
            raise MachineError(f"a gdb stub reaches 32-bit physical addresses, {pa:#x} is beyond", file=self.name)

    def _select_space(self, physical: bool) -> None:
        if physical != self._physical:
            self._command(b"Qqemu.PhyMemMode:%d" % physical)
            self._physical = physical

    def _read(self, address: int, size: int, *, physical: bool) -> bytes:
        self._select_space(physical)
        out = bytearray()
        while len(out) < size:
            out += self._read_some(address + len(out), size - len(out))
        return bytes(out)

    def _read_some(self, address: int, size: int) -> bytes:
        """At least one byte from ``address`` on: one window of requests, up to the first short answer."""
        most = self._packet_size // 2
        end = address + size
        starts = range(address, min(end, address + most * self._window), most)
        wanted = [(at, min(most, end - at)) for at in starts]
        deadline = self._send(*(b"m%x,%x" % request for request in wanted))
        answers = [self._packets.receive(deadline) for _ in wanted]
        out = bytearray()
        for (at, count), answer in zip(wanted, answers, strict=True):
            if answer[:1] == b"E" and len(answer) == 3:
                raise AbsentMemoryError(at, f"{self.name}: the machine gives no memory at {at:#010x}")
            try:
                part = bytes.fromhex(answer.decode("ascii"))
            except ValueError:
                part = b""
            if not 0 < len(part) <= count:
                raise self._odd(f"reading memory at {at:#x}", answer)
            out += part
            if len(part) < count:
                break
        return bytes(out)

    def _write(self, address: int, data: bytes, *, physical: bool) -> None:
        self._select_space(physical)
        most = (self._packet_size - 64) // 2
        for start in range(0, len(data), most):
            part = data[start : start + most]
            at = address + start
            answer = self._request(b"M%x,%x:%b" % (at, len(part), part.hex().encode()))
            if answer[:1] == b"E":
                raise AbsentMemoryError(at, f"{self.name}: the machine takes no memory at {at:#010x}")
            if answer != b"OK":
                raise self._odd(f"writing memory at {at:#x}", answer)

    def _stop(self, reply: bytes) -> Stop:
        try:
            signal = int(reply[1:3], 16)
        except ValueError:
            raise self._odd("waiting for a stop", reply) from None
        pairs = [entry.partition(":") for entry in reply[3:].decode("ascii", "replace").split(";") if entry]
        found = {key: value for key, _, value in pairs}
        thread = found.pop("thread", "")
        return Stop(signal, thread, tuple(found.items()))
