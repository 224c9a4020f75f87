"""Which findings count: rules that are selected or ignored, a baseline of known ones, and the file ``bootmap.toml``.

[check]                        defaults of every call in this folder
select = ["..."]
ignore = { "rule" = "why it does not matter here" }
severity = "warning"
baseline = "bootmap-baseline.json"

[[board]]                      one board, with the options of the command line by their names
file = "board.dtb"
config = "linux/.config"
ignore = { "rule" = "why" }
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.errors import InputError, UsageError
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.inputs.fs import file_name, read_file
from bootmap.shown import Shown
from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bootmap.checks.finding import Finding

NAME = "bootmap.toml"
SEVERITIES = ("info", "warning", "error")
_CHECK = {"select", "ignore", "severity", "baseline", "strict"}
_MOST_BYTES = 256 << 10
_LONGEST_LINE = 4096  # a name of many parts costs the square of their number
_KINDS = {"select": (list, "a list of rules"), "baseline": (str, "a file"), "strict": (bool, "true or false")}
_NO_REASON = "ignored"
_IN_BASELINE = "in the baseline"
_DECIDES = " (decides)"
"""Behind a fingerprint in a baseline: the verdict hung on it, so that one that comes to decide later is new."""
BASELINE_SCHEMA = "bootmap.baseline/1"


class BoardSettings(Shown, Struct, frozen=True):
    """One ``[[board]]``: its file, options of the command line by their names, and rules to ignore with reasons."""

    file: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ignore: Mapping[str, str] = field(default_factory=dict)


class Settings(Shown, Struct, frozen=True):
    """What ``bootmap.toml`` says; see the module's docstring."""

    file: str = ""
    select: tuple[str, ...] = ()
    ignore: Mapping[str, str] = field(default_factory=dict)
    severity: str = "info"
    strict: bool = False
    baseline: str | None = None
    boards: tuple[BoardSettings, ...] = ()

    def for_board(self, path: str) -> BoardSettings:
        """The settings of a board by its file; empty ones where it has none."""
        wanted = Path(path).resolve()
        return next((each for each in self.boards if Path(each.file).resolve() == wanted), BoardSettings(path))


def read_settings(path: Path) -> Settings:
    """Read ``bootmap.toml``; names of files in it are relative to its folder.

    Raises:
        InputError: it cannot be read, or has a key that there is not.
    """
    import tomllib

    name = file_name(path)
    raw = read_file(path, _MOST_BYTES)
    for number, line in enumerate(raw.splitlines(), 1):
        if len(line) > _LONGEST_LINE:
            raise InputError(
                f"has {len(line)} bytes; a line of settings has {_LONGEST_LINE} at most", file=name, line=number
            )
    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except ValueError as error:  # TOML's and UTF-8's own, and that of a number of thousands of digits
        raise InputError(f"is no TOML: {error}", file=name) from None
    except RecursionError:
        raise InputError("is nested too deeply", file=name) from None
    unknown = sorted(set(data) - {"check", "board"})
    table, rows = data.get("check", {}), data.get("board", [])
    if unknown or not isinstance(table, dict) or not isinstance(rows, list):
        raise InputError(
            f"has {', '.join(unknown) or 'tables of another form'}; [check] and [[board]] are known", file=name
        )
    if wrong := sorted(set(table) - _CHECK):
        raise InputError(f"[check] has {', '.join(wrong)}; known are {', '.join(sorted(_CHECK))}", file=name)
    if table.get("severity", "info") not in SEVERITIES:
        raise InputError(f"severity is {table['severity']!r}; {', '.join(SEVERITIES)} are", file=name)
    for key, (kind, what) in _KINDS.items():
        if key in table and not isinstance(table[key], kind):
            raise InputError(f"{key} is {table[key]!r}; {what} was expected", file=name)
    folder = path.parent
    boards = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("file"), str) or "\0" in row["file"]:
            raise InputError("a [[board]] has no file", file=name)
        more = {
            key.replace("-", "_"): _local(folder, key, value)
            for key, value in row.items()
            if key not in ("file", "ignore")
        }
        boards.append(BoardSettings(str(folder / row["file"]), more, _ignores(row.get("ignore", {}), name)))
    baseline = table.get("baseline")
    return Settings(
        name,
        _known(table.get("select", ()), name),
        _ignores(table.get("ignore", {}), name),
        table.get("severity", "info"),
        table.get("strict", False),
        str(folder / baseline) if baseline is not None else None,
        tuple(boards),
    )


