"""What if the kernel were built otherwise: options changed and symbols moved, without a rebuilt kernel.

A kernel of another split is nearly the same image elsewhere in virtual memory, so its symbols are moved by the
difference of PAGE_OFFSET; those below it (vectors, stubs) stay.

Source: arch/arm/Kconfig VMSPLIT, PAGE_OFFSET, HIGHMEM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assumptions import Assumption
from bootmap.errors import UsageError
from bootmap.facts.linux.vmsplit import VMSPLITS
from bootmap.inputs.kconfig import Config, Option
from bootmap.inputs.symbols import Symbols
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.assemble.kernel import Kernel

VMSPLIT_OPTIONS = {"3g": "VMSPLIT_3G", "3g_opt": "VMSPLIT_3G_OPT", "2g": "VMSPLIT_2G", "1g": "VMSPLIT_1G"}
"""The splits as --vmsplit has them -> their options."""


def with_options(kernel: Kernel, changes: Mapping[str, str | None]) -> Kernel:
    """The kernel with options of its configuration set, or unset where the value is None."""
    old = kernel.config
    options = {name: Option(value, old.line(name) or 0) for name, value in old.items() if name not in changes}
    unset = {name: 0 for name, value in changes.items() if value is None}
    options |= {name: Option(value, 0) for name, value in changes.items() if value is not None}
    return replace(kernel, config=Config(options, unset, old.release, old.file))


def with_vmsplit(kernel: Kernel, split: str) -> Kernel:
    """The kernel with another split of virtual memory: ``3g``, ``3g_opt``, ``2g`` or ``1g``.

    Raises:
        UsageError: there is no such split.
    """
    option = VMSPLIT_OPTIONS.get(split.lower().removeprefix("vmsplit_"))
    if option is None:
        raise UsageError(f"--vmsplit {split}: expected 3g, 3g_opt, 2g or 1g")
    before, after = kernel.model().page_offset, VMSPLITS[option]
    changes = dict.fromkeys(VMSPLITS, None) | {option: "y", "PAGE_OFFSET": f"{after:#x}"}
    moved = with_options(kernel, changes)
    symbols, delta = kernel.symbols, after - before
    addresses = [at + delta if at >= before else at for at in symbols.values()]
    types = [symbols.type(name) for name in symbols]
    return replace(moved, symbols=Symbols(list(symbols), addresses, types, file=symbols.file), file=None)


def with_highmem(kernel: Kernel, on: bool) -> Kernel:
    """The kernel with or without CONFIG_HIGHMEM."""
    return with_options(kernel, {"HIGHMEM": "y" if on else None})


def with_lpae(kernel: Kernel) -> Kernel:
    """The kernel with long descriptors and HIGHMEM: the page directory is one page larger, below the image."""
    symbols = kernel.symbols
    moved = [at - PAGE_SIZE if name == "swapper_pg_dir" else at for name, at in symbols.items()]
    types = [symbols.type(name) for name in symbols]
    built = with_options(kernel, {"ARM_LPAE": "y", "HIGHMEM": "y", "PHYS_ADDR_T_64BIT": "y"})
    return replace(built, symbols=Symbols(list(symbols), moved, types, file=symbols.file), file=None)


def apply_whatifs(kernel: Kernel, vmsplit: str | None, highmem: bool | None) -> Kernel:
    """The kernel as these options of the command line would have it; each is noted as an assumption.

    Raises:
        UsageError: one has a value that there is not.
    """
    notes = []
    if vmsplit is not None:
        kernel = with_vmsplit(kernel, vmsplit)
        notes.append(Assumption(f"the kernel is built with {vmsplit.upper()}; its symbols are moved", "--vmsplit"))
    if highmem is not None:
        kernel = with_highmem(kernel, highmem)
        notes.append(Assumption(f"the kernel is built {'with' if highmem else 'without'} HIGHMEM", "--highmem"))
    return replace(kernel, assumptions=(*kernel.assumptions, *notes))
