from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.errors import MachineError
from bootmap.image.target import StubRegister, stub_registers

TARGET = b"""<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">
<target><architecture>arm</architecture><xi:include href="core.xml"/><xi:include href="system.xml"/></target>"""
CORE = b"""<feature name="org.gnu.gdb.arm.core"><reg name="r0" bitsize="32"/><reg name="r1" bitsize="32"/>
<reg name="cpsr" bitsize="32" regnum="25"/></feature>"""
SYSTEM = b"""<feature name="org.qemu.gdb.arm.sys.regs"><reg name="PAR" bitsize="32" regnum="92" group="cp_regs"/>
<reg name="PAR" bitsize="64"/></feature>"""


def test_stub_registers_number_themselves_on() -> None:
    files = {"target.xml": TARGET, "core.xml": CORE, "system.xml": SYSTEM}
    assert stub_registers(files.__getitem__) == (
        StubRegister("r0", 32, 0),
        StubRegister("r1", 32, 1),
        StubRegister("cpsr", 32, 25),
        StubRegister("PAR", 32, 92),
        StubRegister("PAR", 64, 93),
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<target>",
        b"<target><reg name='x'/></target>",
        b"<target><reg name='x' bitsize='y'/></target>",
        b"<target><xi:include href='target.xml'/></target>",
        b"<target>" + b"<reg name='x' bitsize='32'/>" * 70000 + b"</target>",
        b"<target>\xff</target>",
    ],
    ids=range(7),
)
def test_stub_registers_refuse(text: bytes) -> None:
    with pytest.raises(MachineError, match="target description"):
        stub_registers(lambda annex: text)


def test_stub_registers_refuse_an_endless_chain() -> None:
    with pytest.raises(MachineError, match="too much is included"):
        stub_registers(lambda annex: b"<target><xi:include href='%bx'/></target>" % annex.encode())


@settings(deadline=None)
@given(st.binary())
def test_stub_registers_take_any_bytes(text: bytes) -> None:
    with contextlib.suppress(MachineError):
        assert stub_registers(lambda annex: text) == ()
