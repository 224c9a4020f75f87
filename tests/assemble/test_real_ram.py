"""RAM as its owner says it is (``--ram``): the verdict is about that, not about what the tree or ``mem=`` promise."""

from __future__ import annotations

import pytest
from support.boards import MIB, checked, kernel, tree
from support.passed_on import recorded

import bootmap
from bootmap.boot.trace import Verdict
from bootmap.facts.audit_rules import Severity

START = 0x80000000
HALF = tree([(START, 512 * MIB)])
DEAD, ALIVE = Verdict.DIES, Verdict.BOOTS


def span(start: int, mib: int) -> bootmap.Span:
    return bootmap.Span(start, start + mib * MIB)


@pytest.mark.parametrize(
    ("bootargs", "ram", "verdict"),
    [
        ("", span(START, 512), ALIVE),
        ("", span(START, 1024), ALIVE),
        ("", span(START, 256), DEAD),  # memblock hands out from the top of lowmem
        ("", span(0x40000000, 1024), DEAD),  # not even the kernel is in RAM
        ("mem=256M", span(START, 256), ALIVE),
        ("mem=1G", span(START, 1024), ALIVE),
        ("mem=1G", span(START, 512), DEAD),
        ("mem=1G", None, Verdict.UNCERTAIN),
    ],
)
@pytest.mark.parametrize("key", ["deb-6.1", "old49"])
def test_verdict_is_that_of_the_ram_that_there_is(
    key: str, bootargs: str, ram: bootmap.Span | None, verdict: Verdict
) -> None:
    board = tree([(START, 512 * MIB)], bootargs=bootargs)
    result = checked(board, kernel(key), ram=(ram,) if ram is not None else None)
    assert result.verdict is verdict
    assert result.failed() is (verdict is not ALIVE)
    assert any(found.id == "memory-not-there" for found in result.findings) is (verdict is not ALIVE)


def test_ram_missing_is_cured_by_what_there_is() -> None:
    """All RAM that is there, and no more: the same board with the right node."""
    result = checked(HALF, kernel("deb-6.1"), ram=(span(START, 256),))
    assert [change.text for change in result.counted[0].changes] == ["/memory@80000000: reg = <0x80000000 0x10000000>"]
    result = checked(tree([(START, 512 * MIB)], bootargs="mem=1G"), kernel("deb-6.1"), ram=(span(START, 256),))
    assert "mem=256M@0x80000000" in [change.text for change in result.counted[0].changes]


def test_ram_that_the_kernel_hands_out_later_is_an_error_too() -> None:
    """Two banks of which the upper one is highmem: nothing early comes from there."""
    board = tree([(START, 512 * MIB), (0xC0000000, 512 * MIB)])
    result = checked(board, kernel("deb-6.1"), ram=(span(START, 512),))
    assert result.verdict is ALIVE
    (found,) = (each for each in result.findings if each.id == "memory-disagrees")
    assert found.severity is Severity.ERROR
    assert "512 MiB of that for RAM" in found.cause


@pytest.mark.parametrize("subject", ["dtb_addr", "initrd"])
def test_payload_where_there_is_no_ram(subject: str) -> None:
    at = START + 384 * MIB
    more = {subject: (at, MIB) if subject == "initrd" else at}
    board = tree([(START, 512 * MIB)], bootargs="mem=256M")
    result = checked(board, kernel("deb-6.1"), ram=(span(START, 256),), **more)
    assert not result.outcome.all_well
    found = next(each for each in result.findings if each.id == "memory-not-there")
    assert found.changes
    assert result.outcome.without_initrd is (subject == "initrd")


def test_recorded_death_of_ram_that_was_promised() -> None:
    """QEMU had what the tree says, the command line promised more: the kernel died under it."""
    of, board = recorded("own-ve2638-5096")()
    result = bootmap.check(of, board.replace(ram=tuple(board.declared_ram)))
    assert result.verdict is Verdict.DIES
    assert (result.findings[0].id, result.findings[0].address) == ("memory-not-there", 0x5FFFF000)
