from __future__ import annotations

import contextlib
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.errors import MachineError
from bootmap.image.channel import Channel, deadline_after
from bootmap.image.packets import PacketStream


def received(*chunks: bytes) -> tuple[bytes, bytes]:
    """What a stream makes of bytes that arrive, and what it sends back."""
    ours, theirs = socket.socketpair()
    stream = PacketStream(Channel(ours, "stub"))
    try:
        theirs.sendall(b"".join(chunks))
        theirs.shutdown(socket.SHUT_WR)
        payload = stream.receive(deadline_after(1))
        stream.close()
        return payload, theirs.recv(4096)
    finally:
        ours.close()
        theirs.close()


@pytest.mark.parametrize(
    ("wire", "payload"),
    [
        (b"$OK#9a", b"OK"),
        (b"+$OK#9A", b"OK"),
        (b"garbage+$OK#9a", b"OK"),
        (b"$#00", b""),
        # the gdb manual's example of a run length: "0* " is "0000"
        (b"$0* #7a", b"0000"),
        # an escaped "#": 0x7d, then 0x23 ^ 0x20
        (b"$}\x03#80", b"#"),
    ],
)
def test_receive(wire: bytes, payload: bytes) -> None:
    assert received(wire) == (payload, b"+")


def test_receive_asks_again_after_a_wrong_checksum() -> None:
    assert received(b"$OK#00", b"$OK#9a") == (b"OK", b"-+")


@pytest.mark.parametrize("wire", [b"", b"$OK#00" * 5, b"$OK", b"-" * 1000, b"$" + b"x" * (2 << 20)], ids=range(5))
def test_receive_gives_up(wire: bytes) -> None:
    with pytest.raises(MachineError):
        received(wire) if len(wire) < 1 << 16 else _flooded(wire)


def _flooded(wire: bytes) -> None:
    import threading

    ours, theirs = socket.socketpair()
    sender = threading.Thread(target=lambda: _ignore_errors(theirs, wire))
    sender.start()
    try:
        PacketStream(Channel(ours, "stub")).receive(deadline_after(5))
    finally:
        ours.close()
        sender.join()
        theirs.close()


def _ignore_errors(theirs: socket.socket, wire: bytes) -> None:
    with contextlib.suppress(OSError):
        theirs.sendall(wire)


def test_send_says_it_again_when_asked() -> None:
    ours, theirs = socket.socketpair()
    stream = PacketStream(Channel(ours, "stub"))
    stream.send(deadline_after(1), b"m0,4")
    theirs.sendall(b"-+$00000000#80")
    assert stream.receive(deadline_after(1)) == b"00000000"
    assert theirs.recv(4096) == b"$m0,4#fd$m0,4#fd+"
    stream.close()
    theirs.close()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_receive_takes_any_bytes(wire: bytes) -> None:
    with contextlib.suppress(MachineError):
        received(wire)
