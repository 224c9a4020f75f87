"""One boot, watched: from the kernel's first instruction to paging_init's entry, its return and, if wanted, to init.

What was read becomes a `Recording`.  A kernel that dies on the way is caught at the exception vectors: up to
paging_init's return no kernel takes an exception and lives.  Not here: the judgement (compare.py).

Source: arch/arm/mm/mmu.c ``paging_init``, init/main.c ``kernel_init`` (``mark_readonly`` comes before init is run).
"""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import UNSET

from bootmap.errors import MachineError
from bootmap.image.machine import HangError
from bootmap.image.recording import KernelId, Moment, RecordedOutcome, Recording
from bootmap.units import MIB, hex_address
from bootmap.verify.logbuf import find_log, log_lines
from bootmap.verify.readout import KernelMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bootmap.image.machine import RunningMachine
    from bootmap.verify.guest import Guest

VECTORS = tuple(0xFFFF0000 + offset for offset in (0x4, 0x8, 0xC, 0x10))
"""Undefined instruction, SVC, prefetch abort, data abort (DDI 0406C B1.8.1, high vectors)."""
_CAUGHT = ("panic", "die", "dump_machine_table")
_CAUGHT_AT_HEAD = ("__error", "__error_a", "__error_lpae", "__error_p")  # arch/arm/kernel/head-common.S, the MMU off
_INIT_REACHED = ("run_init_process", "kernel_execve", "do_execve")
_LOG_BYTES = 1 << 17
_MOST_BSS = 64 * MIB
_EXCEPTIONS_KEPT = 4
FDT_MAGIC = b"\xd0\x0d\xfe\xed"


class KernelTraits(Protocol):
    """What must be known of a kernel to read it: `boot.kernel.KernelModel` has it."""

    @property
    def page_offset(self) -> int:
        """PAGE_OFFSET."""
        ...

    @property
    def swapper_pg_dir(self) -> int:
        """Virtual address of the page directory."""
        ...


