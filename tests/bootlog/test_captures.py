"""Captures of boards that did not boot, from public threads: the diagnosis is the cause that the thread established."""

from __future__ import annotations

import json
import quopri
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bootmap
from bootmap.bootlog.progress import Ending
from bootmap.report.diagnose_text import diagnoses_json, diagnoses_text

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[1] / "data" / "captures"
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text())


def path(name: str) -> str:
    return str(FOLDER / f"{name}.txt")


@pytest.mark.parametrize("name", INDEX)
def test_cause_is_that_of_the_thread(name: str) -> None:
    entry = INDEX[name]
    found = bootmap.diagnose(path(name))
    assert len(found) == 1
    findings = {finding.id: finding for finding in found[0].findings}
    assert entry["finding"] in findings
    text = " ".join(diagnoses_text(name, found).split())
    for words in entry["says"]:
        assert words in text
    assert not found[0].well
    assert json.loads(diagnoses_json(name, found))["boots"][0]["findings"]


@pytest.mark.parametrize("name", [name for name, entry in INDEX.items() if entry["ends"] != "runs on"])
def test_boot_that_ended_has_a_fatal_cause_first(name: str) -> None:
    """The first finding is what ended the boot; the thread's cause is among those that explain it."""
    (found,) = bootmap.diagnose(path(name))
    assert found.findings[0].fatal
    assert (
        found.progress.ending
        in {
            "panic": (Ending.PANIC,),
            "oops": (Ending.OOPS,),
            "silence": (Ending.SILENT, Ending.PANIC),
            "loader": (Ending.LOADER,),
            "cut": (Ending.SILENT,),
        }[INDEX[name]["ends"]]
    )


def _quoted_printable(text: str) -> str:
    return quopri.encodestring(text.encode(), quotetabs=False).decode()


def _each(prefix: str) -> Callable[[str], str]:
    """Every line behind a prefix, in which {n} counts."""
    return lambda text: "".join(f"{prefix.format(n=n)}{line}\n" for n, line in enumerate(text.splitlines(), 10))


FORMS: dict[str, Callable[[str], str]] = {
    "quoted-printable": _quoted_printable,
    "quoted mail": _each("> "),
    "quoted twice, quoted-printable": lambda text: _quoted_printable(_each("> > ")(text)),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR CR LF": lambda text: text.replace("\n", "\r\r\n"),
    "colours": lambda text: "".join(f"\x1b[32m{line}\x1b[0m\n" for line in text.splitlines()),
    "minicom": _each("[2023-01-02 03:04:{n}] "),
    "grabserial": _each("[{n}.123456 0.000012] "),
    "ts": _each("2023-01-02T03:04:{n}.123456+0100 "),
    "teraterm": _each("[Mon Jan 02 03:04:{n}.123 2023] "),
    "picocom": _each("03:04:{n}.123 "),
    "syslog": _each("Jan  2 03:04:{n} board kernel: "),
    "journalctl": _each("2023-01-02T03:04:{n}.123456+0100 board kernel: "),
    "levels": _each("<6>"),
    "callers": _each("[    0.0000{n}][    T0] "),
    "web page": lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    "UTF-16": lambda text: text,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["chip-4.8-dtb-in-pool", "panda-3.2-dtb-high", "ls1021a-4.9-kexec-initrd"])
def test_form_of_a_capture_is_no_matter(name: str, form: str, tmp_path: Path) -> None:
    """The answer is the same, whatever a program or a mail put around the lines."""
    text = Path(path(name)).read_text()
    log = tmp_path / "log"
    log.write_bytes(FORMS[form](text).encode("utf-16" if form == "UTF-16" else "utf-8"))
    (plain,) = bootmap.diagnose(path(name))
    found = bootmap.diagnose(str(log))
    assert [each.headline for each in found] == [plain.headline]
    assert [each.id for each in found[0].findings] == [each.id for each in plain.findings]
    values = {each.quantity: each.value for each in plain.values}
    assert {each.quantity: each.value for each in found[0].values} == values


def test_captures_are_many_and_name_their_source() -> None:
    assert len(INDEX) >= 26
    assert sum(entry["ends"] in ("panic", "oops", "silence") for entry in INDEX.values()) >= 14
    assert set(INDEX) == {file.stem for file in FOLDER.glob("*.txt")}
    for name, entry in INDEX.items():
        assert entry["source"].startswith("http"), name
        assert entry["cause"], name
