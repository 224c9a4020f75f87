"""``bootmap check``: what is wrong with a board, what to change, and the proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.options import board_options, input_options
from bootmap.output import folded, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap import CheckResult
    from bootmap import CheckSettings as Settings

_SETTINGS = "bootmap.toml"
_FORMATS = ("text", "json", "sarif", "github")
_SEVERITIES = ("info", "warning", "error")
_OF_THE_CALL = {
    "boards",
    "select",
    "ignore",
    "severity",
    "strict",
    "form",
    "settings",
    "baseline",
    "write_baseline",
    "fix",
    "no_proof",
    "jobs",
    "rules",
    "help",
}
"""Options that hold for all boards of a call; those of a board are the others."""


@click.command()
@click.argument("boards", nargs=-1, type=click.Path())
@board_options
@input_options
@click.option("--env", type=click.Path(), help="U-Boot's variables: what printenv prints, or the image in flash.")
@click.option("--bdinfo", type=click.Path(), help="With --env: what U-Boot's bdinfo prints; a console log will do.")
@click.option(
    "--select", multiple=True, metavar="RULE", help="Count this rule only, and what decides the verdict; repeatable."
)
@click.option(
    "--ignore", multiple=True, metavar="RULE", help="Do not count this rule; what decides the verdict counts."
)
@click.option("--severity", type=click.Choice(_SEVERITIES), help="Show findings of at least this severity.  [info]")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option(
    "--settings", type=click.Path(dir_okay=False), help="Settings, in place of bootmap.toml beside the board."
)
@click.option("--baseline", type=click.Path(dir_okay=False), help="Do not count the findings in this file.")
@click.option(
    "--write-baseline", type=click.Path(dir_okay=False), help="Write all findings to this file, as a baseline."
)
@click.option("--fix", type=click.Path(file_okay=False), metavar="FOLDER", help="Write the recommended changes there.")
@click.option("--no-proof", is_flag=True, help="Do not predict what each change does; no changes are shown then.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 64), help="Boards side by side.  [CPUs, where there are many boards]"
)
@click.option("--rules", is_flag=True, help="List the rules and stop.")
def command(
    boards: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    severity: str | None,
    strict: bool,
    form: str,
    settings: str | None,
    baseline: str | None,
    write_baseline: str | None,
    fix: str | None,
    no_proof: bool,
    jobs: int | None,
    rules: bool,
    **options: Any,
) -> int:
    """Say what is wrong with BOARDS before their first boot, and what to change.

    A board is a device tree blob, its source (.dts), a folder such as /proc/device-tree, a FIT image (each of its
    configurations), or an ATAG list with --machine-id; any other folder stands for the blobs below it.  Nothing else
    is needed: where the kernel is not described, a typical one is taken, and the answer says so.  Each change that is
    proposed was applied and predicted again.

    Exit code 0: it boots, and nothing is an error; 1: it does not, or there are errors (--strict: or warnings).  What
    decides a verdict always counts; a reason in bootmap.toml for its rule accepts it, or a baseline that has it.
    """
    if rules:
        for rule in bootmap.CHECK_RULES:
            click.echo(f"{rule.id:<28} {rule.title}")
        return 0
    if options["bdinfo"] is not None and options["env"] is None:
        raise click.UsageError("--bdinfo goes with --env: it says where U-Boot itself is")
    known = _Settings(settings)
    paths = bootmap.board_files(boards) or tuple(each.file for each in known.here.boards)
    if not paths:
        raise click.UsageError("no board: name a device tree, or list boards in bootmap.toml")
    call = _Call(known, options, select, ignore, baseline, fix, prove=not no_proof)
    results = call.run(paths, jobs)
    if write_baseline is not None:
        found = {
            name: [f for r in results if r.name == name for f in r.findings]
            for name in dict.fromkeys(r.name for r in results)
        }
        write_file(write_baseline, bootmap.baseline_text(found).encode())
    first = known.of(paths[0])
    _print(results, form, severity or first.severity, call.failures)
    if call.failures:
        return 3
    return int(any(result.failed(strict=strict or first.strict) for result in results))


class _Settings:
    """The settings of each board: those that are named, else those beside the board, else those in this folder."""

    def __init__(self, given: str | None) -> None:
        self._given = bootmap.read_check_settings(Path(given)) if given is not None else None
        self._known: dict[Path, Settings | None] = {}

    @property
    def here(self) -> Settings:
        """Those of a call without boards."""
        return self._given or self._beside(Path()) or bootmap.CheckSettings()

    def of(self, board: str) -> Settings:
        """Those of one board."""
        return self._given or self._beside(Path(board).parent) or self.here

    def _beside(self, folder: Path) -> Settings | None:
        if folder not in self._known:
            path = folder / _SETTINGS
            self._known[folder] = bootmap.read_check_settings(path) if path.is_file() else None
        return self._known[folder]


class _Call:
    """One call: what holds for all boards, and what went wrong with single ones of many."""

    def __init__(
        self,
        known: _Settings,
        options: Mapping[str, Any],
        select: Sequence[str],
        ignore: Sequence[str],
        baseline: str | None,
        fix: str | None,
        *,
        prove: bool,
    ) -> None:
        self.known, self.options, self.fix = known, dict(options), fix
        self.select, self.ignore = tuple(select), dict.fromkeys(ignore, "ignored")
        self.baseline = baseline
        self.baselines: dict[str, Mapping[str, Sequence[str]]] = {}
        self.prove = prove
        self.failures: list[str] = []
        self.stems: Mapping[str, str] = {}

    def run(self, paths: Sequence[str], jobs: int | None) -> list[CheckResult]:
        """Check every board; a single one's error is the command's, of many each is one line."""
        self.stems = _stems(paths)
        if len(paths) == 1:
            return self.one(paths[0])
        from bootmap.cli.side_by_side import side_by_side

        results: list[CheckResult] = []
        for found in side_by_side(self.guarded, paths, jobs):
            if isinstance(found, str):
                self.failures.append(found)
                click.echo(f"bootmap: {found}", err=True)
            else:
                results += found
        return results

    def guarded(self, path: str) -> list[CheckResult] | str:
        """The same as `one`, small enough for another process; an error as its text."""
        try:
            return [result.slim() for result in self.one(path)]
        except bootmap.BootmapError as error:
            return str(error)

    def one(self, path: str) -> list[CheckResult]:
        """Every board of one file; what is to be fixed is written."""
        known = self.known.of(path)
        mine = known.for_board(path)
        given = {name: value for name, value in self.options.items() if value not in (None, ())}
        options = {**_typed(mine.options), **given}
        env, bdinfo = options.pop("env", None), options.pop("bdinfo", None)
        ignore = {**known.ignore, **self.ignore, **mine.ignore}
        results = []
        for kernel, loaded in bootmap.load_boards(path, **options):
            board = bootmap.with_environment(kernel, loaded, env, bdinfo) if env is not None else loaded
            result = bootmap.check(
                kernel,
                board,
                select=self.select or known.select,
                ignore=ignore,
                baseline=self._known_of(known).get(board.name, ()),
                prove=self.prove,
            )
            results.append(result)
            for file, what in self._fixes(path, result):
                click.echo(f"bootmap: wrote {file}: {what}" if file else f"bootmap: {what}", err=True)
        return results

    def _fixes(self, path: str, result: CheckResult) -> Iterator[tuple[str, str]]:
        """What is written to fix a board."""
        if self.fix is not None:
            yield from bootmap.write_fix(result, self.fix, self.stems.get(path))

    def _known_of(self, known: Settings) -> Mapping[str, Sequence[str]]:
        """The baseline that holds, read once."""
        file = self.baseline or known.baseline
        if file is None:
            return {}
        if file not in self.baselines:
            self.baselines[file] = bootmap.read_baseline(file)
        return self.baselines[file]


def _stems(paths: Sequence[str]) -> dict[str, str]:
    """What the names of each board's fixes begin with, each its own: the file's name, where others have it with more.

    That is its ending, as many folders in front as tell it from them, and at last a number.
    """
    by_stem: dict[str, list[Path]] = {}
    for path in dict.fromkeys(paths):
        by_stem.setdefault(Path(path).stem, []).append(Path(path))
    found: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        mine, others = Path(path), [other for other in by_stem[Path(path).stem] if other != Path(path)]
        stem = mine.name if any(other.parent == mine.parent for other in others) else mine.stem
        folders, apart = 0, [other for other in others if other.parent != mine.parent]
        while folders < len(mine.parent.parts) and any(
            _last(other, folders) == _last(mine, folders) for other in apart
        ):
            folders += 1
        stem = "-".join([*(part.strip("/") for part in _last(mine, folders)), stem])
        taken, number = stem, 1
        while stem in found.values():
            number += 1
            stem = f"{taken}-{number}"
        found[path] = stem
    return found


def _last(path: Path, folders: int) -> tuple[str, ...]:
    """The names of the last folders above a file."""
    return path.parent.parts[len(path.parent.parts) - folders :]


def _typed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a settings file as those of the command line: by its own types and names."""
    found: dict[str, Any] = {}
    parameters = {flag.lstrip("-").replace("-", "_"): param for param in command.params for flag in param.opts}
    for name, value in options.items():
        param = parameters.get(name) or next((each for each in command.params if each.name == name), None)
        if not isinstance(param, click.Option) or param.name is None or param.name in _OF_THE_CALL:
            raise bootmap.BootmapError(
                f"{_SETTINGS}: [[board]] has {name.replace('_', '-')!r}, which is no option of a board"
            )
        shown, many = name.replace("_", "-"), value if isinstance(value, list) else [value]
        if len(many) != 1 and not param.multiple:
            raise bootmap.BootmapError(f"{_SETTINGS}: [[board]] {shown} has {len(many)} values; one was expected")
        values = tuple(_value(param, shown, each) for each in many)
        found[param.name] = values if param.multiple else values[0]
    return found


