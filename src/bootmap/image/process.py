"""A child process that cannot outlive us, and the private directory that goes with it.

A guard, a small shell, leads the child's process group and reads from a pipe that only we hold.  However we
end (return, exception, SIGTERM, SIGKILL), the pipe closes; the guard then ends the group and removes the
directory.  Ctrl-C at the terminal reaches us and not the group.  Not here: what the child is told to do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_GUARD = 'trap "" TERM; read -r _; kill -TERM 0; sleep 0.5; rm -rf -- "$1"; kill -KILL 0'
_STDERR = "stderr"


class GuardedProcess:
    """A program that runs for the length of a ``with`` block, with a private directory of its own.

    Args:
        program: its file.
        pass_fds: file descriptors that it inherits.

    Attributes:
        directory: path of the directory, mode 0700, that vanishes with the process.

    Raises:
        OSError: the directory cannot be made.
    """

    def __init__(self, program: str, *, pass_fds: Sequence[int] = ()) -> None:
        self._program = program
        self._pass_fds = pass_fds
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.directory = tempfile.mkdtemp(prefix="bootmap-")

    def start(self, arguments: Sequence[str]) -> None:
        """Start the program with ``arguments``; its standard error goes to a file, its output nowhere.

        Raises:
            OSError: it cannot be started.
        """
        # The guard comes first and leads the group, so that there is no moment without it.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", self.directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        with open(self.path(_STDERR), "wb") as stderr:
            self._child = subprocess.Popen(
                [self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=self._pass_fds,
                process_group=self._guard.pid,
                env=os.environ | {"QEMU_AUDIO_DRV": "none"},
            )

    def path(self, name: str) -> str:
        """Path of a file in the private directory."""
        return os.path.join(self.directory, name)

    @property
    def pid(self) -> int:
        """The program's process id, 0 before it is started."""
        return self._child.pid if self._child else 0

    def exit_status(self, timeout: float = 0.0) -> int | None:
        """The status with which it ended (negative: a signal), None if it does not within ``timeout`` seconds."""
        if self._child is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._child.wait(timeout)
        return None

    def last_words(self) -> str:
        """How it ended, and the last lines that it wrote to standard error."""
        try:
            with open(self.path(_STDERR), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        said = "; ".join(line.strip().removeprefix(f"{self._program}: ") for line in lines[-3:] if line.strip())
        return f"ended with status {self.exit_status()}: {said or 'without a word'}"

    def close(self) -> None:
        """End the process and everything that it started, and remove the directory."""
        with contextlib.ExitStack() as last:
            last.callback(shutil.rmtree, self.directory, ignore_errors=True)
            for process in (self._child, self._guard):
                if process is not None:
                    last.callback(_reap, process)
            if self._guard is not None:
                # The guard has not been waited for, so the group's number is still its own.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._guard.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reap(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
