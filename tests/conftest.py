"""What every test shares: reproducible Hypothesis runs, no nightly tests unless asked for, and the command itself."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import HealthCheck, settings
from support.browser import running_browser
from support.schemas import hold_text

from bootmap.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The same examples on every run, so that a change is to blame for a failure; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("repeat", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))
os.environ["COLUMNS"] = "100"  # of whatever terminal the tests run in


_echo = click.echo


def _held_echo(message: object = None, *args: Any, **options: Any) -> None:
    """As click's; a JSON document must be what its schema says (one that is written piece by piece, the test holds)."""
    if isinstance(message, str) and options.get("nl", True):
        hold_text(message)
    _echo(message, *args, **options)


click.echo = _held_echo


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "nightly" in config.getoption("markexpr", ""):
        return
    skip = pytest.mark.skip(reason="long; run with -m nightly")
    for item in items:
        if "nightly" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for all tests of a process: Playwright runs but once in it."""
    with running_browser() as found:
        yield found


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int | str | None, str, str]]:
    """Runs ``bootmap`` with these words: exit code, standard output, standard error, which holds no traceback."""

    def call(*words: object) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["bootmap", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return stop.value.code, out, err

    return call
