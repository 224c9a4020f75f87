"""QMP, the QEMU Machine Protocol: one JSON object per line, a command at a time.

Source: QEMU docs/interop/qmp-spec.txt.  Events that arrive between answers are kept, the last few of them.
Not here: out-of-band commands, and what the commands mean.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from bootmap.errors import MachineError, MachineTimeoutError
from bootmap.image.channel import Channel, deadline_after

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_MAX_LINE = 64 << 20  # the longest answers are listings of the human monitor; this is only a bound
_EVENTS_KEPT = 256


class QmpClient:
    """A QMP session over a connected channel, which it owns.

    Attributes:
        name: the address, for messages.
        version: QEMU's version as (major, minor, micro).
        events: the latest events, oldest first, as QEMU sent them.

    Raises:
        MachineTimeoutError: no greeting within ``timeout`` seconds.
        MachineError: what answers does not speak QMP.
    """

    def __init__(self, channel: Channel, timeout: float = 10.0) -> None:
        self.name = channel.name
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS_KEPT)
        self._channel = channel
        self._timeout = timeout
        self._buffer = bytearray()
        self._commands = 0
        try:
            self.version = self._greeting()
            self.execute("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    @classmethod
    def connect(cls, address: str, timeout: float = 10.0) -> QmpClient:
        """Connect to ``address`` (see `bootmap.image.channel`); every operation then gets ``timeout`` seconds."""
        return cls(Channel.connect(address, timeout), timeout)

    def execute(self, command: str, *, timeout: float | None = None, **arguments: object) -> Any:
        """Run a command and return what it returns; ``_`` in the names of ``arguments`` stands for ``-``.

        Raises:
            MachineError: QEMU refuses it, or the connection is gone.
            MachineTimeoutError: no answer in time; the session is of no more use then.
        """
        self._commands += 1
        request: dict[str, object] = {"execute": command, "id": self._commands}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        deadline = deadline_after(self._timeout if timeout is None else timeout)
        self._channel.send(json.dumps(request).encode() + b"\n", deadline)
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._commands and "return" in answer:
                return answer["return"]
            if "error" in answer:
                error = answer["error"]
                what = error.get("desc") if isinstance(error, dict) else error
                raise MachineError(f"QMP command {command}: {what}", file=self.name)

    def monitor(self, line: str, *, timeout: float | None = None) -> str:
        """Run a line of the human monitor and return what it prints, newlines as in Unix.

        Raises:
            MachineError: as for `execute`; a line that the monitor itself refuses is its answer, not an error.
        """
        answer = self.execute("human-monitor-command", command_line=line, timeout=timeout)
        if not isinstance(answer, str):
            raise MachineError("the human monitor answered with something that is no text", file=self.name)
        return answer.replace("\r\n", "\n")

    def close(self) -> None:
        """End the session; QEMU goes on."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _greeting(self) -> tuple[int, int, int]:
        try:
            greeting = self._receive(deadline_after(self._timeout))
        except MachineTimeoutError:
            raise MachineTimeoutError(
                f"no QMP greeting within {self._timeout:g} s; a monitor serves one client, is another connected?",
                file=self.name,
            ) from None
        try:
            qemu = greeting["QMP"]["version"]["qemu"]
            return int(qemu["major"]), int(qemu["minor"]), int(qemu["micro"])
        except (KeyError, TypeError, ValueError):
            raise MachineError("the greeting is not QMP's", file=self.name) from None

    def _receive(self, deadline: float) -> dict[str, Any]:
        """The next message that is not an event."""
        while True:
            line = self._line(deadline)
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                raise MachineError(f"expected a line of JSON, got {line[:60]!r}", file=self.name) from None
            if not isinstance(message, dict):
                raise MachineError(f"expected a JSON object, got {line[:60]!r}", file=self.name)
            if "event" not in message:
                return message
            self.events.append(message)

    def _line(self, deadline: float) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _MAX_LINE:
                raise MachineError(f"a line of more than {_MAX_LINE >> 20} MiB", file=self.name)
            self._buffer += self._channel.receive(deadline)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line
