"""A byte stream to a running machine: a Unix or TCP socket with a deadline on every operation.

Addresses are written as QEMU and gdb write them:

    unix:/run/qmp.sock    /run/qmp.sock    tcp:host:1234    host:1234    :1234    [::1]:1234

Not here: what is said over the stream (qmp.py, rsp.py).
"""

from __future__ import annotations

import contextlib
import socket
import time

from bootmap.errors import MachineError, MachineTimeoutError, UsageError

_BLOCK = 1 << 16


class Channel:
    """A connected stream socket; ``name`` is what errors call it.  The channel owns the socket."""

    def __init__(self, connected: socket.socket, name: str) -> None:
        self.name = name
        self._socket = connected

    @classmethod
    def connect(cls, address: str, timeout: float) -> Channel:
        """Connect to ``address`` within ``timeout`` seconds.

        Raises:
            UsageError: the address cannot be read.
            MachineError: nobody listens there.
        """
        path, host, port = _parsed(address)
        try:
            if path is not None:
                connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    connected.settimeout(timeout)
                    connected.connect(path)
                except BaseException:
                    connected.close()
                    raise
            else:
                connected = socket.create_connection((host, port), timeout)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            raise MachineTimeoutError(f"no connection within {timeout:g} s", file=address) from None
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            raise MachineError(f"cannot connect: {getattr(error, 'strerror', None) or error}", file=address) from None
        return cls(connected, address)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of ``data`` before ``deadline`` (`time.monotonic` seconds).

        Raises:
            MachineTimeoutError: the other side does not take it.
            MachineError: the connection is gone.
        """
        try:
            self._socket.settimeout(_remaining(deadline))
            self._socket.sendall(data)
        except TimeoutError:
            raise MachineTimeoutError("does not take what is sent", file=self.name) from None
        except OSError as error:
            raise MachineError(f"the connection is gone: {error.strerror or error}", file=self.name) from None

    def receive(self, deadline: float) -> bytes:
        """What arrives next before ``deadline``: at least one byte, at most 64 KiB.

        Raises:
            MachineTimeoutError: nothing arrives.
            MachineError: the connection is gone.
        """
        try:
            self._socket.settimeout(_remaining(deadline))
            data = self._socket.recv(_BLOCK)
        except TimeoutError:
            raise MachineTimeoutError("no answer in time", file=self.name) from None
        except OSError as error:
            raise MachineError(f"the connection is gone: {error.strerror or error}", file=self.name) from None
        if not data:
            raise MachineError("the other side closed the connection", file=self.name)
        return data

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        with contextlib.suppress(OSError):
            self._socket.close()


def deadline_after(seconds: float) -> float:
    """The `time.monotonic` moment ``seconds`` from now."""
    return time.monotonic() + seconds


def _remaining(deadline: float) -> float:
    # A deadline that has passed still lets what has already arrived be taken; 0 would mean "do not block".
    return max(deadline - time.monotonic(), 1e-6)


def _parsed(address: str) -> tuple[str | None, str, int]:
    """Split an address into (path of a Unix socket or None, host, port)."""
    kind, _, rest = address.partition(":")
    if kind == "unix" and rest:
        return rest, "", 0
    if address.startswith("/"):
        return address, "", 0
    host, colon, port = (rest if kind == "tcp" else address).rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 1 << 16:
        raise UsageError(f"{address!r} is no address: expected unix:PATH, HOST:PORT or :PORT")
    return None, host.strip("[]") or "localhost", int(port)
