"""Answers by the content of what was asked: one SQLite file, each answer with its checksum."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, sum BLOB NOT NULL, lines BLOB NOT NULL)"
_EVERY = 256
"""Answers that are written together."""


@cache
def engine_hash() -> str:
    """SHA-256 of bootmap's own source: another version answers anew."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def usual_place() -> str:
    """Where the cache is when nobody says."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "bootmap", "sweep.sqlite")


class Cache:
    """Lines of rows by key.  A file that cannot be used is set aside; an entry that is damaged is dropped.

    Args:
        path: the file; None for a cache that holds nothing.

    Attributes:
        problems: what was wrong with it, a sentence each.
        damaged: entries whose checksum did not hold.
    """

    def __init__(self, path: str | None) -> None:
        self.problems: list[str] = []
        self.damaged = 0
        self._waiting: list[tuple[str, bytes, bytes]] = []
        self._base: sqlite3.Connection | None = None
        self._path = path
        if path is not None:
            self._base = self._opened(path)

    def _opened(self, path: str) -> sqlite3.Connection | None:
        try:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            for again in (True, False):
                base = sqlite3.connect(path, timeout=30)
                try:
                    base.execute("PRAGMA journal_mode=WAL")
                    base.execute("PRAGMA synchronous=NORMAL")
                    base.execute(_TABLE)
                    return base
                except sqlite3.DatabaseError as error:
                    base.close()
                    if isinstance(error, sqlite3.OperationalError) or not again:
                        raise
                    os.replace(path, f"{path}.damaged")
                    self.problems.append(f"the cache {path} is damaged ({error}); it was moved to {path}.damaged")
        except (OSError, sqlite3.Error) as error:
            self.problems.append(f"the cache {path} cannot be used: {error}")
        return None

    def get(self, key: str) -> bytes | None:
        """The lines that were kept for ``key``; None where there are none, or damaged ones."""
        if self._base is None:
            return None
        try:
            found = self._base.execute("SELECT sum, lines FROM answers WHERE key = ?", (key,)).fetchone()
            if found is None:
                return None
            total, lines = found
            if isinstance(lines, bytes) and _sum(key, lines) == total:
                return lines
            self.damaged += 1
            self._base.execute("DELETE FROM answers WHERE key = ?", (key,))
        except sqlite3.Error as error:
            self._gone(error)
        return None

    def put(self, key: str, lines: bytes) -> None:
        """Keep ``lines``."""
        self._waiting.append((key, _sum(key, lines), lines))
        if len(self._waiting) >= _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if self._base is None or not waiting:
            return
        try:
            with self._base:
                self._base.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", waiting)
        except sqlite3.Error as error:
            self._gone(error)

    def _gone(self, error: sqlite3.Error) -> None:
        self.problems.append(f"the cache {self._path} cannot be used any more: {error}")
        base, self._base = self._base, None
        if base is not None:
            base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if self._base is not None:
            with contextlib.suppress(sqlite3.Error):
                self._base.commit()
            self._base.close()


def _sum(key: str, lines: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + lines).digest()
