"""A running QEMU as memory and registers, reached over QMP, its gdb stub, or both.

    what             over the gdb stub                        over QMP alone
    memory, small    packets, up to 4 GiB                     pmemsave, else the monitor's xp
    memory, large    pmemsave, said to the stub's monitor     pmemsave
    what there is    info mtree, said to the stub's monitor   info mtree
    registers        by name                                  none: QMP does not show them

pmemsave writes a file on QEMU's side, so it serves only where both sides share a file system; everything
else works over a network.  Only RAM and ROM are read: to read a device's registers may change the device.
Not here: starting QEMU (machine.py).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shutil
import struct
import tempfile
from typing import TYPE_CHECKING

from bootmap.errors import AbsentMemoryError, MachineError, MachineTimeoutError, UsageError
from bootmap.image.qmp import QmpClient
from bootmap.image.registers import system_registers
from bootmap.image.rsp import PHYSICAL_REACH, RspClient
from bootmap.units import KIB, MIB, Span, align_down, align_up, merged, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_LARGE = 64 * KIB  # measured: a pmemsave takes 1.3 ms and 600 MB/s, packets bring 30 MB/s
_XP_WORDS = 1024  # words asked for in one line of the monitor
_SLOWEST_SAVE = 20 * MIB  # bytes per second, far below any real speed: bounds the wait for a pmemsave

_MTREE_VIEW = re.compile(r'^ AS "memory",', re.MULTILINE)
_MTREE_RANGE = re.compile(r"^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (\w+)\)", re.MULTILINE)
_READABLE = ("ram", "rom", "romd")
_XP_WORD = re.compile(r" 0x([0-9a-f]{8})\b")


class LiveMemory:
    """The physical memory of a QEMU at the moment it is asked for: a `Memory`, and the registers.

    Attributes:
        qmp: the QMP session, or None.
        gdb: the session with the gdb stub, or None.
        ranges: RAM and ROM as the monitor listed them when the session began.

    Raises:
        UsageError: neither session was given.
        MachineError: the machine does not list its memory.
    """

    def __init__(self, qmp: QmpClient | None = None, gdb: RspClient | None = None) -> None:
        client = qmp or gdb
        if client is None:
            raise UsageError("a running machine needs the address of its QMP monitor or of its gdb stub")
        self.qmp = qmp
        self.gdb = gdb
        self._name = client.name
        self._monitor = client.monitor
        self._files_shared = True
        self._paused = False
        self._problems: list[str] = []
        self.ranges: tuple[Span, ...] = readable_ranges(self._monitor("info mtree -f"))
        if not self.ranges:
            raise MachineError("its monitor lists no RAM", file=self._name)

    @property
    def problems(self) -> tuple[str, ...]:
        """See `Memory.problems`."""
        return tuple(self._problems)

    def read(self, pa: int, size: int) -> bytes:
        """See `Memory.read`.

        Raises:
            AbsentMemoryError: at least one byte is neither RAM nor ROM; names the first.
            MachineError: the machine cannot be asked any more.
        """
        span = Span(pa, pa + size)
        self._require(span)
        packets = self.gdb if self.gdb and not self.gdb.running and span.end <= PHYSICAL_REACH else None
        if size and (size >= _LARGE or not packets) and (saved := self._saved(span)) is not None:
            with saved:
                return saved[:]
        return packets.read_physical(pa, size) if packets else self._examined(span)

    def view(self, span: Span) -> memoryview:
        """See `Memory.view`: a copy; a large one lies in a temporary file without a name and is mapped."""
        self._require(span)
        if span.size >= _LARGE and (saved := self._saved(span)) is not None:
            return memoryview(saved)
        return memoryview(self.read(span.start, span.size))

    def registers(self) -> dict[str, int]:
        """The core and the translation registers of the selected CPU; empty over QMP alone.

        See `bootmap.image.registers.system_registers` for the names.
        """
        if self.gdb is None:
            return {}
        return self.gdb.core_registers() | system_registers(self.gdb)

    def pause(self) -> None:
        """Stop a machine that runs, over QMP; it goes on when the session is closed.  A gdb stub has done so."""
        if self.qmp and self.qmp.execute("query-status").get("running"):
            self.qmp.execute("stop")
            self._paused = True

    def close(self) -> None:
        """End the sessions; the machine runs again if `pause` or the connection to its stub stopped it."""
        with contextlib.suppress(MachineError):  # it is gone: nothing is left that could run
            if self.gdb and self.gdb.stopped_by_connecting:
                self.gdb.detach()
            if self.qmp and self._paused:
                self.qmp.execute("cont")
        for client in (self.gdb, self.qmp):
            if client:
                client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _require(self, span: Span) -> None:
        if span.end < span.start:
            raise ValueError(f"a range of negative size: {span.start:#x}, {span.size}")
        at = span.start
        for held in self.ranges:
            if at in held:
                at = held.end
        if at < span.end:
            raise AbsentMemoryError(at, f"{self._name}: the machine has no RAM at {at:#010x}")

    def _saved(self, span: Span) -> mmap.mmap | None:
        """``span`` as pmemsave writes it to a file, or None where that file does not get here."""
        if not self._files_shared:
            return None
        with tempfile.TemporaryDirectory(prefix="bootmap-") as directory:
            if (free := shutil.disk_usage(directory).free) < span.size:
                raise MachineError(f"{directory}: {size_text(span.size)} are needed and {size_text(free)} are free")
            path = os.path.join(directory, "memory")
            try:
                self._save(span, path)
                with open(path, "rb") as file:
                    saved = mmap.mmap(file.fileno(), span.size, access=mmap.ACCESS_READ)
            except MachineTimeoutError:
                raise
            except (MachineError, OSError, ValueError) as error:
                self._files_shared = False
                self._problems.append(f"{self._name}: memory comes in small pieces: pmemsave does not serve: {error}")
                return None
            return saved

    def _save(self, span: Span, path: str) -> None:
        timeout = 10 + span.size / _SLOWEST_SAVE
        if self.qmp:
            self.qmp.execute("pmemsave", val=span.start, size=span.size, filename=path, timeout=timeout)
            return
        quoted = path.replace("\\", "\\\\").replace('"', '\\"')
        said = self._monitor(f'pmemsave {span.start:#x} {span.size:#x} "{quoted}"', timeout=timeout)
        if said.strip():
            raise MachineError(said.strip().splitlines()[0], file=self._name)

    def _examined(self, span: Span) -> bytes:
        """``span`` by the monitor's command xp, which prints words."""
        first = align_down(span.start, 4)
        words: list[int] = []
        for at in range(first, align_up(span.end, 4), 4 * _XP_WORDS):
            count = min(_XP_WORDS, (align_up(span.end, 4) - at) // 4)
            found = _XP_WORD.findall(self._monitor(f"xp /{count}wx {at:#x}"))
            if len(found) != count:
                raise MachineError(f"its monitor shows {len(found)} of {count} words at {at:#010x}", file=self._name)
            words += [int(word, 16) for word in found]
        data = struct.pack(f"<{len(words)}I", *words)
        return data[span.start - first :][: span.size]


def readable_ranges(mtree: str) -> tuple[Span, ...]:
    """What can be read without touching a device, from the output of QEMU's ``info mtree -f``."""
    for view in mtree.split("FlatView #"):
        if _MTREE_VIEW.search(view):
            rows = _MTREE_RANGE.findall(view)
            return merged(Span(int(first, 16), int(last, 16) + 1) for first, last, kind in rows if kind in _READABLE)
    return ()


def attach(addresses: Sequence[str], *, pause: bool = True, timeout: float = 10.0) -> LiveMemory:
    """Attach to a running QEMU at ``qmp:ADDRESS``, ``gdb:ADDRESS`` or both (see `bootmap.image.channel`).

    The machine stands still until the result is closed, unless ``pause`` is False and only QMP is used.
    ``timeout`` is in seconds and counts for each request.

    Raises:
        UsageError: an address cannot be read, or one kind is given twice.
        MachineError: the machine cannot be reached.
    """
    qmp: QmpClient | None = None
    gdb: RspClient | None = None
    kinds = [address.partition(":")[0] for address in addresses]
    if sorted(kinds) not in (["gdb"], ["qmp"], ["gdb", "qmp"]):
        raise UsageError(f"{' '.join(addresses)}: expected qmp:ADDRESS, gdb:ADDRESS or one of each")
    by_kind = {kind: address.partition(":")[2] for kind, address in zip(kinds, addresses, strict=True)}
    try:
        if "qmp" in by_kind:
            qmp = QmpClient.connect(by_kind["qmp"], timeout)
        if "gdb" in by_kind:
            ran = qmp is not None and bool(qmp.execute("query-status").get("running"))
            gdb = RspClient.connect(by_kind["gdb"], timeout)
            if qmp is not None:
                gdb.stopped_by_connecting = ran
        memory = LiveMemory(qmp, gdb)
        if pause:
            memory.pause()
        return memory
    except BaseException:
        with contextlib.suppress(MachineError):
            if gdb and gdb.stopped_by_connecting:
                gdb.detach()
        for client in (gdb, qmp):
            if client:
                client.close()
        raise