def _value(param: click.Option, name: str, value: Any) -> Any:
    """One value as the command line would read it."""
    if param.is_flag:
        if not isinstance(value, bool):
            raise bootmap.BootmapError(f"{_SETTINGS}: [[board]] {name} is {value!r}; true or false was expected")
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise bootmap.BootmapError(f"{_SETTINGS}: [[board]] {name} is {value!r}; write it in quotes")
    try:
        return param.type.convert(value if isinstance(value, str) else str(value), param, None)
    except click.UsageError as error:
        raise bootmap.BootmapError(f"{_SETTINGS}: [[board]] {name}: {error.message}") from None


def _print(results: Sequence[CheckResult], form: str, severity: str, failures: Sequence[str]) -> None:
    if form == "json":
        from bootmap.report.check_json import check_document

        click.echo(json.dumps(check_document(results)))
    elif form == "sarif":
        from bootmap.report.check_sarif import check_sarif

        click.echo(json.dumps(check_sarif(results, bootmap.__version__), indent=1))
    elif form == "github":
        from bootmap.report.check_json import github_lines

        for line in github_lines(results):
            click.echo(line)
    elif len(results) == 1 and not failures:
        from bootmap.report.check_text import check_text

        click.echo(folded(check_text(results[0], severity)), nl=False)
    else:
        from bootmap.report.check_text import many_text

        click.echo(folded(many_text(results, severity)), nl=False)