def observe(
    guest: Guest,
    symbols: Mapping[str, int],
    *,
    page_offset: int,
    long: bool,
    board: bytes,
    command_line: str,
    name: str,
    kernel: KernelId,
    byteorder: Literal["little", "big"] = "little",
    late: bool = False,
    timeout: float = 30.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Recording:
    """Run the guest's kernel and read it at each moment.

    Args:
        guest: stopped at the kernel's first instruction.
        symbols: virtual addresses; ``paging_init`` and ``swapper_pg_dir`` must be there.
        page_offset: PAGE_OFFSET.
        long: whether the kernel uses long descriptors.
        board: the device tree blob or ATAG list that the kernel was handed.
        command_line: for the recording.
        name: of the recording.
        kernel: for the recording.
        byteorder: of the kernel's data.
        late: go on until init is about to run.
        timeout: seconds for each stretch of the way.
        progress: told what happens.

    Raises:
        MachineError: QEMU ended, or what was read makes no sense.
    """
    watch = _Watch(guest, symbols, page_offset, long, byteorder, timeout)
    is_tree = board[:4] == FDT_MAGIC
    parts: dict[str, object] = {}
    progress("paging_init")
    outcome = watch.run(symbols["paging_init"], "paging_init")
    before = watch.moment(alive=outcome is None)
    if outcome is None:
        back = watch.machine.gdb.read_register("lr") & ~1
        progress("end of paging_init")
        outcome = watch.run(back, "the end of paging_init")
        if outcome is None:
            parts |= {"after": watch.moment(), "vars": dict(watch.kernel.variables())}
            parts["log"] = tuple(watch.log())
            if late:
                progress("init")
                parts |= watch.late()
    if outcome is not None:
        parts["outcome"] = outcome
    packed = base64.b64encode(gzip.compress(board, 9, mtime=0)).decode()
    return Recording(
        name=name,
        kernel=kernel,
        qemu=guest.setup.recorded(command_line),
        page_offset=page_offset,
        phys_offset=guest.phys_offset,
        lpae=long,
        symbols={key: symbols[key] for key in _RECORDED_SYMBOLS if key in symbols},
        entry=guest.entry,
        before=before,
        dtb=packed if is_tree else UNSET,
        atags=UNSET if is_tree else board.hex(),
        byteorder="big" if byteorder == "big" else UNSET,
        **parts,  # type: ignore[arg-type]
    )


_RECORDED_SYMBOLS = (
    "__bss_start",
    "__bss_stop",
    "__init_begin",
    "__init_end",
    "__start_rodata",
    "__start_rodata_section_aligned",
    "_edata",
    "_end",
    "_etext",
    "_exiprom",
    "_sdata",
    "_stext",
    "_text",
    "bm_pte",
    "paging_init",
    "stext",
    "swapper_pg_dir",
)


class _Watch:
    """A guest under way."""

    def __init__(
        self,
        guest: Guest,
        symbols: Mapping[str, int],
        page_offset: int,
        long: bool,
        byteorder: Literal["little", "big"],
        timeout: float,
    ) -> None:
        self.machine: RunningMachine = guest.machine
        self.kernel = KernelMemory(guest.machine.memory, symbols, page_offset, guest.phys_offset, long, byteorder)
        self._symbols = symbols
        self._timeout = timeout
        self._root = symbols["swapper_pg_dir"] - page_offset + guest.phys_offset
        self._code = guest.phys_offset - page_offset  # from a virtual to a physical address, the MMU being off
        if guest.flash is not None:
            self._code = guest.flash - symbols["_text"]

    def moment(self, *, alive: bool = True) -> Moment:
        """Tables and memblock as they are now; of a kernel that is dead memblock may not have come to be."""
        try:
            memblock = self.kernel.memblock()
        except MachineError:
            if alive:
                raise
            memblock = None
        return Moment(self.kernel.tables(self._root), UNSET if memblock is None else memblock)

    def run(self, address: int, what: str) -> RecordedOutcome | None:
        """Run to ``address``; what came of it where the kernel does not get there."""
        fatal = [*VECTORS, *(self._symbols[name] for name in _CAUGHT if name in self._symbols)]
        fatal += [self._symbols[name] + self._code for name in _CAUGHT_AT_HEAD if name in self._symbols]
        try:
            self.machine.run_until(address, *fatal, timeout=self._timeout)
        except HangError:
            return self._died(what)
        pc = self.machine.gdb.read_register("pc")
        return None if pc == address else self._died(what)

    def late(self) -> dict[str, object]:
        """The tables once init is about to run, as part of a recording."""
        stops = [self._symbols[name] for name in _INIT_REACHED if name in self._symbols][:1]
        if not stops:
            raise MachineError(f"the symbols name none of {', '.join(_INIT_REACHED)}: init cannot be waited for")
        self.machine.run_until(*stops, timeout=max(self._timeout, 120.0))
        return {"late": Moment(self.kernel.tables(self._root))}

    def log(self) -> list[str]:
        """The kernel's log so far: from the buffer that the symbols name, or else from where in bss a log begins."""
        start, end = (self._symbols.get(name) for name in ("__log_buf", "_end"))
        if start is None:
            bss = self._symbols.get("__bss_start")
            if bss is None or end is None or not 0 < end - bss <= _MOST_BSS:
                return []
            at = find_log(self.kernel.read(bss, end - bss))
            if at is None:
                return []
            start = bss + at
        size = min(_LOG_BYTES, (end or start + _LOG_BYTES) - start)
        return log_lines(self.kernel.read(start, size), self.kernel.byteorder)

    def _died(self, what: str) -> RecordedOutcome:
        registers = self.machine.gdb.core_registers()
        exceptions = self.machine.exceptions(_EXCEPTIONS_KEPT)
        return RecordedOutcome(
            lr=self._place(registers["lr"]),
            pc=self._place(registers["pc"]),
            never_reached=what,
            log=tuple(self.log()),
            first_exceptions=tuple(map(str, exceptions)) if exceptions else UNSET,
        )

    def _place(self, address: int) -> str:
        below = [(value, name) for name, value in self._symbols.items() if value <= address]
        value, name = max(below, default=(0, ""))
        offset = f"+{address - value:#x}" if address - value else ""
        return f"{hex_address(address)} {name}{offset}".strip()
