"""Trying a change: the same board with one thing else, predicted again.

What is printed as a change was put through this, and its effect is what came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import boot
from bootmap.bootlog.findings import LogChange
from bootmap.errors import BootmapError
from bootmap.units import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.boot.sequence import Replay


class ChangeTrial(Struct, frozen=True):
    """One thing else.

    Attributes:
        what: the change, for people, with exact values.
        handover: fields of the handover that differ.
        version: another version of Linux.
        options: options of the configuration that differ, without CONFIG_; None unsets one.
    """

    what: str
    handover: Mapping[str, Any] | None = None
    version: tuple[int, ...] | None = None
    options: Mapping[str, str | None] | None = None


def retry(replay: Replay, trial: ChangeTrial) -> Replay:
    """The boot of ``replay``, with one thing else.

    Raises:
        BootmapError: it cannot be predicted so.
    """
    kernel = replay.state.kernel
    handover = replace(replay.state.handover, **(trial.handover or {}))
    config = kernel.config.changed(trial.options) if trial.options else kernel.config
    version, sublevel = (trial.version, 0) if trial.version else (kernel.version, kernel.sublevel)
    again = KernelModel(
        version, sublevel, config, kernel.symbols, kernel.overrides, kernel.file, kernel.platform_vmalloc_end
    )
    return boot(again, handover)


def proven(replay: Replay, trial: ChangeTrial, aim: str = "boots") -> LogChange | None:
    """The change with its effect, where the board boots with it; None where it does not help.

    Args:
        replay: the boot as it was.
        trial: what is changed.
        aim: what it is to reach: "boots", "ram" for more of it, or "initrd" for a boot with its initrd.
    """
    try:
        after = retry(replay, trial)
    except BootmapError:
        return None
    if after.outcome.verdict.boots is not True or (aim == "initrd" and not after.outcome.all_well):
        return None
    before_ram, ram = used_ram(replay), used_ram(after)
    if aim == "ram" and ram <= before_ram:
        return None
    words = "boots" if after.outcome.all_well else "boots without its initrd"
    return LogChange(trial.what, f"{words}, {size_text(ram)} of RAM", proven=True)


def used_ram(replay: Replay) -> int:
    """Bytes of RAM that memblock knows in the end and the kernel uses."""
    return sum(size for _, size, flags in replay.state.memblock.memory.regions if not flags & 4)
