#!/usr/bin/env python3
"""The half of bootmap's extension for crash that knows what to ask for; bootmap.c starts it and tells how they speak.

crash reads the pages that hold the kernel's page tables, from whatever it has open, and the command ``bootmap`` (on the
PATH, or BOOTMAP_COMMAND) reads those.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from bootmap_pages import EAE, PAGE, RefusedError, ask, table_pages

HELP = "walk ADDRESS..., tables [OPTION...], explain ADDRESS... or board BOARD OPTION...: see help bootmap"
KEPT = "BOOTMAP_BOARD"


class Crash:
    """What crash answers."""

    def root(self) -> tuple[int, bool]:
        """Where the kernel's page directory is, and whether its descriptors are long."""
        words = self._ask("root").split()
        if len(words) != 2:
            raise RefusedError("this kernel has no swapper_pg_dir: its page tables cannot be found")
        return int(words[0], 16), words[1] == "1"

    def value(self, word: str) -> int:
        """A symbol, or a number as crash reads them."""
        answer = self._ask(f"value {word}")
        if answer == "no":
            raise RefusedError(f"{word}: no symbol and no hexadecimal number")
        return int(answer, 16) & 0xFFFF_FFFF

    def page(self, address: int) -> bytes:
        """A page of physical memory, b"" where the dump has none."""
        size = int(self._ask(f"read {address:#x} {PAGE}"))
        return sys.stdin.buffer.read(size)

    def tell(self, what: str, text: str) -> None:
        """Give crash a text: for the user, to keep, or why not."""
        body = text.encode()
        sys.stdout.buffer.write(f"{what} {len(body)}\n".encode() + body)
        sys.stdout.buffer.flush()

    def _ask(self, line: str) -> str:
        sys.stdout.buffer.write(f"{line}\n".encode())
        sys.stdout.buffer.flush()
        answer = sys.stdin.buffer.readline()
        if not answer:
            sys.exit(1)  # crash is gone
        return answer.decode().strip()


def run(crash: Crash, words: list[str], pages: dict[int, bytes] | None = None) -> None:
    """Run the command bootmap and show what it says."""
    program, columns = shlex.split(os.environ.get("BOOTMAP_COMMAND", "bootmap")), shutil.get_terminal_size((100, 24))
    for text in ask(program, words, columns.columns, "export BOOTMAP_COMMAND before crash starts", pages, "the dump"):
        crash.tell("say", text)


def run_on_tables(crash: Crash, words: list[str]) -> None:
    """Run a command of bootmap on the kernel's page tables."""
    root, long = crash.root()
    ttbcr = EAE if long else 0
    pages = table_pages(crash.page, (root, 0), ttbcr)
    if not pages:
        raise RefusedError(f"swapper_pg_dir at {root:#x} is not in the dump")
    known = [f"--ttbr0={root:#x}", f"--ttbcr={ttbcr:#x}", *(["--arch=v7lpae"] if long else [])]
    run(crash, [words[0], *known, *words[1:]], pages)


def with_values(crash: Crash, words: list[str]) -> list[str]:
    """The addresses as numbers, and the options behind them as they are."""
    end = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    if not end:
        raise RefusedError("an address is missing")
    return [*(f"{crash.value(word):#x}" for word in words[:end]), *words[end:]]


def command(crash: Crash, words: list[str]) -> None:
    """One command of the user's."""
    match words:
        case ["walk", *rest]:
            run_on_tables(crash, ["walk", *with_values(crash, rest)])
        case ["tables", *options]:
            run_on_tables(crash, ["tables", *options])
        case ["explain", *rest]:
            board = shlex.split(os.environ.get(KEPT, ""))
            if not board:
                raise RefusedError("which board? bootmap board BOARD.dtb --config FILE --system-map FILE")
            run(crash, ["explain", *board, *with_values(crash, rest)])
        case ["board"]:
            crash.tell("say", f"{os.environ.get(KEPT) or 'no board'}\n")
        case ["board", *board]:
            crash.tell(f"keep {KEPT}", shlex.join(board))
        case _:
            raise RefusedError(HELP)


def main() -> None:
    """Serve one command."""
    crash = Crash()
    try:
        command(crash, sys.argv[1:])
    except RefusedError as error:
        crash.tell("refuse", str(error).removeprefix("bootmap: "))


if __name__ == "__main__":
    main()
