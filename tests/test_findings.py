"""The maps that kill kernels, boards/findings: what bootmap says of each is what came of it when it was booted.

booted.json holds what real kernels did under QEMU; the page's table must say the same.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.recordings import fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs.fdt import parse

REPOSITORY = Path(__file__).parent.parent
FOLDER = REPOSITORY / "boards" / "findings"
PAGE = (REPOSITORY / "docs" / "findings.md").read_text()
BOOTED: dict[str, Any] = json.loads((FOLDER / "booted.json").read_text())
BOOTS = [(name, key) for name, row in BOOTED.items() for key in row["boots"]]
COLUMNS = ("deb-5.10", "deb-6.1", "deb-6.1-lpae", "deb-6.12", "deb-7.2", "v7")


@cache
def predicted(name: str, key: str) -> Replay:
    row, cpu = BOOTED[name], cpu_by_name("cortex-a15")
    assert cpu is not None
    board = parse((FOLDER / f"{name}.dtb").read_bytes())
    return boot(fresh_kernel(key), Handover(board, int(row["dtb_at"], 16), int(row["phys_offset"], 16), cpu))


def dies_later(prediction: Replay) -> bool:
    """Behind paging_init: the boots were watched up to its return."""
    return prediction.outcome.verdict is Verdict.DIES and prediction.stage("paging_init") is not None


@pytest.mark.parametrize(("name", "key"), BOOTS)
def test_finding_is_predicted(name: str, key: str) -> None:
    """Who came back was not said to die, and who died was not said to boot."""
    came_back, prediction = "returned" in BOOTED[name]["boots"][key], predicted(name, key)
    if not came_back:
        assert prediction.outcome.verdict is not Verdict.BOOTS
        assert not dies_later(prediction)
    else:
        assert prediction.outcome.verdict is not Verdict.DIES or dies_later(prediction)


@pytest.mark.parametrize("name", BOOTED)
def test_finding_is_in_the_page(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| [{name}]("))
    said = dict(zip(COLUMNS, row.split(" | ")[1:], strict=True))
    for key, outcome in BOOTED[name]["boots"].items():
        prediction = predicted(name, key)
        word = "boots" if prediction.outcome.verdict is Verdict.BOOTS else "luck"
        if "never_reached" in outcome:
            word = "dies"
        elif dies_later(prediction):
            word = "dies later"
        assert said[key].strip(" |*") == word
    assert f"\n## {name}\n" in PAGE


def test_findings_are_all_there() -> None:
    """Every device tree has its source, its boots and its section, and nothing else has."""
    names = set(BOOTED)
    assert names == {path.stem for path in FOLDER.glob("*.dtb")} == {path.stem for path in FOLDER.glob("*.dts")}
    assert names == set(re.findall(r"^## ([\w.-]+)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", BOOTED)
def test_finding_is_one(name: str) -> None:
    """Some kernel dies of it, or survives on stale TLB entries."""
    assert any(predicted(name, key).outcome.verdict is not Verdict.BOOTS for key in BOOTED[name]["boots"])
