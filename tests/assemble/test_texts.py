"""--dtcm and --itcm, as text and through the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bootmap.assemble.texts import parse_tcm
from bootmap.errors import UsageError
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.facts.arm.tcm import DTCM, ITCM
from bootmap.units import KIB, MIB

if TYPE_CHECKING:
    from bootmap.facts.arm.cpus import Cpu


def cpu(name: str) -> Cpu:
    found = cpu_by_name(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "banks"),
    [(None, None), ("0", ()), ("16K", (16 * KIB,)), ("0x4000,8k", (16 * KIB, 8 * KIB)), ("1M", (MIB,))],
)
def test_parse_tcm(text: str | None, banks: tuple[int, ...] | None) -> None:
    assert parse_tcm(text, DTCM, cpu("arm926")) == banks


@pytest.mark.parametrize("text", ["", "x", "3K", "2K", "2M", "16K,", "16K;8K", "0,16K", "4K,4K,4K", "16Kx", "-16K"])
def test_parse_tcm_of_other_words(text: str) -> None:
    with pytest.raises(UsageError, match=r"--itcm .*: expected SIZE or SIZE,SIZE"):
        parse_tcm(text, ITCM, cpu("arm926"))


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("arm926", True),
        ("arm1026", True),
        ("arm1136", True),
        ("arm1176", True),
        ("arm920t", False),
        ("arm11mpcore", False),
        ("pxa270", False),
        ("cortex-a8", False),
    ],
)
def test_parse_tcm_by_cpu(name: str, has: bool) -> None:
    """DDI 0198, 0244, 0211 and 0301 describe it; the ARM920T, the ARM11 MPCore and the Cortex-A8 have none."""
    if has:
        assert parse_tcm("4K", DTCM, cpu(name)) == (4 * KIB,)
        return
    with pytest.raises(UsageError, match="has no tightly coupled memory"):
        parse_tcm("4K", DTCM, cpu(name))
