from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import fakes

from bootmap.errors import AbsentMemoryError, MachineError, MachineTimeoutError
from bootmap.image.rsp import RspClient, Stop

XML = """<target><reg name="r0" bitsize="32"/><reg name="pc" bitsize="32" regnum="15"/>
<reg name="PAR" bitsize="32" regnum="92"/><reg name="PAR" bitsize="64" regnum="131"/></target>"""


def answers(extra: dict[str, str | bytes | None] | None = None, qemu: bool = True) -> fakes.Answer:
    """A stub that knows the handshake, the description above, and ``extra``: request -> reply."""
    table: dict[str, str | bytes | None] = {
        "?": "T05thread:01;",
        "qqemu.PhyMemMode": "0" if qemu else "",
        "Qqemu.PhyMemMode:1": "OK" if qemu else "",
        "Qqemu.PhyMemMode:0": "OK" if qemu else "",
    }
    table |= extra or {}

    def answer(request: str) -> str | bytes | None:
        if request.startswith("qSupported"):
            return table.get("qSupported", "PacketSize=80;qXfer:features:read+;multiprocess+")
        if request.startswith("qXfer:features:read:target.xml:"):
            offset, size = (int(part, 16) for part in request.rsplit(":", 1)[1].split(","))
            return ("m" if offset + size < len(XML) else "l") + XML[offset : offset + size]
        return table.get(request, "")

    return answer


def test_handshake_prefers_no_acknowledgements_where_offered() -> None:
    extra = {"qSupported": "QStartNoAckMode+;PacketSize=400", "QStartNoAckMode": "OK"}
    with fakes.stub(answers(extra)) as (channel, fake), RspClient(channel):
        pass
    assert fake.raw.endswith(b"+$QStartNoAckMode#b0+$qqemu.PhyMemMode#2c$?#3f")  # no + after that of the agreement


@pytest.mark.parametrize("replies", [{"?": "W00"}, {"?": ""}, {"?": "E01"}])
def test_handshake_refuses_what_is_no_machine(replies: dict[str, str | bytes | None]) -> None:
    with fakes.stub(answers(replies)) as (channel, _), pytest.raises(MachineError, match="no gdb stub"):
        RspClient(channel)


def test_handshake_notes_that_connecting_stopped_the_machine() -> None:
    stopped = b"+" + fakes.packet(b"T02thread:01;") + fakes.packet(b"PacketSize=80")
    with fakes.stub(answers({"qSupported": stopped})) as (channel, _), RspClient(channel) as client:
        assert client.stopped_by_connecting
    with fakes.stub(answers()) as (channel, _), RspClient(channel) as client:
        assert not client.stopped_by_connecting


def test_registers_by_name_and_width() -> None:
    extra = {"p0": "78563412", "p5c": "01000000", "p83": "0200000003000000", "Pf=04030201": "OK"}
    with fakes.stub(answers(extra)) as (channel, fake), RspClient(channel) as client:
        assert client.read_register("r0") == 0x12345678
        assert client.read_register("PAR") == 1
        assert client.read_register("PAR", 64) == 0x3_0000_0002
        client.write_register("pc", 0x01020304)
        assert fake.requests[-1] == "Pf=04030201"
        with pytest.raises(MachineError, match="describes no register SCTLR"):
            client.read_register("SCTLR")


@pytest.mark.parametrize("reply", ["", "E01", "xxxxxxxx", "1234", "123456789a"])
def test_register_that_is_not_given(reply: str) -> None:
    with fakes.stub(answers({"p0": reply})) as (channel, _), RspClient(channel) as client, pytest.raises(MachineError):
        client.read_register("r0")


def test_read_memory_in_packets_that_fit() -> None:
    data = bytes(range(200))

    def memory(request: str) -> str | bytes | None:
        if request.startswith("m"):
            address, size = (int(part, 16) for part in request[1:].split(","))
            assert size <= 0x40
            return data[address - 0x1000 :][:size].hex() or "E14"
        return answers()(request)

    with fakes.stub(memory) as (channel, fake), RspClient(channel) as client:
        assert client.read_memory(0x1000, 200) == data
        assert client.read_memory(0x1001, 0) == b""
        assert client.read_physical(0x1001, 3) == b"\1\2\3"
        assert client.read_physical(0x1002, 3) == b"\2\3\4"
        assert client.read_memory(0x1003, 3) == b"\3\4\5"
        modes = [request[-1] for request in fake.requests if request.startswith("Qqemu")]
        assert modes == ["1", "0"]
        with pytest.raises(AbsentMemoryError) as caught:
            client.read_memory(0x1000, 300)
        assert caught.value.address == 0x10C8


