"""Which rules a kernel follows, and why: each row of the feature table against a version and a configuration.

``KernelModel.has`` answers for one boot and takes an option that is not set for one that is off; here a
configuration may be missing altogether, and the answer then says which option decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.features.table import ROWS_BY_NAME, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bootmap.facts.features.feature import Feature, Version
    from bootmap.inputs.kconfig import Config


class Answer(Struct, frozen=True):
    """Whether a rule holds.

    Attributes:
        feature: its name.
        on: True or False; None where an option decides that is not known.
        because: what decides: "version", "stable", "config" or "override".
        why: the same in words.
        options: options that matter, "!" for one that must be unset.
        summary: what the rule is.
        source: where it is seen.
    """

    feature: str
    on: bool | None
    because: str
    why: str
    options: tuple[str, ...]
    summary: str
    source: str


class Subject(Struct, frozen=True):
    """A kernel as far as rules depend on it.

    Attributes:
        version: mainline release.
        sublevel: of the stable series; None for the latest.
        config: its options, None where not known.
        overrides: features that the user switches.
    """

    version: Version
    sublevel: int | None
    config: Config | None
    overrides: Mapping[str, bool]

    @property
    def text(self) -> str:
        """The version as people write it."""
        text = ".".join(map(str, self.version))
        return text if self.sublevel is None else f"{text}.{self.sublevel}"


def sections() -> Iterator[tuple[str, list[str]]]:
    """The parts of the table: title, names of the features in it."""
    seen: set[str] = set()
    for title, rows in SECTIONS.items():
        names = [name for name in dict.fromkeys(row.name for row in rows) if name not in seen]
        seen.update(names)
        yield title, names


def answer(subject: Subject, name: str) -> Answer:
    """Whether ``subject`` has the feature ``name``, and why.

    Raises:
        KeyError: there is no such feature.
    """
    rows = ROWS_BY_NAME[name]
    if name in subject.overrides:
        return _answer(rows[0], subject.overrides[name], "override", "--feature")
    answers = [_judge(subject, row) for row in rows]
    return min(answers, key=lambda found: (True, None, False).index(found.on))


def _judge(subject: Subject, row: Feature) -> Answer:
    on, because, why = _by_version(subject, row)
    if not on or not row.kconfig:
        return _answer(row, on, because, why)
    if subject.config is None:
        wanted = " and ".join(f"no CONFIG_{o[1:]}" if o.startswith("!") else f"CONFIG_{o}" for o in row.kconfig)
        return _answer(row, None, "config", f"if {wanted}")
    for option in row.kconfig:
        name = option.removeprefix("!")
        if subject.config.enabled(name) is option.startswith("!"):
            state = "is set" if option.startswith("!") else "is not set"
            return _answer(row, False, "config", f"CONFIG_{name} {state}")
    wanted = " and ".join(f"no CONFIG_{o[1:]}" if o.startswith("!") else f"CONFIG_{o}" for o in row.kconfig)
    return _answer(row, True, "config", wanted)


def _by_version(subject: Subject, row: Feature) -> tuple[bool, str, str]:
    """Whether the row speaks of the version, what decides, and that in words."""
    covered = row.covers(subject.version, subject.sublevel)
    series = ".".join(map(str, subject.version))
    for releases, verb in ((row.except_from, "dropped"), (row.also, "brought back")):
        if subject.version in releases:
            first = f"{series}.{releases[subject.version]}"
            if covered is (verb != "dropped"):
                return covered, "stable", f"{verb} in {first}"
            if verb != "dropped":
                return covered, "stable", f"only from {first} on"
    since, until = (".".join(map(str, edge)) if edge else "" for edge in (row.since, row.until))
    if covered:
        words = [f"since {since}"] * bool(since) + [f"until {until}"] * bool(until)
        return True, "version", ", ".join(words) or "always"
    if row.since is not None and subject.version < row.since:
        return False, "version", f"from {since} on"
    return False, "version", f"until {until}"


def _answer(row: Feature, on: bool | None, because: str, why: str) -> Answer:
    return Answer(row.name, on, because, why, row.kconfig, row.summary, row.source)
