"""A session with a gdb stub: the agreement at its start, then one request, one answer.

Source: the gdb manual, appendix E.4 "General Query Packets" (qSupported, QStartNoAckMode).
Not here: the requests themselves (rsp.py) and their framing (packets.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import MachineError
from bootmap.image.channel import Channel, deadline_after
from bootmap.image.packets import PacketStream

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_DEFAULT_PACKET = 1024
_WINDOW = 16  # reads that are under way at once: more gain nothing, fewer wait for the other side


class RspSession:
    """What every request needs: the packets, the stub's features, and whether the machine runs.

    Attributes:
        name: the address, for messages.
        running: whether the machine was told to run and has not been seen to stop.
        stopped_by_connecting: whether the machine ran until the session began.
    """

    def __init__(self, channel: Channel, timeout: float) -> None:
        self.name = channel.name
        self.running = False
        self.stopped_by_connecting = False
        self._packets = PacketStream(channel)
        self._timeout = timeout
        self._window = 1
        try:
            self._features = self._handshake()
        except BaseException:
            self.close()
            raise
        self._packet_size = self._feature_number("PacketSize", _DEFAULT_PACKET)

    def close(self) -> None:
        """Drop the connection; a machine that is stopped stays stopped."""
        self._packets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _handshake(self) -> dict[str, str]:
        deadline = self._send(b"qSupported:swbreak+;hwbreak+;qXfer:features:read+")
        answer = self._packets.receive(deadline)
        if answer[:1] == b"T":  # QEMU reports the stop that the connection itself caused
            self.stopped_by_connecting = True
            answer = self._packets.receive(deadline)
        features = {}
        for entry in answer.decode("ascii", "replace").split(";"):
            name, equals, value = entry.partition("=")
            features[name if equals else entry[:-1]] = value if equals else entry[-1:]
        if features.get("QStartNoAckMode") == "+":
            self._command(b"QStartNoAckMode")
            self._packets.acknowledge = "never"
        if self._request(b"qqemu.PhyMemMode"):  # nobody but QEMU answers this
            self._window = _WINDOW
            if self._packets.acknowledge == "at once":
                self._packets.acknowledge = "late"
        if self._request(b"?")[:1] not in (b"T", b"S"):
            raise MachineError("what answers is no gdb stub of a machine that is up", file=self.name)
        return features

    def _feature_number(self, name: str, default: int) -> int:
        try:
            return max(64, min(int(self._features.get(name, ""), 16), 1 << 20))
        except ValueError:
            return default

    def _send(self, *payloads: bytes, timeout: float | None = None) -> float:
        if self.running:
            raise MachineError("the machine is running; it can be asked only when it is stopped", file=self.name)
        deadline = deadline_after(self._timeout if timeout is None else timeout)
        self._packets.send(deadline, *payloads)
        return deadline

    def _request(self, payload: bytes) -> bytes:
        return self._packets.receive(self._send(payload))

    def _command(self, payload: bytes) -> None:
        """A request that is answered with OK."""
        if (answer := self._request(payload)) != b"OK":
            raise self._odd(payload[:32].decode("ascii", "replace"), answer)

    def _odd(self, request: str, answer: bytes) -> MachineError:
        what = "is not supported" if not answer else f"was answered with {answer[:40]!r}"
        return MachineError(f"{request} {what}", file=self.name)
