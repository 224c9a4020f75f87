from __future__ import annotations

import pytest
from support import fakes

from bootmap.errors import MachineError, MachineTimeoutError
from bootmap.image.qmp import QmpClient


def nothing(command: str, arguments: dict[str, object]) -> list[object]:
    return []


def test_execute_returns_what_the_command_returns() -> None:
    def answer(command: str, arguments: dict[str, object]) -> list[object]:
        assert (command, arguments) == ("human-monitor-command", {"command-line": "info status"})
        return [{"event": "RESUME"}, {"return": "running\r\nyes\r\n"}]

    with fakes.qmp(answer) as channel, QmpClient(channel) as client:
        assert client.version == (8, 2, 1)
        assert client.monitor("info status") == "running\nyes\n"
        assert [event["event"] for event in client.events] == ["RESUME"]


def test_execute_passes_over_an_answer_that_came_too_late() -> None:
    with fakes.qmp(lambda c, a: [b'{"return": "old", "id": 99}\n', {"return": "new"}]) as channel:
        assert QmpClient(channel).execute("x") == "new"


def test_execute_tells_what_qemu_refuses() -> None:
    error = {"error": {"class": "GenericError", "desc": "Could not open 'x'"}}
    with fakes.qmp(lambda c, a: [error]) as channel, pytest.raises(MachineError) as caught:
        QmpClient(channel).execute("pmemsave", val=0)
    assert str(caught.value) == "qmp: QMP command pmemsave: Could not open 'x'"


@pytest.mark.parametrize(
    "noise", [b"no json\n", b"[" * 100000 + b"\n", b"[1]\n", b'{"error": 3}\n', b"\xff\xfe\n", b'"x"\n', b"\n"]
)
def test_execute_refuses_what_is_not_qmp(noise: bytes) -> None:
    with fakes.qmp(lambda c, a: [noise]) as channel, pytest.raises(MachineError):
        QmpClient(channel).execute("x")


def test_execute_without_an_answer() -> None:
    with fakes.qmp(nothing) as channel, pytest.raises(MachineTimeoutError):
        QmpClient(channel).execute("x", timeout=0.05)


def test_greeting_that_does_not_come() -> None:
    with fakes.qmp(nothing, greeting=b"") as channel, pytest.raises(MachineTimeoutError, match="serves one client"):
        QmpClient(channel, timeout=0.05)


@pytest.mark.parametrize("greeting", [b"SSH-2.0\r\n", b"{}\n", b'{"QMP": {"version": {"qemu": 3}}}\n'])
def test_greeting_of_something_else(greeting: bytes) -> None:
    with fakes.qmp(nothing, greeting=greeting) as channel, pytest.raises(MachineError):
        QmpClient(channel, timeout=1)


def test_a_line_beyond_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootmap.image.qmp._MAX_LINE", 1 << 16)
    with (
        fakes.qmp(lambda c, a: [b"x" * (1 << 18)]) as channel,
        pytest.raises(MachineError, match="a line of more than"),
    ):
        QmpClient(channel).execute("x")
