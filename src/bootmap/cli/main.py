"""The command ``bootmap``: finds the subcommand, and turns what went wrong into one line and an exit code.

A subcommand's module is imported only when it is called, so that no command pays for another.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

import click

from bootmap import __version__
from bootmap.errors import BootmapError
from bootmap.output import OutputError, ReaderGoneError, guarded_streams, one_line

# subcommand -> (module in cli/commands, one line for the list of commands)
_COMMANDS = {
    "predict": ("predict", "Does it boot, where is what, and the page tables byte for byte."),
    "plan": ("plan", "Where U-Boot puts everything, whether that boots, and addresses that are safe."),
    "check": ("check", "What is wrong with a board, and what to change; each change is proven."),
    "layout": ("layout", "What lies where in RAM when the kernel starts: the load map."),
    "explain": ("explain", "From an address back to the device tree, and down the page tables."),
    "explore": ("explore", "One HTML file: see the memory, step through the boot, ask why."),
    "draw": ("draw", "The memory map as a drawing, for documents."),
    "serve": ("serve", "The pages of boards on a local server, drawn anew when a board changes."),
    "walk": ("walk", "Walk the page tables for an address as the CPU does, step by step."),
    "tables": ("tables", "List everything that page tables map, merged, in several formats."),
    "diff": ("diff", "What changed between two sets of page tables."),
    "audit": ("audit", "What is wrong with page tables: rights, memory types, aliases, halves."),
    "mem-types": (
        "mem_types",
        "The memory types of this CPU and kernel, and how they came about.",
    ),
    "features": ("features", "Which rules apply to a kernel version and configuration, and why."),
    "memblock": ("memblock", "Run memblock operations and print the state after each."),
    "diagnose": ("diagnose", "What happened on a board's console, why, and what to change."),
    "collect": ("collect", "A shell script that gathers on a running board what diagnose and verify read."),
    "verify": ("verify", "Hold a prediction against what a real kernel did."),
    "locate": ("locate", "Find page tables in a dump of memory, without any hint."),
    "oops": ("oops", "What an ARM oops says of the page tables."),
    "sweep": ("sweep", "Every board with every kernel, and what changed between two of them."),
    "sweep-diff": ("sweep_diff", "What changed between two sweeps, grouped by cause."),
    "record": ("record", "Boot a real kernel under QEMU and keep what was read."),
    "findings": ("findings", "Memory maps that kill real kernels: see, avoid and report each."),
    "fuzz": ("fuzz", "Hunt for memory maps in which bootmap or the kernel is wrong."),
    "schema": ("schema", "The JSON Schema of what a command prints."),
}

_LONGEST_MESSAGE = 2000
_READER_GONE = 128 + 13  # what a shell says of a program that SIGPIPE ended


class _Commands(click.Group):
    """A click group whose subcommands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"bootmap.cli.commands.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bootmap")
def cli() -> None:
    """See how Linux will map a 32-bit ARM board's memory before it boots, byte for byte.

    Exit codes: 0 answered and it boots; 1 a finding; 2 usage; 3 unreadable or malformed input;
    4 a needed tool is missing; 141 nobody reads the output any more.
    """


def main() -> None:
    """Entry point of the ``bootmap`` script; never returns."""
    # numpy's linear algebra starts a thread a core when it is loaded; nothing here ever uses it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = _READER_GONE
    with contextlib.suppress(ReaderGoneError):
        try:
            with guarded_streams():
                code = _run()
        except OutputError as error:  # noticed when the last of it was written
            print(f"bootmap: {error}", file=sys.stderr)
            code = error.exit_code
    sys.exit(code)


def _run() -> int:
    """The command itself: its exit code, and one line where it went wrong."""
    try:
        code = cli.main(standalone_mode=False)
    except BootmapError as error:
        message = one_line(str(error))
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}... (and {len(message) - _LONGEST_MESSAGE} characters more)"
        print(f"bootmap: {message}", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("bootmap: interrupted", file=sys.stderr)
        return 130
    except MemoryError:
        print("bootmap: there is not enough memory for this input", file=sys.stderr)
        return 3
    return code if isinstance(code, int) else 0
