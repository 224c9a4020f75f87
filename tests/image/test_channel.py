from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from bootmap.errors import MachineError, MachineTimeoutError, UsageError
from bootmap.image.channel import Channel, deadline_after

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["unix:{}", "{}"])
def test_connect_to_a_unix_socket(tmp_path: Path, form: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        channel = Channel.connect(form.format(tmp_path / "s"), 5)
        peer, _ = server.accept()
        peer.sendall(b"hello")
        assert channel.receive(deadline_after(5)) == b"hello"
        channel.close()
        channel.close()
        peer.close()


@pytest.mark.parametrize("form", ["tcp:127.0.0.1:{}", "127.0.0.1:{}", ":{}", "localhost:{}"])
def test_connect_over_tcp(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = Channel.connect(form.format(server.getsockname()[1]), 5)
        channel.send(b"x", deadline_after(5))
        peer, _ = server.accept()
        assert peer.recv(1) == b"x"
        peer.close()
        with pytest.raises(MachineError, match="closed the connection"):
            channel.receive(deadline_after(5))
        channel.close()


@pytest.mark.parametrize("address", ["", "host", "host:", "host:0", "host:65536", "tcp:x", "unix:", "a:b:c", "host:²"])
def test_connect_refuses_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        Channel.connect(address, 5)


def test_connect_where_nobody_listens(tmp_path: Path) -> None:
    for address in (f"unix:{tmp_path}/none", f"unix:{tmp_path}/{'x' * 200}", "unix:/a\0b", "127.0.0.1:1"):
        with pytest.raises(MachineError) as caught:
            Channel.connect(address, 5)
        assert str(caught.value).startswith(f"{address}: cannot connect")


def test_receive_and_send_end_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours, "peer")
    with pytest.raises(MachineTimeoutError, match="peer: no answer in time"):
        channel.receive(deadline_after(0.01))
    with pytest.raises(MachineTimeoutError, match="peer: does not take what is sent"):
        channel.send(bytes(1 << 24), deadline_after(0.05))
    theirs.close()
    with pytest.raises(MachineError, match=r"connection"):
        channel.receive(deadline_after(1))
    with pytest.raises(MachineError, match="the connection is gone"):
        channel.send(b"x", deadline_after(1))
    channel.close()
    with pytest.raises(MachineError, match="the connection is gone"):
        channel.receive(deadline_after(1))


def test_receive_takes_what_has_arrived_after_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"late")
    channel = Channel(ours, "peer")
    assert channel.receive(deadline_after(-1)) == b"late"
    channel.close()
    theirs.close()
