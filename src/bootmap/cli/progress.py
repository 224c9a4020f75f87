"""A progress bar on a terminal, and nothing anywhere else: one line that is written over and wiped at the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TextIO

from bootmap.output import SafeText, printable

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_WIDTH = 24
_INTERVAL = 0.1  # seconds between two writes


class Progress:
    """Counts steps up to ``total``; safe to call from several threads.

    Args:
        total: how many steps there will be.
        stream: where the bar is drawn, if that is a terminal.
    """

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = max(total, 1)
        self._stream = stream
        self._shown = stream.isatty()
        self._lock = threading.Lock()
        self._done = 0
        self._last = 0.0
        self._begun = time.monotonic()

    def step(self, note: str = "", by: int = 1) -> None:
        """``by`` steps are done; ``note`` stands behind the bar."""
        with self._lock:
            self._done += by
            now = time.monotonic()
            if self._shown and (now - self._last > _INTERVAL or self._done >= self._total):
                self._last = now
                filled = min(_WIDTH, _WIDTH * self._done // self._total)
                bar = "#" * filled + "." * (_WIDTH - filled)
                elapsed = now - self._begun
                note = printable(note)
                self._draw(f"\r[{bar}] {self._done}/{self._total} {elapsed:.0f} s {note}\x1b[K")

    def _draw(self, text: str) -> None:
        """Past the guard that lets no control sequence through."""
        write = self._stream.control if isinstance(self._stream, SafeText) else self._stream.write
        write(text)
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._done:
            self._draw("\r\x1b[K")
