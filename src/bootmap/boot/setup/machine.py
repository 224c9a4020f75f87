"""Which machine description the kernel picks, and what its callbacks do to memory.

Source: arch/arm/kernel/devtree.c ``setup_machine_fdt``, drivers/of/fdt.c ``of_flat_dt_match_machine``,
arch/arm/kernel/atags_parse.c ``setup_machine_tags``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from bootmap.facts.machines.numbers import NUMBERS_GONE
from bootmap.facts.machines.table import CALLBACKS, FLUSH_AREAS, MACHINES, MACHINES_BY_COMPATIBLE
from bootmap.inputs.fdt import Fdt

if TYPE_CHECKING:
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.facts.features.feature import Version
    from bootmap.facts.machines.machine import FlushArea, Machine, NodeAreas, NodeReg, StaticMap, TreeSays
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Node


class PickedMachine(Struct, frozen=True):
    """What is known of the machine.

    Attributes:
        machine: its description, None where it has no callbacks or they are not known.
        maps: groups of static mappings, None without ``map_io``.
        flush_areas: areas that are mapped to clean the cache.
        unknown: what its callbacks are that are not modelled, in words; "" for none.
    """

    machine: Machine | None
    maps: tuple[tuple[StaticMap, ...], ...] | None
    flush_areas: tuple[FlushArea, ...]
    unknown: str = ""


def pick_machine(kernel: KernelModel, board: Fdt | AtagList | None, machine_id: int | None) -> PickedMachine:
    """The machine of ``board``: by the most specific compatible string, or by number."""
    flush = tuple(area for option, areas in FLUSH_AREAS.items() if kernel.config.enabled(option) for area in areas)
    names: tuple[str, ...] = ()
    if isinstance(board, Fdt):
        names = tuple(name.lower() for name in _strings(board.root, "compatible"))  # compared with strcasecmp
    for name in names:
        for machine in MACHINES_BY_COMPATIBLE.get(name, ()):
            if _is_there(kernel, board, machine):
                return PickedMachine(machine, _maps(kernel, machine), flush)
        if name in CALLBACKS:
            missing = CALLBACKS[name]
            if kernel.config.enabled(missing.option) and _covers(kernel, missing.since, missing.until):
                return PickedMachine(None, None, flush, f"{name}: its {missing.callbacks} is not modelled")
    if not isinstance(board, Fdt) and machine_id is not None:
        gone = NUMBERS_GONE.get(machine_id)
        if gone is not None and kernel.version >= gone:
            text = ".".join(map(str, gone))
            return PickedMachine(None, None, flush, f"number {machine_id}: {text} has no description with it")
        for machine in MACHINES:
            if machine_id in machine.machine_ids and _is_there(kernel, board, machine):
                return PickedMachine(machine, _maps(kernel, machine), flush)
        return PickedMachine(None, None, flush, f"number {machine_id}: its map_io and reserve are not known")
    return PickedMachine(None, None, flush)


def _is_there(kernel: KernelModel, board: Fdt | AtagList | None, machine: Machine) -> bool:
    return applies(kernel, machine) and (not machine.tree or _says(board, machine.tree))


class _Row(Protocol):
    """A fact that holds for some releases and configurations."""

    @property
    def options(self) -> tuple[str, ...]: ...
    @property
    def since(self) -> Version | None: ...
    @property
    def until(self) -> Version | None: ...


def applies(kernel: KernelModel, row: _Row) -> bool:
    """Whether ``row`` is of this release and configuration."""
    return _covers(kernel, row.since, row.until) and kernel.configured(row.options)


def _covers(kernel: KernelModel, since: Version | None, until: Version | None) -> bool:
    return (since is None or kernel.version >= since) and (until is None or kernel.version < until)


def _maps(kernel: KernelModel, machine: Machine) -> tuple[tuple[StaticMap, ...], ...] | None:
    if machine.maps is None:
        return None
    return tuple(tuple(row for row in group if applies(kernel, row)) for group in machine.maps)


def _strings(node: Node, name: str) -> tuple[str, ...]:
    prop = node.get(name)
    return tuple(prop.value.rstrip(b"\0").decode("latin-1").split("\0")) if prop else ()


def _says(board: Fdt | AtagList | None, wanted: TreeSays) -> bool:
    """Whether the first node of that name says so (``v2m_dt_scan_memory_map``)."""
    if not isinstance(board, Fdt):
        return False
    node = next((node for node in board.root.walk() if node.name == wanted.node), None)
    return node is not None and _strings(node, wanted.prop)[:1] == (wanted.value,)


def node_reg(board: Fdt | AtagList | None, wanted: NodeReg) -> tuple[int, int] | None:
    """First and second cell of the ``reg`` that ``wanted`` asks for; 0 for a second one that is not there."""
    if not isinstance(board, Fdt):
        return None
    for node in board.walk("reg"):
        reg = node.get("reg")
        if reg is None or not set(wanted.compatible) & set(_strings(node, "compatible")):
            continue
        cells = [int.from_bytes(reg.value[i : i + 4], "big") for i in range(0, len(reg.value) - 3, 4)]
        if cells and wanted.cells in (0, len(reg.value) // 4):
            return cells[0], cells[1] if len(cells) > 1 else 0
    return None


def node_areas(board: Fdt | AtagList | None, wanted: NodeAreas) -> list[tuple[int, int]]:
    """Address and size of every area that ``wanted`` names, in its order; [] where no node names them all."""
    if not isinstance(board, Fdt):
        return []
    for compatible in wanted.compatible:
        for node in board.walk("compatible"):
            if compatible not in _strings(node, "compatible"):
                continue
            values = [prop.value for name in wanted.props if (prop := node.get(name)) is not None]
            if len(values) == len(wanted.props) and all(len(value) == _TWO_CELLS for value in values):
                return [(int.from_bytes(value[:4], "big"), int.from_bytes(value[4:], "big")) for value in values]
    return []


_TWO_CELLS = 8
_GIC_DISTRIBUTOR = 0x1000
"""Offset of the interrupt distributor in the private registers of a Cortex-A9 (TRM DDI 0407, 1.5)."""


def scu_base(handover: Handover) -> int:
    """Physical base of the boot CPU's private registers, as CBAR reads: the SCU of a Cortex-A9 is there.

    0 where the number of CPUs was not given: a single CPU without SCU is assumed then.
    """
    if handover.cpu.smp != "scu" or handover.cpus is None or not isinstance(handover.board, Fdt):
        return 0
    for node in handover.board.walk("compatible"):
        compatible, reg = node.get("compatible"), node.get("reg")
        if compatible is None or reg is None or len(reg.value) < 4:
            continue
        names = compatible.value.split(b"\0")
        if b"arm,cortex-a9-scu" in names:
            return int.from_bytes(reg.value[:4], "big")
        if b"arm,cortex-a9-gic" in names:
            return int.from_bytes(reg.value[:4], "big") - _GIC_DISTRIBUTOR
    return 0
