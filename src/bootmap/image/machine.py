"""A QEMU of our own: started stopped, controlled over QMP and its gdb stub, gone when the block ends.

    bootmap --- socket pair --- QMP
            --- socket pair --- gdb stub       console, trace of exceptions, standard error:
            --- guard --------- process        files in its private directory

The sockets have no name, so no port can be busy, no path too long, and nobody else can connect; any number
of machines runs side by side.  Not here: what is booted and what is compared (verify does).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import time
from functools import cached_property
from typing import TYPE_CHECKING

from bootmap.errors import MachineError, MachineTimeoutError, ToolMissingError
from bootmap.image.channel import Channel
from bootmap.image.exceptions import TakenException, taken_exceptions
from bootmap.image.live import LiveMemory
from bootmap.image.process import GuardedProcess
from bootmap.image.qmp import QmpClient
from bootmap.image.rsp import RspClient, Stop
from bootmap.units import KIB, MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

QEMU = "qemu-system-arm"
DEBIAN_PACKAGE = "qemu-system-arm"
NO_SOUND = ("-audiodev", "none,id=bootmap", "-global", "pl041.audiodev=bootmap", "-global", "wm8750.audiodev=bootmap")
"""Boards with a sound chip do not start under QEMU 10 where no driver is installed, and -audio none is new in 8.2."""

_ROOM_NEEDED = 16 * MIB  # for the console and the trace; a full disk would lose them without a word
_TRACE_READ = 1 * MIB
_STORM = 16 * KIB  # bytes at the end of the trace that tell whether one abort repeats, and how often at least
_REPEATS = 64
_SLICE = 0.05  # seconds between two looks at the console and the trace
_CONSOLE_KEPT = 4 * MIB


class HangError(MachineTimeoutError):
    """The guest did not come to where it was expected; it is stopped now and can be looked at.

    Attributes:
        exceptions: the first exceptions that its CPUs took, where they were traced.
        registers: its core registers.
    """

    def __init__(self, message: str, exceptions: tuple[TakenException, ...], registers: Mapping[str, int]) -> None:
        super().__init__(message, file=QEMU)
        self.exceptions = exceptions
        self.registers = registers


class RunningMachine:
    """A QEMU for the length of a ``with`` block; its guest is stopped before the first instruction.

    Args:
        arguments: QEMU's arguments for the machine and what it boots: ``-M``, ``-cpu``, ``-m``, ``-kernel`` ...
        qemu: the program, a name or a path.
        serials: how many serial ports have their output kept, see `console`.
        trace_exceptions: keep a log of the exceptions that the CPUs take, see `exceptions`.
        timeout: seconds for the start and for each request.

    Attributes:
        qmp: the QMP session, inside the block.
        gdb: the session with the gdb stub, inside the block.

    Raises:
        ToolMissingError: QEMU is not installed.
        MachineError: QEMU refuses the arguments, or there is no room for its files.
    """

    qmp: QmpClient
    gdb: RspClient

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        qemu: str = QEMU,
        serials: int = 1,
        trace_exceptions: bool = False,
        timeout: float = 30.0,
    ) -> None:
        self._arguments = tuple(arguments)
        self._program = qemu
        self._serials = serials
        self._traced = trace_exceptions
        self._timeout = timeout

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._resources = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._resources:
            # Whatever failed on a machine that is no more failed because of that.
            if isinstance(error, MachineError) and self._process.exit_status(0.2) is not None:
                raise MachineError(self._process.last_words(), file=self._program) from error

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._process.pid

    @cached_property
    def memory(self) -> LiveMemory:
        """The machine's physical memory and registers; memory can be read while the guest runs, too."""
        return LiveMemory(self.qmp, self.gdb)

    def console(self, serial: int = 0) -> bytes:
        """What the guest has written to a serial port; of more than 4 MiB the end."""
        return _tail(self._process.path(f"serial{serial}"), _CONSOLE_KEPT)

    def exceptions(self, limit: int = 16) -> tuple[TakenException, ...]:
        """The first exceptions that the CPUs took; none where they are not traced."""
        if not self._traced:
            return ()
        with open(self._process.path("trace"), "rb") as file:
            return taken_exceptions(file.read(_TRACE_READ).decode("utf-8", "replace"), limit)

    def run_until(self, *addresses: int, timeout: float) -> Stop:
        """Let the guest run until the instruction at one of the virtual ``addresses`` is about to run.

        Raises:
            HangError: it does not come there within ``timeout`` seconds, or takes exceptions without end.
            MachineError: QEMU ended.
        """
        names = " or ".join(f"{address:#010x}" for address in addresses)
        with self.gdb.breakpoints(*addresses):
            return self.gdb.resume() or self._await(lambda: False, names, timeout)

    def run_until_console(self, text: bytes, *, timeout: float, serial: int = 0) -> Stop:
        """Let the guest run until it has written ``text`` to a serial port, and stop it.

        Raises:
            HangError: it does not write it within ``timeout`` seconds, or takes exceptions without end.
            MachineError: QEMU ended.
        """
        if stop := self.gdb.resume():
            return stop
        return self._await(lambda: text in self.console(serial), f"write {text!r}", timeout)

    def _await(self, arrived: Callable[[], bool], what: str, timeout: float) -> Stop:
        deadline = time.monotonic() + timeout
        reason = ""
        while not reason:
            with contextlib.suppress(MachineTimeoutError):
                return self.gdb.wait(_SLICE)
            if arrived():
                return self.gdb.interrupt(self._timeout)
            if self._repeating():
                reason = "it takes exceptions without end"
            elif time.monotonic() > deadline:
                reason = f"{timeout:g} s have passed"
        stop = self.gdb.interrupt(self._timeout)
        if stop.signal == signal.SIGTRAP:
            return stop  # it arrived in the last moment
        raise HangError(f"the guest did not come to {what}: {reason}", self.exceptions(), self.gdb.core_registers())

    def _repeating(self) -> bool:
        """Whether the CPUs now take one abort again and again: its handler is not mapped, and never will be."""
        if not self._traced:
            return False
        tail = _tail(self._process.path("trace"), _STORM).decode("utf-8", "replace")
        last = taken_exceptions(tail, limit=_STORM)[:-1]  # the last one may be half written
        return len(last) > _REPEATS and len(set(last)) == 1 and last[0].address is not None

    def _start(self, stack: contextlib.ExitStack) -> None:
        program = shutil.which(self._program)
        if program is None:
            raise ToolMissingError(f"{self._program} is not installed; Debian's package is {DEBIAN_PACKAGE}")
        try:
            qmp, qemu_qmp = socket.socketpair()
            stack.callback(qmp.close)
            stack.callback(qemu_qmp.close)
            gdb, qemu_gdb = socket.socketpair()
            stack.callback(gdb.close)
            stack.callback(qemu_gdb.close)
            self._process = stack.enter_context(
                GuardedProcess(program, pass_fds=(qemu_qmp.fileno(), qemu_gdb.fileno()))
            )
            _require_room(self._process.directory)
            self._process.start(self._command_line(qemu_qmp.fileno(), qemu_gdb.fileno()))
        except OSError as error:
            place = error.filename or self._program
            raise MachineError(f"cannot be started: {error.strerror or error}", file=str(place)) from None
        qemu_qmp.close()
        qemu_gdb.close()
        try:
            self.qmp = QmpClient(Channel(qmp, f"{self._program}: QMP"), self._timeout)
            self.gdb = RspClient(Channel(gdb, f"{self._program}: gdb stub"), self._timeout)
        except MachineError as error:
            if self._process.exit_status(1.0) is None:
                raise
            raise MachineError(self._process.last_words(), file=self._program) from error

    def _command_line(self, qmp: int, gdb: int) -> list[str]:
        path = self._process.path
        line = ["-S", "-display", "none", "-monitor", "none", "-parallel", "none", "-nic", "none", *NO_SOUND]
        for serial in range(self._serials):
            line += ["-serial", f"file:{path(f'serial{serial}')}"]
        line += ["-chardev", f"socket,id=bootmap-qmp,fd={qmp}", "-mon", "chardev=bootmap-qmp,mode=control"]
        line += ["-chardev", f"socket,id=bootmap-gdb,fd={gdb}", "-gdb", "chardev:bootmap-gdb"]
        if self._traced:
            line += ["-d", "int", "-D", path("trace")]
        return [*self._arguments, *line]


def _tail(path: str, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read(size)


def _require_room(directory: str) -> None:
    free = shutil.disk_usage(directory).free
    if free < _ROOM_NEEDED:
        place = os.path.dirname(directory)
        needed = f"{size_text(_ROOM_NEEDED)} are needed"
        raise MachineError(f"{size_text(free)} are free, {needed}; TMPDIR names another place", file=place)