def test_write_memory_in_packets_that_fit() -> None:
    written: dict[int, int] = {}

    def memory(request: str) -> str | bytes | None:
        if request.startswith("M"):
            where, digits = request[1:].split(":")
            address, size = (int(part, 16) for part in where.split(","))
            if address >= 0x2000:
                return "E14"
            assert len(request) < 0x80
            assert size == len(digits) // 2
            written.update((address + i, value) for i, value in enumerate(bytes.fromhex(digits)))
            return "OK"
        return answers()(request)

    with fakes.stub(memory) as (channel, fake), RspClient(channel) as client:
        client.write_physical(0x1000, bytes(range(100)))
        assert bytes(written[0x1000 + i] for i in range(100)) == bytes(range(100))
        assert "Qqemu.PhyMemMode:1" in fake.requests
        with pytest.raises(AbsentMemoryError):
            client.write_memory(0x2000, b"x")


def test_physical_memory_of_a_stub_that_is_not_qemu() -> None:
    with (
        fakes.stub(answers(qemu=False)) as (channel, _),
        RspClient(channel) as client,
        pytest.raises(MachineError, match=r"Qqemu.PhyMemMode:1 is not supported"),
    ):
        client.read_physical(0, 4)


def test_physical_memory_beyond_32_bits() -> None:
    with fakes.stub(answers()) as (channel, fake), RspClient(channel) as client:
        for action in (lambda: client.read_physical(0xFFFFFFFF, 2), lambda: client.write_physical(1 << 32, b"x")):
            with pytest.raises(MachineError, match="reaches 32-bit physical addresses"):
                action()
        assert not [request for request in fake.requests if request[0] in "mM"]


def test_run_to_a_breakpoint_and_over_it() -> None:
    extra = {
        "Z0,1000,4": "OK",
        "z0,1000,4": "OK",
        "pf": "00100000",
        "c": "T05thread:p01.02;watch:1234;",
        "s": "T05thread:p01.02;",
    }
    with fakes.stub(answers(extra)) as (channel, fake), RspClient(channel) as client:
        assert client.resume() is None
        assert client.wait(5) == Stop(5, "p01.02", (("watch", "1234"),))
        with client.breakpoints(0x1000, 0x1000):
            # the pc never moves here, so the step over the breakpoint ends on it again
            assert client.resume() == Stop(5, "p01.02", ())
        assert [request for request in fake.requests if request[0] in "Zzcs"] == ["c", "Z0,1000,4", "s", "z0,1000,4"]


def test_wait_leaves_a_running_machine_as_it_is() -> None:
    with fakes.stub(answers({"c": None})) as (channel, fake), RspClient(channel) as client:
        client.resume()
        with pytest.raises(MachineTimeoutError):
            client.wait(0.02)
        assert client.running
        with pytest.raises(MachineError, match="the machine is running"):
            client.read_memory(0, 4)
        with pytest.raises(MachineTimeoutError):
            client.interrupt(0.02)
        assert bytes(fake.raw[-1:]) == b"\x03"


def test_wait_for_a_machine_that_ends() -> None:
    with fakes.stub(answers({"c": "W00"})) as (channel, _), RspClient(channel) as client:
        client.resume()
        with pytest.raises(MachineError, match="the machine ended"):
            client.wait(5)


def test_monitor_collects_what_is_printed() -> None:
    request = "qRcmd," + b"info status".hex()
    lines = b"+" + fakes.packet(b"O" + b"VM status:\r\n".hex().encode()) + fakes.packet(b"O" + b"paused".hex().encode())
    for reply, expected in [(lines + fakes.packet(b"OK"), "VM status:\npaused"), ("OK", ""), (b"hi".hex(), "hi")]:
        with fakes.stub(answers({request: reply})) as (channel, _), RspClient(channel) as client:
            assert client.monitor("info status") == expected
    for refusal in ("", "E01", "Ozz"):
        with (
            fakes.stub(answers({request: refusal})) as (channel, _),
            RspClient(channel) as client,
            pytest.raises(MachineError, match="monitor info status"),
        ):
            client.monitor("info status")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=12), min_size=1, max_size=6))
def test_client_takes_any_answers(replies: list[bytes]) -> None:
    count = 0

    def answer(request: str) -> str | bytes | None:
        nonlocal count
        if not count or request.startswith(("qSupported", "?")):
            count += request == "?"
            return answers()(request)
        count += 1
        return b"+" + fakes.packet(replies[count % len(replies)].translate(None, b"$#*}"))

    with fakes.stub(answer) as (channel, _):
        client = RspClient(channel)  # the handshake is answered; only what follows may stay without an answer
        client._timeout = 0.01
        for action in (
            lambda: client.read_memory(0, 300),
            lambda: client.read_register("r0"),
            lambda: client.monitor("x"),
            lambda: client.write_physical(0, b"x"),
            client.step,
        ):
            try:
                action()
            except (MachineError, AbsentMemoryError):
                client.running = False
