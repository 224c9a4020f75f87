"""Rights against the manuals' tables (DDI 0406C B3.7.1 and B3.7.2, DDI 0100I B4.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bootmap.facts.arm.regs import ARCHES
from bootmap.mmu.access import long_rights, long_rights_index, rights_index, short_rights

if TYPE_CHECKING:
    from bootmap.facts.arm.permissions import Rights

S, R, WXN, UWXN = 1 << 8, 1 << 9, 1 << 19, 1 << 20


def spelled(rights: Rights) -> str:
    letters = zip("rwxrwx", (1 << bit for bit in range(6)), strict=True)
    text = "".join(letter if rights & bit else "-" for letter, bit in letters)
    return f"{text[:3]} {text[3:]}"


def short(arch: str, ap: int, *, sctlr: int = 0, xn: int = 0, pxn: int = 0, af: bool = False) -> str:
    return spelled(short_rights(ARCHES[arch], sctlr, access_flag=af)[rights_index(ap, xn, pxn)])


AP_TABLE = ["--- ---", "rwx ---", "rwx r-x", "rwx rwx", "--- ---", "r-x ---", "r-x r-x", "r-x r-x"]


@pytest.mark.parametrize("arch", ["v6k", "v6kz", "v7", "v7lpae"])
def test_short_rights_by_ap(arch: str) -> None:
    assert [short(arch, ap) for ap in range(8)] == AP_TABLE


def test_short_rights_before_v6k_reserve_111() -> None:
    assert [short("v6", ap) for ap in range(8)] == [*AP_TABLE[:7], "--- ---"]


@pytest.mark.parametrize("arch", ["v6k", "v7"])
def test_short_rights_with_the_access_flag_ignore_ap0(arch: str) -> None:
    found = [short(arch, ap, af=True) for ap in range(8)]
    assert found[0::2] == found[1::2] == ["rwx ---", "rwx rwx", "r-x ---", "r-x r-x"]


@pytest.mark.parametrize("arch", ["v4", "v5", "xscale", "v6", "v6k"])
def test_short_rights_of_ap_0_by_s_and_r(arch: str) -> None:
    assert [short(arch, 0, sctlr=sctlr) for sctlr in (0, S, R, S | R)] == ["--- ---", "r-x ---", "r-x r-x", "--- ---"]
    assert [short(arch, 1, sctlr=sctlr) for sctlr in (0, S, R)] == ["rwx ---"] * 3


def test_short_rights_on_v7_know_no_s_and_r() -> None:
    assert [short("v7", 0, sctlr=sctlr) for sctlr in (S, R)] == ["--- ---"] * 2


def test_short_rights_with_xn_and_pxn() -> None:
    assert short("v7", 3, xn=1) == "rw- rw-"
    assert short("v7lpae", 3, pxn=1) == "rw- rwx"
    assert short("v7lpae", 2, pxn=1) == "rw- r-x"


@pytest.mark.parametrize(
    ("sctlr", "expected"),
    [  # AP 001 rw/--, 010 rw/r-, 011 rw/rw, 101 r-/--, 111 r-/r-
        (0, ["rwx ---", "rwx r-x", "rwx rwx", "r-x ---", "r-x r-x"]),
        (WXN, ["rw- ---", "rw- r-x", "rw- rw-", "r-x ---", "r-x r-x"]),
        (UWXN, ["rwx ---", "rwx r-x", "rw- rwx", "r-x ---", "r-x r-x"]),
        (WXN | UWXN, ["rw- ---", "rw- r-x", "rw- rw-", "r-x ---", "r-x r-x"]),
    ],
)
def test_short_rights_write_execute_never(sctlr: int, expected: list[str]) -> None:
    assert [short("v7lpae", ap, sctlr=sctlr) for ap in (1, 2, 3, 5, 7)] == expected
    assert [short("v7", ap, sctlr=sctlr) for ap in (1, 2)] == ["rwx ---", "rwx r-x"]  # no such bits


def test_long_rights_by_ap_and_aptable() -> None:
    table = long_rights(ARCHES["v7lpae"], 0)

    def of(ap: int, ap_table: int) -> str:
        return spelled(table[long_rights_index(ap, ap_table, 1, 1)])

    assert [of(ap, 0) for ap in range(4)] == ["rw- ---", "rw- rw-", "r-- ---", "r-- r--"]
    assert [of(ap, 1) for ap in range(4)] == ["rw- ---", "rw- ---", "r-- ---", "r-- ---"]  # no PL0
    assert [of(ap, 2) for ap in range(4)] == ["r-- ---", "r-- r--", "r-- ---", "r-- r--"]  # no writes
    assert [of(ap, 3) for ap in range(4)] == ["r-- ---"] * 4


def test_long_rights_to_execute() -> None:
    def of(sctlr: int, ap: int, xn: int, pxn: int) -> str:
        return spelled(long_rights(ARCHES["v7lpae"], sctlr)[long_rights_index(ap, 0, xn, pxn)])

    assert [of(0, 3, xn, pxn) for xn, pxn in ((0, 0), (0, 1), (1, 0))] == ["r-x r-x", "r-- r-x", "r-- r--"]
    assert [of(WXN, ap, 0, 0) for ap in range(4)] == ["rw- ---", "rw- rw-", "r-x ---", "r-x r-x"]
    assert [of(UWXN, ap, 0, 0) for ap in range(4)] == ["rwx ---", "rw- rwx", "r-x ---", "r-x r-x"]
