"""QEMU's machines by name, as the commands that boot something take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import UsageError

if TYPE_CHECKING:
    from bootmap.facts.machines.qemu import QemuMachine


def qemu_machine(name: str) -> QemuMachine:
    """The machine ``name``.

    Raises:
        UsageError: it is not among those whose memory map is known.
    """
    from bootmap.facts.machines.qemu import MACHINES_BY_NAME

    if name not in MACHINES_BY_NAME:
        raise UsageError(f"--machine {name}: known are {', '.join(MACHINES_BY_NAME)}")
    return MACHINES_BY_NAME[name]
