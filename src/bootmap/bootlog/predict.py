"""The prediction for the board of a log: what the user gives goes before what the log tells.

No line says how large the largest block of the buddy allocator is, yet CMA areas are aligned to it: the usual one is
tried first, then those that some SoCs choose (arch/arm/Kconfig ARCH_FORCE_MAX_ORDER).

Not here: the comparison of log and prediction.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from bootmap.analysis.overview import virtual_layout
from bootmap.assemble.cpu import CPUID_SCHEME, with_cache
from bootmap.assemble.guess import place_of_description
from bootmap.assemble.kernel import version_of
from bootmap.assumptions import Assumption
from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import boot
from bootmap.bootlog.board import board_from_log
from bootmap.bootlog.claims.context import Basis
from bootmap.bootlog.given import Given
from bootmap.bootlog.weights.used import assumed, settled
from bootmap.errors import UnsupportedError
from bootmap.facts.arm.cpus import GENERIC_V7, cpu_by_midr
from bootmap.inputs.board import parse_board
from bootmap.inputs.kconfig import parse as parse_config
from bootmap.inputs.symbols import parse as parse_symbols
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.board import LogBoard
    from bootmap.bootlog.evidence import Weighed
    from bootmap.bootlog.log import Log
    from bootmap.facts.arm.cpus import Cpu

ORDERS = (None, *range(11, 15), 9, 8)
"""Orders of the largest block that configurations choose, the usual 10 first: 8 MiB to 64 MiB, 2 MiB and 1 MiB."""


class FromLog(Struct, frozen=True, dict=True):
    """A prediction for a log.

    Attributes:
        replay: the prediction.
        board: what was made of the log.
        given: what the user said.
        max_order: order of the largest block of the buddy allocator; None for the usual one.
        whole: whether board and kernel are given whole, so that nothing of the log went into the prediction.
    """

    replay: Replay
    board: LogBoard
    given: Given
    max_order: int | None = None
    whole: bool = False

    @cached_property
    def values(self) -> tuple[Weighed[Any], ...]:
        """Every number that the prediction used, with the lines for and against it."""
        return settled(self.board.weights, self.replay)

    @property
    def assumptions(self) -> list[str]:
        """What was taken for what is not known: numbers first, as they were used."""
        numbers = [] if self.whole else assumed(self.values)
        return [str(each) for each in (*numbers, *self.replay.state.assumptions)]

    @property
    def basis(self) -> Basis:
        """What it was made of."""
        known = self.given.config is not None and self.given.symbols is not None
        from_log = self.given.board is None
        return Basis(self.board.taken, self.board.phys_known, from_log, not known)


def predict_from_log(log: Log, given: Given | None = None, fits: Callable[[FromLog], bool] | None = None) -> FromLog:
    """Make a board of ``log`` and predict its boot.

    Args:
        log: the log.
        given: what the user says.
        fits: whether CMA areas lie where the log says; asked for one order of the largest block after the other.

    Raises:
        BootmapError: the log does not tell enough, or what it tells is not modelled.
    """
    given = given or Given()
    made = board_from_log(log, given)
    first = _predict(made, given, None, log)
    if fits is None or not log.all("cma", "cma_failed") or given.config is not None or fits(first):
        return first
    for order in ORDERS[1:]:
        found = _predict(made, given, order, log)
        if fits(found):
            return found
    return first


def areas_of(prediction: Replay) -> dict[str, Span]:
    """The virtual areas of a prediction by their names."""
    return {area.name: Span(area.start, area.end) for area in virtual_layout(prediction, prediction.usual_stage)}


def beside(replay: Replay, log: Log, given: Given) -> FromLog:
    """A prediction that was made without the log, beside what the log tells.

    Raises:
        InputError: what the log tells cannot be.
    """
    known = replace(given, cpu=given.cpu or replay.state.handover.cpu)
    made = board_from_log(log, known)
    told = replace(made, taken=frozenset(), assumptions=())
    return FromLog(replay, told, replace(known, params=given.params or replay.state.handover.params), whole=True)


def repredict(found: FromLog, log: Log, **changes: object) -> FromLog:
    """The same with other things given, for trying what else fits."""
    given = replace(found.given, **changes)
    return _predict(found.board, given, found.max_order, log)


def _predict(made: LogBoard, given: Given, max_order: int | None, log: Log) -> FromLog:
    taken, assumptions = set(made.taken), list(made.assumptions)
    cpu = given.cpu or _cpu(made.identity.midr or 0, assumptions)
    cpu = with_cache(cpu, made.identity.cache)
    kernel = kernel_of(made, given, max_order)
    if max_order is not None:
        assumptions.append(
            f"CONFIG_ARCH_FORCE_MAX_ORDER is {_order(kernel, max_order)}: so the CMA area lies where the log says"
        )
    if kernel.platform_vmalloc_end is not None and not kernel.has("vmalloc_end_ff0"):
        taken.add("vmalloc.end")
    if made.cpus_from_policy and cpu.smp == "scu" and kernel.has("smp") and not given.cpus:
        taken.add("policy")
        many = "two CPUs or more" if made.cpus == 2 else "one CPU"
        assumptions.append(f"{many}: so the cache policy is what the log says (--cpus)")
    tree = given.board if given.board is not None else parse_board(made.description)
    if given.board is not None and (given.config is None or given.symbols is None):
        assumptions.append("version, configuration and symbols of the kernel are what the log tells of them")
    handover = Handover(
        board=tree,
        params=(made.places.params if given.params is None else given.params) or 0,
        phys_offset=made.phys_offset,
        cpu=cpu,
        cpus=given.cpus or made.cpus,
        machine_id=given.machine_id,
        cmdline=made.cmdline if given.board is not None and made.identity.cmdline_known else given.cmdline,
        initrd=given.initrd or made.places.initrd,
        static_maps=given.static_maps,
        efi=made.firmware,
        dtcm=_banks_of(given.dtcm, made.dtcm, tcm=cpu.tcm),
        itcm=_banks_of(given.itcm, made.itcm, tcm=cpu.tcm),
    )
    if not handover.params:
        params, guess = place_of_description(kernel, handover)
        handover = replace(handover, params=params)
        assumptions.append(str(guess))
    handover = replace(handover, assumptions=tuple(map(Assumption, assumptions)))
    board = replace(made, taken=frozenset(taken))
    return FromLog(boot(kernel, handover), board, given, max_order)


def _cpu(midr: int, assumptions: list[str]) -> Cpu:
    """The CPU of a log.

    Raises:
        UnsupportedError: it is not modelled.
    """
    found = cpu_by_midr(midr)
    if found is None and midr & CPUID_SCHEME == CPUID_SCHEME:
        assumptions.append(f"MIDR {midr:#010x} is a core that only the kernel's generic ARMv7 entry takes (--cpu)")
        return replace(GENERIC_V7, midr=midr)
    if found is None:
        raise UnsupportedError(f"the CPU {midr:#010x} of the log is not modelled; give a like one with --cpu")
    return found


def _banks_of(given: tuple[int, ...] | None, made: tuple[int, ...] | None, *, tcm: bool) -> tuple[int, ...] | None:
    if given is not None:
        return given
    return made if tcm else None


def kernel_of(made: LogBoard, given: Given, max_order: int | None = None) -> KernelModel:
    """The kernel: what the user gives of it, the rest made of the log.

    Raises:
        UsageError: its version is none.
        UnsupportedError: its version is not modelled.
    """
    version, sublevel = version_of(made.identity.version, None, None)
    symbols = given.symbols or parse_symbols(made.symbols.encode())
    end = made.identity.vmalloc_end

    def with_config(text: str) -> KernelModel:
        config = given.config or parse_config(text.encode())
        return KernelModel(version, sublevel, config, symbols, given.features, given.image, end)

    kernel = with_config(made.config)
    if max_order is None:
        return kernel
    return with_config(f"{made.config}CONFIG_ARCH_FORCE_MAX_ORDER={_order(kernel, max_order)}\n")


def _order(kernel: KernelModel, max_order: int) -> int:
    """As the configuration of that version counts it."""
    return max_order + (0 if kernel.has("max_order_inclusive") else 1)
