"""Directives that write pages from the program: rules of check and audit, features by version, commands, API."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

import bootmap
from bootmap.cli.main import _COMMANDS
from bootmap.facts import audit_rules, check_rules
from bootmap.facts.features.table import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

    from bootmap.facts.features.feature import Feature


def _version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def cell(text: str) -> str:
    """Text as a cell of a Markdown table: the only mark-up that our facts could be taken for is escaped."""
    for mark in "\\|*_<>[]`":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")


def holds(row: Feature) -> str:
    """Which kernels a row holds for, in words."""
    words = []
    if row.since and row.until:
        words.append(f"{_version(row.since)} until before {_version(row.until)}")
    elif row.since:
        words.append(f"since {_version(row.since)}")
    elif row.until:
        words.append(f"before {_version(row.until)}")
    else:
        words.append("all")
    words += [f"{_version(series)}.{first} on" for series, first in sorted(row.also.items())]
    words += [f"not {_version(series)}.{first} on" for series, first in sorted(row.except_from.items())]
    words += [f"`{option}`" for option in row.kconfig]
    return ", ".join(words)


def _rst(directive: str, argument: str, *options: str) -> Iterator[str]:
    """One directive that writes reStructuredText itself, as autodoc and sphinx-click do."""
    yield "```{eval-rst}"
    yield f".. {directive}:: {argument}"
    yield from (f"   {option}" for option in options)
    yield "```"
    yield ""


class Written(SphinxDirective):
    """A directive without arguments whose lines of Markdown are parsed in place."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the program may have changed where the page has not
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


class CheckRules(Written):
    """Every rule of ``bootmap check``."""

    def lines(self) -> Iterator[str]:
        for rule in check_rules.RULES:
            yield f"## {rule.id}"
            yield ""
            level = "info" if rule.severity is audit_rules.Severity.NOTE else rule.severity.name.lower()
            yield f"**{level}**: {cell(rule.title)}"
            yield ""
            yield cell(rule.help)
            yield ""
            if rule.example:
                yield f"Seen: {cell(rule.example)}"
                yield ""
            yield f"Source: {cell(rule.reference)}"
            yield ""


class AuditRules(Written):
    """Every rule of ``bootmap audit``."""

    def lines(self) -> Iterator[str]:
        for rule in audit_rules.RULES:
            yield f"## {rule.id}"
            yield ""
            yield f"**{rule.severity.name.lower()}**: {cell(rule.title)}"
            yield ""
            yield cell(rule.help)
            yield ""
            yield f"Source: {cell(rule.reference)}"
            yield ""


class Features(Written):
    """Every rule of the kernel with the versions that have it and where that is seen."""

    def lines(self) -> Iterator[str]:
        for title, rows in SECTIONS.items():
            yield f"## {title[0].upper()}{title[1:]}"
            yield ""
            yield "| feature | kernels | what the kernel does | seen in |"
            yield "| --- | --- | --- | --- |"
            for row in rows:
                yield f"| `{row.name}` | {holds(row)} | {cell(row.summary)} | {cell(row.source)} |"
            yield ""


class Commands(Written):
    """Every command as click describes it."""

    def lines(self) -> Iterator[str]:
        for name, (command, _) in _COMMANDS.items():
            yield from _rst(
                "click", f"bootmap.cli.commands.{command}:command", f":prog: bootmap {name}", ":nested: none"
            )


class Api(Written):
    """Every public name of the library, from its docstring."""

    def lines(self) -> Iterator[str]:
        for name in bootmap.__all__:
            value = getattr(bootmap, name)
            yield f"## {name}"
            yield ""
            if inspect.isclass(value):
                # A class with another name at home would be shown as an alias and no more.
                home = f"{value.__module__}.{value.__qualname__}"
                alias = value.__name__ != name
                yield from _rst("autoclass", home if alias else f"bootmap.{name}", ":members:", *[":no-index:"] * alias)
            elif inspect.isroutine(value):
                yield from _rst("autofunction", f"bootmap.{name}")
            else:
                each = [value] if isinstance(value, int | str) else value
                yield f"`bootmap.{name}`: " + ", ".join(f"`{getattr(one, 'id', one)}`" for one in each)
                yield ""


def _plain(app: Sphinx, command: object, lines: list[str]) -> None:
    """Help texts are plain: nothing in them is mark-up, whatever reStructuredText takes it for."""
    for at, line in enumerate(lines):
        if not line.lstrip().startswith((".. ", ":")):  # an option's own line, and its fields
            bar = "| " if line.startswith("| ") else ""
            lines[at] = bar + re.sub(r"([\\*`|_@])", r"\\\1", line[len(bar) :])


def _no_mail(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """FILE@ADDRESS is not somebody's mail address; what is between double backticks is no link as it is."""
    for at, line in enumerate(lines):
        lines[at] = re.sub(r"(``.*?``)|(?<=\w)@(?=\w)", lambda found: found[1] or "\\@", line)


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directives."""
    app.connect("sphinx-click-process-description", _plain)
    app.connect("sphinx-click-process-options", _plain)
    app.connect("autodoc-process-docstring", _no_mail)
    app.add_directive("check-rules", CheckRules)
    app.add_directive("audit-rules", AuditRules)
    app.add_directive("features-table", Features)
    app.add_directive("command-reference", Commands)
    app.add_directive("api-reference", Api)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
