"""The conversation with a boot loader, in a thread of its own: QEMU's gdb stub holds the machine meanwhile."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

from bootmap.errors import MachineError
from bootmap.verify.loader.barebox import telling
from bootmap.verify.loader.console import BAREBOX_PROMPT, CTRL_C, PROMPT, SETTLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_STOP = b"stop autoboot"
_SLICE = 0.2
_VERSIONS = ("U-Boot 2", "barebox 20")


class Talk:
    """The conversation, in a thread of its own: it goes on while the machine is held by its gdb stub.

    Args:
        path: of the socket that is the machine's serial port.
        changes: variables to set.

    Attributes:
        version: the line that the boot loader begins with.
        banner: all that it said up to its first prompt.
    """

    NAME = ""

    def __init__(self, path: str, changes: Mapping[str, str]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_SLICE)
        self._path = path
        self._changes = changes
        self._heard = b""
        self._typed = threading.Event()
        self._boots = threading.Event()
        self._ends = threading.Event()
        self._error: Exception | None = None
        self.version = self.banner = ""

    def __enter__(self) -> Self:
        self._socket.connect(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._boots.set()
        self._socket.close()

    def start(self, words: str) -> None:
        """Begin; the boot command waits for :meth:`go`."""
        threading.Thread(target=self._talk, args=(words,), daemon=True).start()

    def until_typed(self, timeout: float) -> None:
        """Wait until everything but the boot command is typed.

        Raises:
            MachineError: the boot loader does not come to its prompt.
        """
        if not self._typed.wait(timeout) or self._error is not None:
            raise MachineError(f"{self.NAME} gives no prompt: {self._error or 'no answer'}")

    def go(self) -> None:
        """Let the boot command be typed."""
        self._heard = b""
        self._boots.set()

    def said(self) -> list[str]:
        """What it said to the boot command so far, without the echo, up to the kernel's start."""
        text = self._heard.decode("latin-1").replace("\r", "").partition("\n")[2]
        return [line for line in text.partition("Starting kernel")[0].split("\n") if line.strip()]

    def answer(self, timeout: float) -> list[str]:
        """What it says to a boot command that it refuses."""
        self.go()
        for _ in range(int(timeout / _SLICE)):
            if self._heard.endswith(PROMPT) or b"resetting" in self._heard or b"RESET the board" in self._heard:
                break
            threading.Event().wait(_SLICE)
        return [line for line in self.said() if line != PROMPT.decode()]

    def _talk(self, words: str) -> None:
        try:
            self.banner = self._to_prompt()
            self.version = next(line for line in self.banner.splitlines() if line.startswith(_VERSIONS)).strip()
            self._prepare()
            self._typed.set()
            self._boots.wait()
            self._send(words + "\r")
            while not self._ends.is_set():
                self._hear()
        except (OSError, StopIteration, MachineError) as error:
            self._error = error
            self._typed.set()

    def _to_prompt(self) -> str:
        """Stop the countdown; what was said until the first prompt."""
        raise NotImplementedError

    def _prepare(self) -> None:
        """Type all that comes before the boot command."""
        raise NotImplementedError

    def _ask(self, line: str) -> str:
        self._heard = b""
        self._send(line + "\r")
        return self._until(PROMPT).partition("\n")[2].replace("\r", "").removesuffix(PROMPT.decode())

    def _send(self, text: str) -> None:
        self._socket.sendall(text.encode("latin-1"))

    def _hear(self) -> None:
        with contextlib.suppress(TimeoutError):
            data = self._socket.recv(1 << 16)
            if not data:
                raise MachineError("the console is closed")
            self._heard += data

    def _until(self, mark: bytes) -> str:
        while not (self._heard.endswith(mark) if mark.endswith(b" ") else mark in self._heard):
            if self._ends.is_set():
                raise MachineError("given up")
            self._hear()
        said, self._heard = self._heard.decode("latin-1"), b""
        return said


class UBootTalk(Talk):
    """With U-Boot.

    Attributes:
        bdinfo: what bdinfo says.
        printenv: what printenv says.
    """

    NAME = "U-Boot"

    def __init__(self, path: str, changes: Mapping[str, str]) -> None:
        super().__init__(path, changes)
        self.bdinfo = self.printenv = ""

    def _to_prompt(self) -> str:
        said = self._until(_STOP)
        self._send(" ")
        return said + self._until(PROMPT)

    def _prepare(self) -> None:
        self._ask("")
        self.bdinfo, self.printenv = self._ask("bdinfo"), self._ask("printenv")
        for name, value in self._changes.items():
            self._ask(f"setenv {name} {value}".strip())


class BareboxTalk(Talk):
    """With barebox, whose files are on its first virtio disk.

    Attributes:
        iomem: what iomem says.
        reset_source: what ``global.system.reset`` is; "" where the build has none.
        secure_state: what ``global.bootm.secure_state`` is; likewise.
    """

    NAME = "barebox"

    def __init__(self, path: str, changes: Mapping[str, str]) -> None:
        super().__init__(path, changes)
        self.iomem = self.reset_source = self.secure_state = ""

    def _to_prompt(self) -> str:
        said = self._until(_STOP)
        self._send(CTRL_C.decode())
        said += self._until(BAREBOX_PROMPT)
        time.sleep(SETTLE)  # it drops keys while it looks for Ctrl-C
        self._send('\r\r PS1="' + PROMPT.decode() + '"\r')
        return said + self._until(b"\n" + PROMPT)

    def _prepare(self) -> None:
        self.iomem = self._ask(" iomem")
        self.reset_source = self._ask(" echo $global.system.reset").strip()
        self.secure_state = self._ask(" echo $global.bootm.secure_state").strip()
        self._ask(" mount /dev/virtioblk0 /mnt")
        for name, value in self._changes.items():
            self._ask(f' global.{name}="{value}"')

    def said(self) -> list[str]:
        """Those lines that tell addresses."""
        return telling(self._heard.decode("latin-1").replace("\r", "").split("\n"))
