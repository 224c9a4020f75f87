"""A campaign from its options: the kernels are read, and asked for what their symbols lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.verify.fuzz.campaign import Campaign
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.run import qemu_machine
from bootmap.verify.text_symbols import completed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bootmap.verify.fuzz.trial import Trial


def fuzz_campaign(
    kernels: Sequence[str],
    machine: str,
    memory: int | None,
    output: str | None,
    failure_lines: Callable[[Trial], Sequence[str]],
) -> Campaign:
    """A campaign of made-up boards on ``kernels``.

    Args:
        kernels: each a zImage or Image, the folder of a build tree, or ``FILE,CONFIG,SYSTEM_MAP``.
        machine: QEMU's machine.
        memory: bytes of its RAM, None for all that it takes.
        output: a folder for results and failing boards, None to keep nothing.
        failure_lines: how a failure is told in the kept files.

    Raises:
        BootmapError: a kernel cannot be read, or there is no such machine.
    """
    spec = qemu_machine(machine)
    loaded = [completed(load_kernel(path), Setup(spec, memory or spec.default)) for path in kernels]
    return Campaign(loaded, machine, memory, output, failure_lines)
