"""bootmap inside gdb: the page tables that the CPU of a stopped guest uses now.

    (gdb) source bootmap-gdb.py
    (gdb) target remote :1234
    (gdb) bootmap walk ADDRESS...          any expression of gdb: 0xc0008000, &jiffies, $pc
    (gdb) bootmap tables [OPTION...]       as the command bootmap tables: --writable, --range START-END ...
    (gdb) set bootmap-board BOARD.dtb --config FILE --system-map FILE
    (gdb) bootmap explain ADDRESS...       why it is so, by the prediction for that board

gdb reads the registers and the pages that hold tables, and the command ``bootmap`` (on the PATH, or ``set
bootmap-command``) reads those: gdb's Python needs nothing but bootmap_pages.py.  For QEMU's stub, which lists the
system registers and reads physical memory (Qqemu.PhyMemMode).  The guest stays as it was.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import gdb

sys.path.append(str(Path(__file__).resolve().parent.parent))
from bootmap_pages import EAE, PAGE, RefusedError, ask, table_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

UNBOUNDED = 100  # columns, where gdb breaks no lines
SCR_NS = 1
MODE, MONITOR = 0x1F, 0x16  # CPSR.M (DDI 0406C B1.3.1)
LPAE = 5  # ID_MMFR0.VMSA from which on the CPU knows long descriptors


class SystemRegisters:
    """The translation registers of the selected CPU, by the names of QEMU's stub."""

    def __init__(self) -> None:
        self.frame = gdb.newest_frame()
        scr = self._raw("SCR")
        secure = scr is not None and (not scr & SCR_NS or (self._raw("cpsr") or 0) & MODE == MONITOR)
        self._tails = ("_S", "") if secure else ("",)
        self.sctlr = self._value("SCTLR")
        if self.sctlr is None:
            raise gdb.GdbError("bootmap: this stub lists no system registers, as QEMU's does")
        self.ttbcr = self._value("TTBCR") or 0
        self.long = bool(self.ttbcr & EAE)
        bases = ("TTBR{}", "TTBR{}_EL1") if self.long else ("TTBR{}_EL1", "TTBR{}")
        self.ttbr = [self._first(*(name.format(index) for name in bases)) for index in (0, 1)]
        if not self.long:
            self.ttbr = [value & 0xFFFF_FFFF for value in self.ttbr]

    def options(self) -> list[str]:
        """The command's options that say the same."""
        values = {"ttbr0": self.ttbr[0], "ttbr1": self.ttbr[1], "ttbcr": self.ttbcr, "sctlr": self.sctlr}
        values["dacr"] = self._value("DACR")
        values["mair0" if self.long else "prrr"] = self._value("MAIR0")
        values["mair1" if self.long else "nmrr"] = self._value("MAIR1")
        words = [f"--{name}={value:#x}" for name, value in values.items() if value is not None]
        features = self._value("ID_MMFR0")
        if features is not None and features & 0xF >= LPAE:
            words.append("--arch=v7lpae")
        return words

    def _first(self, *names: str) -> int:
        return next((value for name in names if (value := self._value(name)) is not None), 0)

    def _value(self, name: str) -> int | None:
        return next((value for tail in self._tails if (value := self._raw(name + tail)) is not None), None)

    def _raw(self, name: str) -> int | None:
        try:
            value = self.frame.read_register(name)
            return int(value) & (1 << 8 * value.type.sizeof) - 1  # gdb takes them for signed
        except (ValueError, gdb.error):
            return None


@contextlib.contextmanager
def physical_memory() -> Iterator[None]:
    """Within the block gdb's addresses are physical ones."""

    def switch(on: int) -> None:
        said = gdb.execute(f"maintenance packet Qqemu.PhyMemMode:{on}", to_string=True)
        if '"OK"' not in said:
            raise gdb.GdbError("bootmap: this stub cannot read physical memory; QEMU's can (Qqemu.PhyMemMode)")
        gdb.execute("maintenance flush dcache", to_string=True)

    switch(1)
    try:
        yield
    finally:
        switch(0)


class CommandName(gdb.Parameter):
    """The command bootmap, where it is not on the PATH."""

    set_doc = "Set the program that bootmap's commands call."
    show_doc = "Show the program that bootmap's commands call."

    def __init__(self) -> None:
        super().__init__("bootmap-command", gdb.COMMAND_DATA, gdb.PARAM_STRING_NOESCAPE)
        self.value = "bootmap"


class BoardWords(gdb.Parameter):
    """The board and kernel that bootmap explain predicts."""

    set_doc = "Set the board and the options that describe the kernel, for bootmap explain."
    show_doc = "Show the board and the options that describe the kernel, for bootmap explain."

    def __init__(self) -> None:
        super().__init__("bootmap-board", gdb.COMMAND_DATA, gdb.PARAM_STRING_NOESCAPE)
        self.value = ""


COMMAND_NAME, BOARD = CommandName(), BoardWords()


def run(*words: str, pages: dict[int, bytes] | None = None) -> None:
    """Run the command and show what it says; exit code 1 is no error of gdb's."""
    program, columns = shlex.split(COMMAND_NAME.value), int(gdb.parameter("width") or UNBOUNDED)
    try:
        texts = ask(program, words, columns, "set bootmap-command", pages, "the guest")
    except RefusedError as error:
        raise gdb.GdbError(str(error)) from None
    for text in texts:
        gdb.write(text)


def read_page(address: int) -> bytes:
    """A page of the guest's physical memory, b"" where it has none."""
    try:
        return bytes(gdb.selected_inferior().read_memory(address, PAGE))
    except gdb.MemoryError:
        return b""


def run_on_tables(command: str, *words: str) -> None:
    """Run ``bootmap COMMAND`` on the tables of the selected CPU."""
    registers = SystemRegisters()
    with physical_memory():
        pages = table_pages(read_page, registers.ttbr, registers.ttbcr)
    if not pages:
        raise gdb.GdbError("bootmap: no table can be read where TTBR0 points; is the MMU set up yet?")
    run(command, *words, *registers.options(), pages=pages)


def addresses(argument: str) -> list[str]:
    """The addresses that gdb's expressions name."""
    words = gdb.string_to_argv(argument)
    if not words:
        raise gdb.GdbError("bootmap: an address is missing")
    return [f"{int(gdb.parse_and_eval(word)) & 0xFFFF_FFFF:#x}" for word in words]


class Bootmap(gdb.Command):
    """The page tables of a 32-bit ARM Linux: bootmap walk, bootmap tables, bootmap explain."""

    def __init__(self) -> None:
        super().__init__("bootmap", gdb.COMMAND_DATA, prefix=True)


class Walk(gdb.Command):
    """Walk the tables that the CPU uses now: bootmap walk ADDRESS..."""

    def __init__(self) -> None:
        super().__init__("bootmap walk", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it."""
        run_on_tables("walk", *addresses(argument))


class Tables(gdb.Command):
    """List what the tables that the CPU uses now map: bootmap tables [OPTION...]."""

    def __init__(self) -> None:
        super().__init__("bootmap tables", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it."""
        run_on_tables("tables", *gdb.string_to_argv(argument))


class Explain(gdb.Command):
    """Say why an address is mapped as it is, by the prediction for the board of set bootmap-board."""

    def __init__(self) -> None:
        super().__init__("bootmap explain", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it."""
        board = shlex.split(BOARD.value or "")
        if not board:
            raise gdb.GdbError("bootmap: which board? set bootmap-board BOARD.dtb --config FILE --system-map FILE")
        run("explain", *board, *addresses(argument))


for command in (Bootmap, Walk, Tables, Explain):
    command()
