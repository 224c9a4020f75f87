"""Which machine description the kernel picks, and what its callbacks do to memory.

Source: arch/arm/kernel/devtree.c ``setup_machine_fdt``, drivers/of/fdt.c ``of_flat_dt_match_machine``,
arch/arm/kernel/atags_parse.c ``setup_machine_tags``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootmap.inputs.fdt import Fdt
from bootmap.spec.machines import CALLBACKS, FLUSH_AREAS, MACHINES

if TYPE_CHECKING:
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import Kernel
    from bootmap.inputs.atags import AtagList
    from bootmap.spec.machines import Machine, StaticMap


@dataclass(frozen=True, slots=True)
class PickedMachine:
    """What is known of the machine.

    Attributes:
        machine: its description, None where it has no callbacks or they are not known.
        maps: groups of static mappings, None without ``map_io``.
        flush_areas: areas that are mapped to clean the cache.
        unknown: what its callbacks are that are not modelled, in words; "" for none.
    """

    machine: Machine | None
    maps: tuple[tuple[StaticMap, ...], ...] | None
    flush_areas: tuple[StaticMap, ...]
    unknown: str = ""


def pick_machine(kernel: Kernel, board: Fdt | AtagList | None, machine_id: int | None) -> PickedMachine:
    """The machine of ``board``: by the most specific compatible string, or by number."""
    flush = tuple(area for option, areas in FLUSH_AREAS.items() if kernel.config.enabled(option) for area in areas)
    names: tuple[str, ...] = ()
    if isinstance(board, Fdt):
        prop = board.root.get("compatible")
        names = tuple(prop.value.rstrip(b"\0").decode("latin-1").split("\0")) if prop else ()
    candidates = [machine for machine in MACHINES if _present(kernel, machine)]
    for name in names:
        for machine in candidates:
            if name in machine.compatible:
                return PickedMachine(machine, _maps(kernel, machine), flush)
        if name in CALLBACKS and kernel.config.enabled(CALLBACKS[name][0]):
            return PickedMachine(None, None, flush, f"{name}: its {CALLBACKS[name][1]} is not modelled")
    if not isinstance(board, Fdt) and machine_id is not None:
        for machine in candidates:
            if machine_id in machine.machine_ids:
                return PickedMachine(machine, _maps(kernel, machine), flush)
        return PickedMachine(None, None, flush, f"machine number {machine_id}: its map_io and reserve are not known")
    return PickedMachine(None, None, flush)


def _present(kernel: Kernel, machine: Machine) -> bool:
    if machine.since is not None and kernel.version < machine.since:
        return False
    if machine.until is not None and kernel.version >= machine.until:
        return False
    return all(kernel.config.enabled(option) for option in machine.options)


def _maps(kernel: Kernel, machine: Machine) -> tuple[tuple[StaticMap, ...], ...] | None:
    if machine.maps is None:
        return None
    if machine.maps_need and not kernel.config.enabled(machine.maps_need):
        return ()
    return machine.maps


_GIC_DISTRIBUTOR = 0x1000
"""Offset of the interrupt distributor in the private registers of a Cortex-A9 (TRM DDI 0407, 1.5)."""


def scu_base(handover: Handover) -> int:
    """Physical base of the boot CPU's private registers, as CBAR reads: the SCU of a Cortex-A9 is there.

    0 where the number of CPUs was not given: a single CPU without SCU is assumed then.
    """
    if handover.cpu.smp != "scu" or handover.cpus is None or not isinstance(handover.board, Fdt):
        return 0
    for node in handover.board.root.walk():
        compatible, reg = node.get("compatible"), node.get("reg")
        if compatible is None or reg is None or len(reg.value) < 4:
            continue
        names = compatible.value.split(b"\0")
        if b"arm,cortex-a9-scu" in names:
            return int.from_bytes(reg.value[:4], "big")
        if b"arm,cortex-a9-gic" in names:
            return int.from_bytes(reg.value[:4], "big") - _GIC_DISTRIBUTOR
    return 0
