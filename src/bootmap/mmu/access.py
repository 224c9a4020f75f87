"""The rights behind each combination of AP, XN and PXN bits, under one set of registers.

As with memory types, all combinations are worked out at once and a walk indexes the result.  Domains come
after this: what is granted here is granted to a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.arm.permissions import AP, AP_READ_ONLY_BOTH, AP_SIMPLE, AP_ZERO_SR, APTABLE_KEEPS, Rights
from bootmap.facts.arm.regs import SCTLR

if TYPE_CHECKING:
    from bootmap.facts.arm.regs import Arch


def rights_index(ap: int, xn: int, pxn: int) -> int:
    """Place of a combination in `short_rights`."""
    return ap << 2 | xn << 1 | pxn


def long_rights_index(ap: int, ap_table: int, xn: int, pxn: int) -> int:
    """Place of a combination in `long_rights`."""
    return ap << 4 | ap_table << 2 | xn << 1 | pxn


def short_rights(arch: Arch, sctlr: int, *, access_flag: bool) -> tuple[Rights, ...]:
    """What each AP[2:0], XN and PXN of a short descriptor grants (DDI 0406C B3.7, DDI 0100I B4.3)."""
    granted = []
    for ap in range(8):
        rights = AP_SIMPLE[ap >> 1] if access_flag else _by_ap(arch, sctlr, ap)
        granted += [rights | _execute(arch, sctlr, rights, xn, pxn) for xn in (0, 1) for pxn in (0, 1)]
    return tuple(granted)


def long_rights(arch: Arch, sctlr: int) -> tuple[Rights, ...]:
    """What each AP[2:1], APTable, XN and PXN of a long descriptor grants (DDI 0406C B3.7)."""
    granted = []
    for ap in range(4):
        for ap_table in range(4):
            rights = AP_SIMPLE[ap] & APTABLE_KEEPS[ap_table]
            granted += [rights | _execute(arch, sctlr, rights, xn, pxn) for xn in (0, 1) for pxn in (0, 1)]
    return tuple(granted)


def _by_ap(arch: Arch, sctlr: int, ap: int) -> Rights:
    if arch.protect_sr and ap == 0:
        return AP_ZERO_SR[SCTLR["S"].of(sctlr), SCTLR["R"].of(sctlr)]
    if ap == AP_READ_ONLY_BOTH and not arch.read_only_both:
        return Rights.NONE
    return AP[ap]


def _execute(arch: Arch, sctlr: int, granted: Rights, xn: int, pxn: int) -> Rights:
    """The execute rights beside ``granted``: nothing is executed that may not be read (DDI 0406C B3.7.2)."""
    if xn:
        return Rights.NONE
    priv, user = bool(granted & Rights.PRIV_READ) and not pxn, bool(granted & Rights.USER_READ)
    if arch.write_xn:
        wxn, uwxn = bool(SCTLR["WXN"].of(sctlr)), bool(SCTLR["UWXN"].of(sctlr))
        priv_write, user_write = granted & Rights.PRIV_WRITE, granted & Rights.USER_WRITE
        priv = priv and not (wxn and priv_write) and not (uwxn and user_write)
        user = user and not (wxn and user_write)
    return (Rights.PRIV_EXECUTE if priv else Rights.NONE) | (Rights.USER_EXECUTE if user else Rights.NONE)
