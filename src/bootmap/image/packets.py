"""The packet layer of gdb's remote serial protocol: framing, checksums, acknowledgements, escapes.

    $ payload # two hex digits of the sum      answered by + (taken) or - (say it again)

Source: the gdb manual, appendix E.1 "Overview" (packets, escape ``}``, run length ``*``).
Not here: what the packets mean (rsp.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from bootmap.errors import MachineError

if TYPE_CHECKING:
    from bootmap.image.channel import Channel

_MAX_PACKET = 1 << 20
_MAX_REPEATS = 3
_ESCAPED = re.compile(rb"\}(.)", re.DOTALL)
_REPEATED = re.compile(rb"(.)\*(.)", re.DOTALL)


class PacketStream:
    """Packets over a channel, which it owns.

    Attributes:
        acknowledge: when an arrived packet is acknowledged: ``at once``; ``late``, by whatever is sent next,
            which saves a wake-up where the stub takes the start of a packet for an acknowledgement, as
            QEMU does (gdbstub.c ``gdb_read_byte``); ``never``, once both sides have agreed on that.
    """

    def __init__(self, channel: Channel) -> None:
        self.name = channel.name
        self.acknowledge: Literal["at once", "late", "never"] = "at once"
        self._channel = channel
        self._buffer = bytearray()
        self._last = b""

    def send(self, deadline: float, *payloads: bytes) -> None:
        """Send packets in one go; a payload holds none of ``$ # } *``.  Several suit only ``late``."""
        self._last = b"".join(b"$%b#%02x" % (payload, sum(payload) & 0xFF) for payload in payloads)
        self._channel.send(b"+" + self._last if self.acknowledge == "late" else self._last, deadline)

    def send_break(self, deadline: float) -> None:
        """Send the one byte that stops a running machine."""
        self._channel.send(b"\x03", deadline)

    def receive(self, deadline: float) -> bytes:
        """The payload of the next packet, unescaped.

        Raises:
            MachineTimeoutError: none arrives before ``deadline``.
            MachineError: the connection is gone, or what arrives is no packet.
        """
        for _ in range(_MAX_REPEATS):
            payload, checksum = self._frame(deadline)
            if b"%02x" % (sum(payload) & 0xFF) == checksum.lower():
                if self.acknowledge == "at once":
                    self._channel.send(b"+", deadline)
                return _plain(payload)
            self._channel.send(b"-", deadline)
        raise MachineError("packets arrive with wrong checksums", file=self.name)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _frame(self, deadline: float) -> tuple[bytes, bytes]:
        repeats = 0
        while True:
            start = self._buffer.find(b"$")
            if b"-" in (self._buffer if start < 0 else self._buffer[:start]):
                repeats += 1
                if repeats > _MAX_REPEATS:
                    raise MachineError("the stub does not accept what is sent", file=self.name)
                self._channel.send(self._last, deadline)
            del self._buffer[: len(self._buffer) if start < 0 else start]
            end = self._buffer.find(b"#")
            if 0 <= end <= len(self._buffer) - 3:
                payload, checksum = bytes(self._buffer[1:end]), bytes(self._buffer[end + 1 : end + 3])
                del self._buffer[: end + 3]
                return payload, checksum
            if len(self._buffer) > _MAX_PACKET:
                raise MachineError(f"a packet of more than {_MAX_PACKET >> 20} MiB", file=self.name)
            self._buffer += self._channel.receive(deadline)


def _plain(payload: bytes) -> bytes:
    """Undo run lengths (``0* `` is ``0000``: the count is the byte less 29), then escapes."""
    if b"*" in payload:
        payload = _REPEATED.sub(lambda match: match[1] * (1 + max(0, match[2][0] - 29)), payload)
    if b"}" in payload:
        payload = _ESCAPED.sub(lambda match: bytes([match[1][0] ^ 0x20]), payload)
    return payload