def _local(folder: Path, key: str, value: Any) -> Any:
    """A file that is named relative to the settings."""
    if key in ("config", "system-map", "system_map", "kernel", "zimage", "build", "env", "bdinfo") and isinstance(
        value, str
    ):
        return str(folder / value) if (folder / value).exists() else value
    if key in ("overlay", "overlays") and isinstance(value, list):
        return [str(folder / each) for each in value]
    return value


def _known(ids: Iterable[object], name: str) -> tuple[str, ...]:
    found = tuple(map(str, ids))
    for each in found:
        if not isinstance(each, str) or each not in RULES_BY_ID:
            raise InputError(f"there is no rule {each!r}; `bootmap check --rules` lists them", file=name)
    return found


def _ignores(given: object, name: str) -> Mapping[str, str]:
    if isinstance(given, list):
        given = dict.fromkeys(map(str, given), _NO_REASON)
    if not isinstance(given, dict):
        raise InputError("ignore is no table of rules and reasons", file=name)
    _known(given, name)
    return {str(key): str(value) for key, value in given.items()}


def selected(
    findings: Sequence[Finding],
    select: Iterable[str],
    ignore: Mapping[str, str] | Iterable[str],
    baseline: Iterable[str],
) -> tuple[Finding, ...]:
    """The findings, those that do not count with the reason.

    A finding on which the verdict hangs always counts, unless ``ignore`` gives a reason for its rule or the baseline
    has it as what decides: no board that does not boot passes because its finding is not looked at.

    Raises:
        UsageError: there is no such rule.
    """
    wanted = tuple(select)
    reasons = dict(ignore) if isinstance(ignore, Mapping) else dict.fromkeys(ignore, _NO_REASON)
    for each in (*wanted, *reasons):
        if each not in RULES_BY_ID:
            raise UsageError(f"there is no rule {each!r}; `bootmap check --rules` lists them")
    known = frozenset(baseline)
    return tuple(replace(found, suppressed=_why(found, wanted, reasons, known)) for found in findings)


def _why(found: Finding, select: tuple[str, ...], reasons: Mapping[str, str], known: frozenset[str]) -> str:
    reason = reasons.get(found.id)
    if found.decides:
        if reason and reason != _NO_REASON:
            return reason
        return _IN_BASELINE if found.fingerprint + _DECIDES in known else ""
    if select and found.id not in select:
        return "not selected"
    if reason is not None:
        return reason or _NO_REASON
    known_too = found.fingerprint in known or found.fingerprint + _DECIDES in known
    return _IN_BASELINE if known_too else ""


def read_baseline(path: str) -> Mapping[str, Sequence[str]]:
    """Board -> fingerprints of the findings that are known.

    Raises:
        InputError: it is no baseline.
    """
    import json

    name = file_name(path)
    try:
        data = json.loads(read_file(path, 16 * MIB))
    except (ValueError, RecursionError):  # JSON's and UTF-8's own, and that of a number of thousands of digits
        raise InputError("is no JSON; a baseline was expected", file=name) from None
    boards = data.get("boards") if isinstance(data, dict) and data.get("schema") == BASELINE_SCHEMA else None
    if not isinstance(boards, dict) or not all(
        isinstance(rows, list) and all(isinstance(row, str) for row in rows) for rows in boards.values()
    ):
        raise InputError(f"is no baseline ({BASELINE_SCHEMA})", file=name)
    return boards


def baseline_text(found: Mapping[str, Sequence[Finding]]) -> str:
    """A baseline of all findings of all boards, as text."""
    import json

    boards = {
        name: sorted({each.fingerprint + (_DECIDES if each.decides else "") for each in rows})
        for name, rows in found.items()
    }
    return json.dumps({"schema": BASELINE_SCHEMA, "boards": boards}, indent=1, sort_keys=True) + "\n"
