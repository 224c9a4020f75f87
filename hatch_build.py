"""What a wheel holds besides the package: manual pages and shell completion, made from the commands themselves.

Run by hatchling when a wheel is built.  ``python hatch_build.py FOLDER`` writes the same files below FOLDER
(``make share``), for packagers of distributions.  Nothing in them depends on when, where or by whom they were made.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click

ROOT = Path(__file__).parent
# What click calls a shell -> where that shell looks below PREFIX/share.
COMPLETIONS = {
    "bash": "bash-completion/completions/bootmap",
    "zsh": "zsh/site-functions/_bootmap",
    "fish": "fish/vendor_completions.d/bootmap.fish",
}


def shared_files() -> dict[str, str]:
    """Every file, by its path below PREFIX/share."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        import click
        from click.shell_completion import get_completion_class

        from bootmap import __version__
        from bootmap.cli.main import cli
    finally:
        sys.path.pop(0)
    files = {}
    context = click.Context(cli, info_name="bootmap")
    names = cli.list_commands(context)
    pages: dict[str, tuple[click.Command, click.Context]] = {"bootmap": (cli, context)}
    for name in names:
        command = cli.get_command(context, name)
        if command is None:
            raise LookupError(f"bootmap says that it has {name}, and has not")
        pages[f"bootmap-{name}"] = (command, click.Context(command, context, info_name=name))
    for page, (command, inner) in pages.items():
        files[f"man/man1/{page}.1"] = manual_page(page, command, inner, __version__, list(pages))
    for shell, place in COMPLETIONS.items():
        known = get_completion_class(shell)
        if known is None:
            raise LookupError(f"click completes nothing in {shell}")
        # The class's source() would first ask the bash of this machine for its version.
        complete = known(cli, {}, "bootmap", "_BOOTMAP_COMPLETE")
        files[place] = complete.source_template % complete.source_vars()
    return files


def manual_page(page: str, command: click.Command, context: click.Context, version: str, pages: list[str]) -> str:
    """One manual page in man(7)'s macros: the command's help, as click has it."""
    import click

    words = command.collect_usage_pieces(context)
    lines = [
        f'.TH "{_roff(page.upper())}" "1" "" "bootmap {version}" "bootmap"',
        ".SH NAME",
        f"{_roff(page)} \\- {_roff(_first_sentence(command))}",
        ".SH SYNOPSIS",
        f".B {_roff(context.command_path)}",
        _roff(" ".join(words)),
        ".SH DESCRIPTION",
    ]
    for paragraph in re.split(r"\n\s*\n", _clean(command.help or "")):
        literal = paragraph.startswith("\b")
        text = paragraph.lstrip("\b\n")
        lines += [".PP", *([".nf", _roff(text), ".fi"] if literal else [_roff(" ".join(text.split()))])]
    lines.append(".SH OPTIONS")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            lines += [".TP", f"\\fB{_roff(record[0])}\\fR", _roff(" ".join(record[1].split()))]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            lines += [".TP", f"\\fBbootmap\\-{_roff(name)}\\fR(1)", _roff(_first_sentence(inner) if inner else "")]
    lines += [".SH SEE ALSO", ",\n".join(f".BR {_roff(other)} (1)" for other in pages if other != page)]
    return "\n".join(lines) + "\n"


def _first_sentence(command: click.Command) -> str:
    return " ".join(re.split(r"\n\s*\n", _clean(command.help or ""))[0].split()).rstrip(".")


def _clean(text: str) -> str:
    lines = text.split("\f")[0].strip().splitlines()
    return "\n".join(line.strip() if "\b" not in text else line for line in lines)


def _roff(text: str) -> str:
    """``text`` as roff reads it: nothing in it is a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("\b", "")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def write(folder: Path) -> dict[str, Path]:
    """Write the files below ``folder``; their paths by their place below PREFIX/share."""
    written = {}
    for place, text in shared_files().items():
        written[place] = folder / place
        written[place].parent.mkdir(parents=True, exist_ok=True)
        written[place].write_text(text)
    return written


if importlib.util.find_spec("hatchling") is not None:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class CustomBuildHook(BuildHookInterface[Any]):
        """Adds the files to a wheel; not to an editable install, whose commands change under them."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Make the files before the wheel is put together."""
            if version == "editable":
                return
            self.made = tempfile.TemporaryDirectory(prefix="bootmap-share-")
            for place, path in write(Path(self.made.name)).items():
                build_data["shared_data"][str(path)] = f"share/{place}"

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
            """The files are in the wheel: remove them here."""
            if version != "editable":
                self.made.cleanup()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: hatch_build.py FOLDER")
    for written_place in write(Path(sys.argv[1])):
        print(Path(sys.argv[1]) / written_place)
