"""A small server for the loop edit - look: lists boards, shows their pages, draws them anew when a file changes.

It listens on the loopback interface only, answers GET only, and only requests that name this machine: a page of
another site cannot reach it by a name that it points here.  A board that cannot be read is a page with one line.
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct, field

import bootmap
from bootmap.errors import BootmapError, UsageError
from bootmap.explore.page import page_of
from bootmap.explore.sides import opened_side
from bootmap.output import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOST = "127.0.0.1"
_SOURCES = (".dtb", ".dts")
_MOST = 2000
"""Boards of one folder: a kernel's build tree has 1500."""
_HEAD = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>bootmap</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color-scheme:light dark}li{overflow-wrap:anywhere}code{white-space:pre-wrap}</style>"
)
_STAMP = "stamp"


class Boards(Struct):
    """The boards that are served, and their pages while they are the newest.

    Attributes:
        paths: the files, in the order of the list.
        options: what describes the kernel and the boards: arguments of :func:`bootmap.open`.
    """

    paths: Sequence[Path]
    options: Mapping[str, Any] = field(default_factory=dict)
    _kept: dict[Path, tuple[str, str]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def stamp(self, path: Path) -> str:
        """A text that is another one as soon as the board's file is."""
        try:
            found = path.stat()
        except OSError:
            return "gone"
        return f"{found.st_mtime_ns}-{found.st_size}"

    def page(self, number: int) -> str:
        """The page of a board, or what is wrong with it."""
        path = self.paths[number]
        with self._lock:
            stamp = self.stamp(path)
            kept = self._kept.get(path)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            try:
                page = self._drawn(path, number)
            except BootmapError as error:
                page = _failed(path, error, number)
            self._kept[path] = (stamp, page)
            return page

    def _drawn(self, path: Path, number: int) -> str:
        side = opened_side(str(path), **self.options)
        return page_of(side, live=f"/{number}/{_STAMP}")

    def index(self) -> str:
        """The list of boards."""
        rows = "".join(f'<li><a href="/{n}/">{_text(path.name)}</a></li>' for n, path in enumerate(self.paths))
        return f"{_HEAD}<h1>bootmap</h1><ul>{rows}</ul></html>"


def boards_of(words: Sequence[str], options: Mapping[str, Any]) -> Boards:
    """The boards that files and folders name; of a folder every .dtb, and every .dts that has none beside it.

    Raises:
        UsageError: there are none, or too many.
    """
    paths: list[Path] = []
    for word in words:
        path = Path(word)
        if not path.is_dir():
            if not path.is_file():
                raise UsageError(f"{word}: there is no such file or folder")
            paths.append(path)
            continue
        found = sorted(each for each in path.iterdir() if each.suffix in _SOURCES and each.is_file())
        paths += [each for each in found if each.suffix == ".dtb" or each.with_suffix(".dtb") not in found]
    if not paths:
        raise UsageError(f"{', '.join(words)}: holds no .dtb and no .dts")
    if len(paths) > _MOST:
        raise UsageError(f"{len(paths)} boards; name at most {_MOST}")
    return Boards(paths, options)


def _text(text: str) -> str:
    return escape(one_line(text))


def _failed(path: Path, error: BootmapError, number: int) -> str:
    """A page with what is wrong, which looks again by itself."""
    again = f'<meta http-equiv="refresh" content="2; url=/{number}/">'
    name, reason = _text(path.name), _text(str(error).replace(str(path), path.name))
    return f'{_HEAD}{again}<h1>{name}</h1><p role="alert"><code>{reason}</code></p><p><a href="/">boards</a></html>'


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = f"bootmap/{bootmap.__version__}"
    sys_version = ""

    def do_GET(self) -> None:
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if host not in ("127.0.0.1", "localhost"):
            self._answer(HTTPStatus.FORBIDDEN, "this server answers to this machine only")
            return
        boards, parts = self.server.boards, self.path.split("?")[0].strip("/").split("/")
        if parts == [""]:
            self._answer(HTTPStatus.OK, boards.index())
            return
        number = int(parts[0]) if parts[0].isdecimal() and len(parts[0]) < 6 else len(boards.paths)
        if number >= len(boards.paths) or parts[1:] not in ([], [_STAMP]):
            self._answer(HTTPStatus.NOT_FOUND, "there is no such board")
        elif parts[1:] == [_STAMP]:
            self._answer(HTTPStatus.OK, boards.stamp(boards.paths[number]), "text/plain")
        else:
            self._answer(HTTPStatus.OK, boards.page(number))

    def _answer(self, status: HTTPStatus, text: str, kind: str = "text/html") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: what counts is on the page."""


class Server(ThreadingHTTPServer):
    """The server of some boards on a port of the loopback interface; 0 takes a free one."""

    daemon_threads = True

    def __init__(self, boards: Boards, port: int = 0) -> None:
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UsageError(f"port {port} cannot be listened on: {error.strerror}; give another with --port") from None
        self.boards = boards

    @property
    def address(self) -> str:
        """Where it is to be found."""
        return f"http://{HOST}:{self.server_address[1]}/"


def serve(words: Sequence[str], options: Mapping[str, Any] | None = None, port: int = 0) -> Server:
    """A server of the boards that ``words`` name, ready for ``serve_forever``; a context manager that closes it.

    Args:
        words: files and folders.
        options: what describes the kernel and the boards: arguments of :func:`bootmap.open`.
        port: 0 takes a free one.

    Raises:
        UsageError: there are no boards, or the port is taken.
    """
    return Server(boards_of(words, options or {}), port)
