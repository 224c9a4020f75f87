"""How long, and how much memory, one board may take."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class OutOfTimeError(BaseException):
    """A board took longer than it may; no ``Exception``, so that nothing on the way takes it for one of its own."""


class Limits(Struct, frozen=True):
    """What one board may take.

    Attributes:
        seconds: of time; 0 for as long as it likes.
        memory: bytes above what a worker has when it starts; 0 for no limit.
    """

    seconds: float = 60.0
    memory: int = 1024 * MIB


@contextlib.contextmanager
def limited_time(seconds: float) -> Iterator[None]:
    """Let the block run that long.

    Raises:
        OutOfTimeError: it ran longer.
    """
    if not seconds:
        yield
    elif threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _watchdog(seconds):
            yield


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _rung)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _rung(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError


@contextlib.contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """The same in a thread, where no signal arrives: another one throws the exception into it."""
    me = threading.get_ident()
    lock = threading.Lock()
    over = False

    def ring() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(me), ctypes.py_object(OutOfTimeError))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()


def limit_memory(more: int) -> None:
    """Let this process take ``more`` bytes than it has now; where the system has no such limit, nothing."""
    if not more or not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = now + more if hard == resource.RLIM_INFINITY else min(hard, now + more)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


_limited = 0
_limiting = threading.Lock()


@contextlib.contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let the process take ``more`` bytes than it has now while the block runs, or another thread's such block.

    The limit is the process's: of threads that work at the same time, the first sets it and the last lifts it.
    """
    global _limited
    with _limiting:
        if not _limited:
            limit_memory(more)
        _limited += 1
    try:
        yield
    finally:
        with _limiting:
            _limited -= 1
            if not _limited:
                _lift_memory_limit(more)


def _lift_memory_limit(more: int) -> None:
    if more and sys.platform.startswith("linux"):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
