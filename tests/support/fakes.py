"""The other ends of the two protocols, as far as the tests need them, each in a thread of its own.

They frame and check packets with code of their own, so that a mistake in the clients does not cancel out.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator

from bootmap.image.channel import Channel

Answer = Callable[[str], "str | bytes | None"]


def packet(payload: bytes) -> bytes:
    return b"$" + payload + b"#" + f"{sum(payload) % 256:02x}".encode()


class FakeStub:
    """A gdb stub: ``answer(request)`` gives the payload to reply with, bytes to send as they are, or None."""

    def __init__(self, connected: socket.socket, answer: Answer) -> None:
        self.requests: list[str] = []
        self.raw = bytearray()
        self._socket = connected
        self._answer = answer

    def run(self) -> None:
        buffer = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            self.raw += data
            buffer += data
            while (end := buffer.find(b"#")) >= 0 and len(buffer) >= end + 3:
                payload = buffer[buffer.index(b"$") + 1 : end]
                assert int(buffer[end + 1 : end + 3], 16) == sum(payload) % 256
                buffer = buffer[end + 3 :]
                self.requests.append(payload.decode())
                reply = self._answer(payload.decode())
                if isinstance(reply, str):
                    self._socket.sendall(b"+" + packet(reply.encode("latin-1")))
                elif reply is not None:
                    self._socket.sendall(reply)


@contextlib.contextmanager
def stub(answer: Answer) -> Iterator[tuple[Channel, FakeStub]]:
    ours, theirs = socket.socketpair()
    fake = FakeStub(theirs, answer)
    with _served(fake.run, ours, theirs):
        yield Channel(ours, "stub"), fake


@contextlib.contextmanager
def qmp(answer: Callable[[str, dict[str, object]], list[object]], greeting: bytes | None = None) -> Iterator[Channel]:
    """A QMP monitor: ``answer(command, arguments)`` gives the messages to send back, ``id`` is added."""
    ours, theirs = socket.socketpair()
    hello = {"QMP": {"version": {"qemu": {"micro": 1, "minor": 2, "major": 8}, "package": ""}, "capabilities": []}}

    def serve() -> None:
        with contextlib.suppress(OSError), theirs.makefile("rb") as lines:
            theirs.sendall(json.dumps(hello).encode() + b"\r\n" if greeting is None else greeting)
            for line in lines:
                request = json.loads(line)
                command, arguments = request["execute"], request.get("arguments", {})
                messages = [{"return": {}}] if command == "qmp_capabilities" else answer(command, arguments)
                for message in messages:
                    if isinstance(message, bytes):
                        theirs.sendall(message)
                    else:
                        assert isinstance(message, dict)
                        extra = {} if "event" in message else {"id": request["id"]}
                        theirs.sendall(json.dumps(message | extra).encode() + b"\r\n")

    with _served(serve, ours, theirs):
        yield Channel(ours, "qmp")


@contextlib.contextmanager
def _served(serve: Callable[[], None], ours: socket.socket, theirs: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)
        ours.close()
        thread.join(5)
        theirs.close()
