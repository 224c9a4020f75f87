"""A sweep for CI: SARIF 2.1.0 (bytes of blobs have no lines, so results name files) and JUnit's XML.

Source: SARIF 2.1.0, sections 3.27 and 3.28; the schema of Jenkins' JUnit plug-in for the XML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree

from bootmap.report.sarif import SCHEMA_URI, VERSION
from bootmap.sweep.changes import Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bootmap.sweep.compare import SweepComparison
    from bootmap.sweep.row import Row

_LEVELS = {Weight.WORSE: "error", Weight.OTHER: "note", Weight.BETTER: "none"}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RULES = {
    "does-not-boot": "the kernel does not boot",
    "uncertain": "nobody can know whether the kernel boots",
    "without-initrd": "the kernel boots without its initrd",
    "no-answer": "the board cannot be predicted",
    "worse": "the board is worse off than before",
    "other": "something changed",
    "better": "the board is better off than before",
}


def rows_sarif(rows: Iterable[Row], tool_version: str) -> dict[str, Any]:
    """A result for each row that is not simply BOOTS."""
    found = []
    for row in rows:
        rule = _rule_of(row)
        if rule is not None:
            level = {"does-not-boot": "error", "no-answer": "note"}.get(rule, "warning")
            message = f"Linux {row.release} ({row.kernel}): {row.headline}. {row.reason or row.error}"
            found.append(_result(rule, level, message, row.trees, row.board, row.kernel))
    return _document(found, tool_version)


def diff_sarif(comparisons: Sequence[SweepComparison], tool_version: str) -> dict[str, Any]:
    """A result for each board and change."""
    found = []
    for comparison in comparisons:
        for group in comparison.groups:
            for each in group.boards:
                old, new = comparison.releases
                message = f"Linux {old} -> {new}: {group.text} (due to the {each.due})."
                rule = group.weight.name.lower()
                found.append(_result(rule, _LEVELS[group.weight], message, each.new.trees, each.board, group.text))
    return _document(found, tool_version)


def _rule_of(row: Row) -> str | None:
    return {
        "NO ANSWER": "no-answer",
        "DOES NOT BOOT": "does-not-boot",
        "UNCERTAIN": "uncertain",
        "BOOTS WITHOUT ITS INITRD": "without-initrd",
    }.get(row.headline)


def _result(rule: str, level: str, message: str, trees: str, board: str, what: str) -> dict[str, Any]:
    uri = quote("/".join(filter(None, (trees, board.partition(":")[0]))), safe="/")
    return {
        "ruleId": rule,
        "ruleIndex": list(_RULES).index(rule),
        "kind": "fail" if level != "none" else "pass",
        "level": level,
        "message": {"text": message},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}}}],
        "partialFingerprints": {"bootmapSweep/1": f"{board} {rule} {what}"},
    }


def _document(results: list[dict[str, Any]], tool_version: str) -> dict[str, Any]:
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in _RULES.items()]
    run = {"tool": {"driver": {"name": "bootmap", "version": tool_version, "rules": rules}}, "results": results}
    return {"$schema": SCHEMA_URI, "version": VERSION, "runs": [run]}


def rows_junit(rows: Iterable[Row]) -> str:
    """A test suite a kernel and set of trees, a test case a board: failed where it does not simply boot."""
    suites: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        suites.setdefault((row.trees, row.kernel), []).append(row)
    root = ElementTree.Element("testsuites", name="bootmap sweep")
    for (trees, kernel), found in sorted(suites.items()):
        suite = _suite(root, " ".join(filter(None, (trees, kernel))), len(found))
        bad = skipped = 0
        for row in found:
            case = ElementTree.SubElement(
                suite, "testcase", classname=_xml(kernel), name=_xml(row.board), time=f"{row.seconds:.6f}"
            )
            if not row.answered:
                skipped += 1
                ElementTree.SubElement(case, "skipped", message=_xml(f"{row.status}: {row.error}"))
            elif row.headline != "BOOTS":
                bad += 1
                fault = ElementTree.SubElement(case, "failure", type=row.cause or row.headline, message=row.headline)
                fault.text = _xml(row.reason or "")
        suite.set("failures", str(bad))
        suite.set("skipped", str(skipped))
    return _text(root)


def diff_junit(comparisons: Sequence[SweepComparison]) -> str:
    """The same for a comparison: a test case is a board, failed where it got worse."""
    root = ElementTree.Element("testsuites", name="bootmap sweep")
    for comparison in comparisons:
        suite = _suite(root, f"{comparison.old} -> {comparison.new}", comparison.boards)
        failures: dict[str, list[str]] = {}
        for group in comparison.groups:
            for each in group.boards:
                failures.setdefault(each.board, [])
                if group.weight is Weight.WORSE:
                    failures[each.board].append(f"{group.text} ({each.due} change)")
        for board, texts in sorted(failures.items()):
            case = ElementTree.SubElement(suite, "testcase", classname="sweep", name=_xml(board))
            if texts:
                fault = ElementTree.SubElement(case, "failure", type="worse", message=_xml(texts[0]))
                fault.text = _xml("\n".join(texts))
        suite.set("tests", str(len(failures)))
        suite.set("failures", str(sum(bool(texts) for texts in failures.values())))
    return _text(root)


def _suite(root: ElementTree.Element, name: str, tests: int) -> ElementTree.Element:
    return ElementTree.SubElement(root, "testsuite", name=_xml(name), tests=str(tests), errors="0")


def _xml(text: str) -> str:
    """Text without the characters that XML has no place for."""
    return _NO_XML.sub("\ufffd", text)


def _text(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
