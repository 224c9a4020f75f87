"""A boot loader on QEMU's virt machine, spoken to over its console: U-Boot, or barebox.

Typed command, answer up to the next prompt; the machine ends when the payload switches it off, when the boot loader
resets it, or with the ``with`` block.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import TYPE_CHECKING

from bootmap.errors import MachineError, MachineTimeoutError, ToolMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

QEMU = "qemu-system-arm"
PROMPT = b"=> "
_HANGS = b"Please RESET the board ###"
RESETS = b"resetting ..."
"""What U-Boot says before it resets the machine."""
_STOP = b"stop autoboot"
CTRL_C = b"\x03"
BAREBOX_PROMPT = b"\x1b[0m "
SETTLE = 0.3
_MOST = 4 << 20
"""Bytes of console that are taken at most."""


class SilentError(MachineTimeoutError):
    """No prompt came in time; ``said`` is what came instead."""

    def __init__(self, message: str, said: bytes) -> None:
        super().__init__(message, file=QEMU)
        self.said = said.decode("latin-1")


class LoaderConsole:
    """A running boot loader.

    Args:
        words: QEMU's arguments that say what is run, and on how much RAM.
        stops: words behind which nothing is to be waited for any more.

    Attributes:
        banner: what it said until the first prompt.

    Raises:
        ToolMissingError: QEMU is not installed.
        MachineError: it does not come to a prompt.
    """

    NAME = ""

    def __init__(self, words: Sequence[str], stops: tuple[bytes, ...] = ()) -> None:
        self._stops = (_HANGS, *stops)
        common = ["-M", "virt", "-display", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none"]
        try:
            self._child = subprocess.Popen(
                [QEMU, *common, "-nic", "none", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise ToolMissingError(f"{QEMU} is not installed: boot loaders are run under QEMU") from None
        self._buffer = b""
        self.banner = ""
        try:
            self.banner = self._to_prompt().decode("latin-1")
        except BaseException:
            self.close()
            raise

    def _to_prompt(self) -> bytes:
        """Stop the countdown; what was said until the first prompt."""
        raise NotImplementedError

    def command(self, line: str, timeout: float = 120.0) -> str:
        """What is answered to ``line``, up to the next prompt or the machine's end.

        Raises:
            SilentError: neither comes.
        """
        self._send(line.encode("latin-1") + b"\r")
        answer = self._until(PROMPT, timeout, at_end=True, end_is_fine=True, or_else=self._stops).decode("latin-1")
        _, _, rest = answer.partition("\n")
        return rest.replace("\r", "").removesuffix(PROMPT.decode())

    @property
    def ended(self) -> bool:
        """Whether the machine has switched itself off or was reset."""
        return self._child.poll() is not None

    def close(self) -> None:
        """End the machine."""
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, data: bytes) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(data)
            self._child.stdin.flush()
        except BrokenPipeError:
            raise MachineError(self._last_words()) from None

    def _until(
        self,
        mark: bytes,
        timeout: float = 30.0,
        *,
        at_end: bool = False,
        end_is_fine: bool = False,
        or_else: tuple[bytes, ...] = (),
    ) -> bytes:
        """Read until ``mark`` was said (``at_end``: as the last thing), or one of ``or_else``; nothing twice."""
        assert self._child.stdout is not None
        file = self._child.stdout.fileno()
        deadline = time.monotonic() + timeout
        while not (self._buffer.endswith(mark) if at_end else mark in self._buffer) and not any(
            each in self._buffer for each in or_else
        ):
            ready, _, _ = select.select([file], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or len(self._buffer) > _MOST:
                said, self._buffer = self._buffer, b""
                raise SilentError(f"{self.NAME} gave no prompt within {timeout:g} s", said)
            data = os.read(file, 1 << 16)
            if not data:
                if end_is_fine:
                    self._child.wait(10)
                    break
                raise MachineError(self._last_words())
            self._buffer += data
        said, self._buffer = self._buffer, b""
        return said

    def _last_words(self) -> str:
        assert self._child.stderr is not None
        self._child.kill()
        said = self._child.stderr.read().decode("utf-8", "replace").strip().splitlines()
        return f"{QEMU} ended: {said[-1] if said else 'without a word'}"


class UBootConsole(LoaderConsole):
    """A running U-Boot.

    Args:
        binary: u-boot.bin, as QEMU's ``-bios`` takes it.
        memory: bytes of RAM.
        files: physical address -> file that is in RAM when the machine starts.
        more: further arguments of QEMU's.
        stops: words behind which nothing is to be waited for any more.

    Raises:
        ToolMissingError: QEMU is not installed.
        MachineError: it does not come to a prompt.
    """

    NAME = "U-Boot"

    def __init__(
        self,
        binary: Path,
        memory: int,
        files: Mapping[int, Path],
        more: tuple[str, ...] = (),
        stops: tuple[bytes, ...] = (),
    ) -> None:
        words = ["-m", f"{memory >> 10}k", "-bios", str(binary), *more]
        for address, path in files.items():
            words += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
        super().__init__(words, stops)

    def _to_prompt(self) -> bytes:
        said = self._until(_STOP)
        self._send(b" ")
        said += self._until(PROMPT, at_end=True)
        self._send(b"\r")  # whatever was typed at the countdown
        self._until(PROMPT, at_end=True)
        return said


class BareboxConsole(LoaderConsole):
    """A running barebox.

    Args:
        binary: barebox-dt-2nd.img, as QEMU's ``-kernel`` takes it.
        memory: bytes of RAM.
        disk: image of the disk that it finds; None for none.
        dtb: its own device tree, None for QEMU's.

    Raises:
        ToolMissingError: QEMU is not installed.
        MachineError: it does not come to a prompt.
    """

    NAME = "barebox"

    def __init__(self, binary: Path, memory: int, disk: Path | None = None, dtb: Path | None = None) -> None:
        words = ["-m", f"{memory >> 10}k", "-cpu", "cortex-a15", "-kernel", str(binary)]
        if disk is not None:
            words += ["-drive", f"if=none,file={disk},format=raw,id=disk", "-device", "virtio-blk-device,drive=disk"]
        super().__init__([*words, *(("-dtb", str(dtb)) if dtb is not None else ())])

    def command(self, line: str, timeout: float = 120.0) -> str:
        """Likewise; the blank in front is for barebox, which may drop the first key."""
        return super().command(f" {line}", timeout)

    def _to_prompt(self) -> bytes:
        said = self._until(_STOP)
        self._send(CTRL_C)
        said += self._until(BAREBOX_PROMPT, at_end=True)
        time.sleep(SETTLE)  # it drops keys while it looks for Ctrl-C
        self._send(b'\r\r PS1="' + PROMPT + b'"\r')
        said += self._until(b"\n" + PROMPT, at_end=True)
        return said
