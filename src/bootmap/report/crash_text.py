"""``walk --crash`` and ``tables --format crash``: what crash's ``vtop`` prints, but for the lines about struct page.

Source: crash 8, memory.c ``do_vtop``, arm.c ``arm_vtop``, ``arm_lpae_vtop``, ``arm_translate_pte``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.linux.linux_prot import SHORT
from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.analysis.vtop import Vtop

_FLAGS = (
    (SHORT.pte.present, True, "PRESENT"),
    (SHORT.pte.dirty, True, "DIRTY"),
    (SHORT.pte.young, True, "YOUNG"),
    (SHORT.pte.rdonly, False, "WRITE"),
    (SHORT.pte.xn, False, "EXEC"),
)


def crash_listing(found: Iterable[Vtop]) -> str:
    """What one ``vtop`` with all these addresses prints, without the end of its last line.

    crash does not end the line with which it leaves a pte that is not present, so that a blank line less follows.
    """
    return "\n".join(crash_text(one) + ("\n" if _swapped(one) else "\n\n") for one in found).removesuffix("\n")


def crash_text(found: Vtop) -> str:
    """The lines of one address."""
    lines = [f"{'VIRTUAL':8}  {'PHYSICAL':8}"]
    lines += [f"{found.va:<8x}  {'(not mapped)' if found.pa is None else f'{found.pa:<8x}'}", ""]
    lines.append(f"PAGE DIRECTORY: {found.directory:x}")
    lines.append(f"  PGD: {found.pgd[0]:8x} => {found.pgd[1]:x}")
    if not found.long and found.pgd[1]:
        lines.append(f"  PMD: {found.pgd[0]:8x} => {found.pgd[1]:x}")
    if found.section is not None:
        base, size = found.section
        lines += [f" PAGE: {base:8x}  ({size // MIB}MB)", ""]
    if found.pte is not None:
        lines += [f"  PTE: {found.pte[0]:8x} => {found.pte[1]:x}", ""]
        if found.page is not None:
            lines += [f" PAGE: {found.page & 0xFFFFFFFF:8x}", "", *_pte(found)]
        elif _swapped(found):
            lines += ["", f"{'PTE':^{len(f'{found.pte[1]:x}')}}  "]
    return "\n".join(lines)


def _swapped(found: Vtop) -> bool:
    """Whether the pte is one that crash takes for a swap entry."""
    return found.pte is not None and found.page is None and found.pte[1] != 0


def _pte(found: Vtop) -> tuple[str, str]:
    """The two lines about a pte: heads centred over the values, flags by the short format's bits."""
    assert found.pte is not None
    assert found.page is not None
    pte, physical = f"{found.pte[1]:x}", f"{found.page:x}"
    flags = "|".join(name for bit, wanted, name in _FLAGS if bool(found.pte[1] & bit) is wanted)
    first, second = max(len(pte), len("PTE")), max(len(physical), len("PHYSICAL"))
    heads = f"{_centred('PTE', first, left=False)}  {_centred('PHYSICAL', second, left=False)}  FLAGS"
    return heads, f"{_centred(pte, first, left=True)}  {_centred(physical, second, left=True)}  ({flags})"


def _centred(text: str, width: int, *, left: bool) -> str:
    """``text`` in the middle; an odd blank goes to the left or to the right of it."""
    extra = width - len(text)
    before = (extra + 1) // 2 if left else extra // 2
    return " " * before + text + " " * (extra - before)
