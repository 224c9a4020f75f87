"""The walk against Unicorn's MMU: random tables, registers and addresses, every answer compared.

Unicorn stands in for the hardware where the two agree.  Where they differ, the architecture manual decides;
the cases are named in `DEPARTURES`, each test says which of them must occur, and what the emulator answers in
them is itself predicted and compared, so that nothing can hide among the exceptions.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec.structs import replace

pytestmark = pytest.mark.oracle
pytest.importorskip("unicorn", reason="Unicorn, the emulator used as an oracle, is not installed")

from support import mmu_worlds as worlds  # noqa: E402
from support.mmu_machine import ACCESS, ATS, OWN, RAM, RAM_SIZE, RETURN, TABLES, TABLES_SIZE, Machine, Setup  # noqa: E402
from support.mmu_worlds import AFE, EE, TRE, UWXN, WXN, XP, Plan, R, S, World  # noqa: E402

from bootmap.facts.arm import short_desc  # noqa: E402
from bootmap.facts.arm.descriptors import Level, Role, table  # noqa: E402
from bootmap.facts.arm.faults import FaultKind  # noqa: E402
from bootmap.facts.arm.layout import RESERVED  # noqa: E402
from bootmap.facts.arm.permissions import DomainAccess, Rights  # noqa: E402
from bootmap.facts.arm.regs import ARCHES, SCTLR  # noqa: E402
from bootmap.mmu.memory import Chunks  # noqa: E402
from bootmap.mmu.regs import Regs  # noqa: E402
from bootmap.mmu.walk import Allowed, Fault, Mapped, Walk, check, walk  # noqa: E402
from bootmap.units import Span  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Allowed | Fault

IN_TABLES = Span(TABLES, TABLES + TABLES_SIZE)
IN_RAM = Span(RAM, RAM + RAM_SIZE)
FORBIDDEN = (DomainAccess.NO_ACCESS, DomainAccess.RESERVED)

DEPARTURES = {
    "domain before page": "QEMU 5.0 checks the domain before it reads the second-level descriptor; the manuals "
    "check it after (DDI 0406C B3.12, TranslationTableWalkSD; DDI 0100I B4.5): a page translation fault or an "
    "external abort there wins",
    "domain before access flag": "QEMU 5.0 checks the domain first; the access flag fault comes first "
    "(DDI 0406C B3.12)",
    "manager before access flag": "QEMU 5.0 leaves the access flag unchecked for a manager domain; it is "
    "checked in the walk, before any domain (DDI 0406C B3.12)",
    "write-execute never": "QEMU 5.0 ignores SCTLR.WXN and UWXN with short descriptors; they apply to both "
    "formats (DDI 0406C B3.7.2)",
    "reserved address bits": "bits of a block descriptor below its address field are reserved (UNK/SBZP, "
    "DDI 0406C B3.6.1); QEMU 5.0 ORs them into the address, bootmap ignores them",
    "absent table reads as zero": "where no memory answers a long-descriptor walk, Unicorn reads a 0; it is an "
    "external abort (DDI 0406C B3.12)",
    "fine tables on ARMv6": "QEMU 5.0 walks ARMv6's subpage format as ARMv5's, with fine page tables; first-level "
    "type 3 is reserved on ARMv6 (DDI 0301H 6.11.1)",
    "no supersections with subpages": "QEMU 5.0 takes bit 18 for no supersection in ARMv6's subpage format; it is "
    "one (DDI 0301H 6.11.1)",
}

# ARMv6 with subpages as QEMU 5.0 reads it: ARMv5's first level with the extended small page.
_QEMU_SUBPAGES = Level(
    1,
    4,
    20,
    12,
    tuple(
        table(d.layout, next(e.table for e in short_desc.V6_SUBPAGES.descriptors if e.table))
        if d.name == "coarse page table"
        else d
        for d in short_desc.V5.descriptors
    ),
)


@dataclass(frozen=True)
class Config:
    """A CPU, the worlds it is asked in, and the departures that must show."""

    cpu: str
    plan: Plan
    departures: frozenset[str] = frozenset()

    def __str__(self) -> str:
        form = "long" if self.plan.long else "subpages" if self._subpages else "short"
        return f"{self.cpu}-{form}"

    @property
    def _subpages(self) -> bool:
        return ARCHES[self.plan.arch].subpages is not None and not self.plan.sctlr & XP


def _config(cpu: str, arch: str, *departures: str, sctlr: int = 0, **plan: object) -> Config:
    plan = {"absent": 8, **plan}
    return Config(cpu, Plan(arch, sctlr, IN_TABLES, **plan), frozenset(departures))  # type: ignore[arg-type]


_DOMAINS = ("domain before page", "domain before access flag", "manager before access flag")
_LONG = ("reserved address bits", "absent table reads as zero")
_V7 = (AFE, TRE, EE)
_LPAE = (AFE, TRE, EE, WXN, UWXN)

BY_ATS = [
    _config("arm1176", "v6kz", *_DOMAINS, sctlr=XP, maybe=(*_V7, S, R)),
    _config(
        "arm1176",
        "v6kz",
        "domain before page",
        "fine tables on ARMv6",
        "no supersections with subpages",
        maybe=(S, R),
    ),
    _config("cortex-a8", "v7", *_DOMAINS, maybe=_V7),
    _config("cortex-a9", "v7", *_DOMAINS, maybe=_V7),
    _config("cortex-a7", "v7lpae", *_DOMAINS, maybe=_LPAE),
    _config("cortex-a15", "v7lpae", *_DOMAINS, maybe=_LPAE),
    _config("cortex-a7", "v7lpae", *_LONG, maybe=_LPAE, long=True),
    _config("cortex-a15", "v7lpae", *_LONG, maybe=_LPAE, long=True),
]
BY_ACCESS = [
    _config("sa1110", "v4", maybe=(S, R), targets=IN_RAM, split=False),
    _config("arm926", "v5", maybe=(S, R), targets=IN_RAM, split=False),
    _config("pxa270", "xscale", maybe=(S, R), targets=IN_RAM, split=False),
    _config("arm1136", "v6", sctlr=XP, maybe=(S, R, EE), targets=IN_RAM),
    _config("arm11mpcore", "v6k", "manager before access flag", sctlr=XP, maybe=(S, R, AFE, EE), targets=IN_RAM),
]
BY_CALL = [
    _config("arm926", "v5", maybe=(S, R), targets=IN_RAM, split=False),
    _config("arm1176", "v6kz", "manager before access flag", sctlr=XP, maybe=(S, R, *_V7), targets=IN_RAM),
    _config("cortex-a9", "v7", "manager before access flag", maybe=_V7, targets=IN_RAM),
    _config(
        "cortex-a15",
        "v7lpae",
        "manager before access flag",
        "write-execute never",
        maybe=_LPAE,
        targets=IN_RAM,
    ),
    _config("cortex-a15", "v7lpae", maybe=_LPAE, targets=IN_RAM, long=True),
]


def emulated(walked: Walk, access: Rights, without_wxn: Walk) -> tuple[str, Answer] | None:
    """What Unicorn is known to answer instead of the manual's answer, and why; None where nothing is known."""
    outcome, regime = walked.outcome, walked.regime
    last = walked.steps[-1] if walked.steps else None
    if regime.long:
        if isinstance(outcome, Fault) and outcome.kind is FaultKind.WALK_ABORT:
            status = regime.status[FaultKind.TRANSLATION, outcome.level]
            return "absent table reads as zero", Fault(FaultKind.TRANSLATION, outcome.level, status)
        if isinstance(outcome, Mapped) and last is not None:
            layout = last.descriptor.layout
            low = layout.address_fields[0].low
            below = sum(row.mask for row in layout.rows if row.name == RESERVED and 12 <= row.low < low)
            answer = check(walked, access)
            if last.word & below and isinstance(answer, Allowed):
                return "reserved address bits", Allowed(answer.pa | last.word & below)
        return None
    through = next((step for step in walked.steps if step.descriptor.role is Role.TABLE), None)
    if isinstance(outcome, Fault):
        if through is not None and regime.domains[through.fields["domain"]] in FORBIDDEN:
            return "domain before page", _domain_fault(walked, 2)
        return None
    if not outcome.attributes.accessed:
        if outcome.attributes.domain_access in FORBIDDEN:
            return "domain before access flag", _domain_fault(walked, outcome.level)
        if outcome.attributes.domain_access is DomainAccess.MANAGER:
            return "manager before access flag", Allowed(outcome.pa)
    lenient = check(without_wxn, access)
    if lenient != check(walked, access):
        return "write-execute never", lenient
    return None


def _domain_fault(walked: Walk, level: int) -> Fault:
    return Fault(FaultKind.DOMAIN, level, walked.regime.status[FaultKind.DOMAIN, level])


def subpages_emulated(world: World, walked: Walk) -> tuple[str, Walk] | None:
    """The walk as Unicorn does it with ARMv6's subpages, where it reads the first level differently."""
    word = walked.steps[0].word if walked.steps else 0
    kind = walked.steps[0].descriptor.name if walked.steps else ""
    if kind not in ("reserved", "supersection"):
        return None
    roots = tuple(replace(root, level=_QEMU_SUBPAGES) for root in walked.regime.roots)
    other = walk(world.memory, replace(walked.regime, roots=roots), walked.va)
    assert other.steps[0].word == word
    name = "fine tables on ARMv6" if kind == "reserved" else "no supersections with subpages"
    return name, other


class Tally:
    """Counts comparisons and departures; anything unexplained fails at once, with everything to repeat it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.compared = 0
        self.departed: collections.Counter[str] = collections.Counter()

    def add(self, world: World, walked: Walk, access: Rights, got: str, spell: Callable[[Walk, Answer], str]) -> None:
        self.compared += 1
        manual = spell(walked, check(walked, access))
        known: tuple[str, str] | None = None
        name = ""
        reread = subpages_emulated(world, walked) if self.config._subpages else None
        if reread is not None:
            name, walked = reread
            known = name, spell(walked, check(walked, access))
        lenient = walked
        if walked.regime.arch.write_xn and access & Rights.EXECUTE and not walked.regime.long:
            off = ~(SCTLR["WXN"].mask | SCTLR["UWXN"].mask)
            lenient = walk(world.memory, replace(world.regs, sctlr=world.regs.sctlr & off), walked.va)
        departure = emulated(walked, access, lenient)
        if departure is not None:
            known = name or departure[0], spell(walked, departure[1])
        expected = known[1] if known is not None else manual
        if got != expected:
            pytest.fail(
                f"{self.config}: {access!r} at {walked.va:#x}: manual {manual}, Unicorn {got}, "
                f"expected of it {expected} ({known and known[0]}); words "
                f"{[hex(step.word) for step in walked.steps]}, {world.regs}"
            )
        if known is not None and got != manual:
            self.departed[known[0]] += 1

    def report(self, record: Callable[[str, object], None]) -> None:
        record("comparisons", self.compared)
        print(f"\n{self.config}: {self.compared} comparisons, departures {dict(self.departed)}")
        assert set(self.departed) == self.config.departures


def spell_par(walked: Walk, answer: Answer) -> str:
    """PAR as it should be, in words.  A walk that aborts externally raises a data abort in place of PAR."""
    if isinstance(answer, Fault):
        aborts = answer.kind is FaultKind.WALK_ABORT
        return "abort" if aborts else f"fault {answer.status:#x}"
    outcome = walked.outcome
    assert isinstance(outcome, Mapped)
    if not walked.regime.long:
        # Of a supersection, ARMv7's PAR holds the upper byte (and PA[39:32], which Unicorn leaves out).
        if outcome.size == 1 << 24 and not walked.regime.arch.protect_sr:
            return f"supersection {answer.pa >> 24 & 0xFF:#x}"
        return f"page {answer.pa >> 12 & 0xFFFFF:#x}"
    index = walked.steps[-1].fields["AttrIndx"]
    mair = walked.regime.regs.mair1 << 32 | walked.regime.regs.mair0
    return f"page {answer.pa >> 12:#x} attributes {mair >> 8 * index & 0xFF:#x}"


def read_par(par: int, *, long: bool) -> str:
    if par == (1 << (64 if long else 32)) - 1:
        return "abort"
    if long:
        if par & 1:
            return f"fault {par >> 1 & 0x3F:#x}"
        return f"page {par >> 12 & 0xFFFFFFF:#x} attributes {par >> 56:#x}"
    if par & 1:
        return f"fault {par >> 1 & 0x1F:#x}"
    return f"supersection {par >> 24:#x}" if par & 2 else f"page {par >> 12:#x}"


def load(machine: Machine, world: World) -> None:
    for base, data in world.chunks.items():
        machine.write(base, data)
    names = ("sctlr", "ttbr0", "ttbr1", "ttbcr", "dacr", "mair0", "mair1")
    machine.enter(Setup(**{name: getattr(world.regs, name) for name in names}))


def worlds_of(config: Config, machine: Machine, numbers: range, count: int) -> Iterator[World]:
    plan = replace(config.plan, sctlr=config.plan.sctlr | machine.reset_sctlr)
    for number in numbers:
        world = worlds.make(plan, str(config), number, count)
        load(machine, world)
        yield world


def compare_ats(config: Config, numbers: range, count: int, record: Callable[[str, object], None]) -> None:
    machine, tally = Machine(config.cpu), Tally(config)
    for world in worlds_of(config, machine, numbers, count):
        walks = [walk(world.memory, world.regs, va) for va in world.vas.tolist()]
        for access in ATS:
            pars = machine.ats(world.vas, access, long=config.plan.long).tolist()
            for walked, par in zip(walks, pars, strict=True):
                tally.add(world, walked, access, read_par(par, long=config.plan.long), spell_par)
    tally.report(record)


def usable(world: World) -> list[Walk]:
    """Walks of word addresses outside the oracle's own, that fault or lead to RAM."""
    walks = [walk(world.memory, world.regs, va & ~3) for va in world.vas.tolist() if va >= OWN]
    return [w for w in walks if isinstance(w.outcome, Fault) or w.outcome.pa in IN_RAM]


def compare_accesses(config: Config, numbers: range, count: int, record: Callable[[str, object], None]) -> None:
    """Every word of RAM holds its own address, so that a load tells where it went."""
    machine, tally = Machine(config.cpu), Tally(config)
    addresses = np.arange(RAM, RAM + RAM_SIZE, 4, dtype="<u4").tobytes()
    for world in worlds_of(config, machine, numbers, count):
        machine.write(RAM, addresses)
        walks = usable(world)
        vas = np.array([walked.va for walked in walks], np.uint32)
        # Loads come first: stores change what they would find.
        for access in sorted(ACCESS, key=lambda right: right in Rights.WRITE):
            values, aborted = machine.accesses(vas, access)
            reads = access in Rights.READ

            def spell(_: Walk, answer: Answer, reads: bool = reads) -> str:
                if isinstance(answer, Fault):
                    return "abort"
                return f"read {answer.pa:#x}" if reads else "written"

            for walked, value, abort in zip(walks, values.tolist(), aborted.tolist(), strict=True):
                got = "abort" if abort else f"read {value:#x}" if reads else "written"
                tally.add(world, walked, access, got, spell)
    tally.report(record)


def compare_calls(config: Config, numbers: range, count: int, record: Callable[[str, object], None]) -> None:
    """RAM is full of returns, so that a call comes back unless its fetch aborts."""
    machine, tally = Machine(config.cpu), Tally(config)
    machine.write(RAM, np.full(RAM_SIZE // 4, RETURN, "<u4").tobytes())
    for world in worlds_of(config, machine, numbers, count):
        walks = usable(world)
        vas = np.array([walked.va for walked in walks], np.uint32)
        for access, user in ((Rights.PRIV_EXECUTE, False), (Rights.USER_EXECUTE, True)):
            for walked, abort in zip(walks, machine.calls(vas, user=user).tolist(), strict=True):
                tally.add(
                    world,
                    walked,
                    access,
                    "abort" if abort else "executed",
                    lambda _, answer: "abort" if isinstance(answer, Fault) else "executed",
                )
    tally.report(record)


@pytest.mark.parametrize("config", BY_ATS, ids=str)
def test_walk_random_tables_against_address_translation_operations(
    config: Config, record_property: Callable[[str, object], None]
) -> None:
    compare_ats(config, range(4), 500, record_property)


@pytest.mark.parametrize("config", BY_ACCESS, ids=str)
def test_walk_random_tables_against_loads_and_stores(
    config: Config, record_property: Callable[[str, object], None]
) -> None:
    compare_accesses(config, range(4), 400, record_property)


@pytest.mark.parametrize("config", BY_CALL, ids=str)
def test_walk_random_tables_against_calls(config: Config, record_property: Callable[[str, object], None]) -> None:
    compare_calls(config, range(4), 400, record_property)


@pytest.mark.parametrize("long", [False, True], ids=["supersection", "block"])
def test_walk_above_4g_against_loads(long: bool) -> None:
    """PAR leaves PA[39:32] of a supersection out, a load does not: memory at 0x8_4000_0000 holds its addresses."""
    high, size = 0x8_4000_0000, 16 << 20
    machine = Machine("cortex-a15")
    machine.uc.mem_map(high, size)
    machine.write(high, np.arange(size // 4, dtype="<u4").tobytes())
    # Both tables map the first 4 MiB flat and 0x6000_0000 to the memory above.
    if long:
        second = (TABLES + 0x1000, TABLES + 0x2000)
        words = {TABLES: second[0] | 3, TABLES + 8: second[1] | 3, second[1] + 8 * 0x100: high | 0x441}
        words |= {second[0] + 8 * index: index << 21 | 0x441 for index in range(2)}
        setup = Setup(sctlr=machine.reset_sctlr, ttbr0=TABLES, ttbcr=1 << 31)
    else:
        words = {TABLES + 4 * index: index << 20 | 0xC02 for index in range(4)}
        for copy in range(16):
            words[TABLES + 4 * (0x600 + copy)] = 0x4000_0000 | 8 << 20 | 1 << 18 | 0xC02
        setup = Setup(sctlr=machine.reset_sctlr, ttbr0=TABLES, dacr=1)
    for at, word in words.items():
        machine.write(at, word.to_bytes(8 if long else 4, "little"))
    machine.enter(setup)
    offsets = np.array([0, 4, 0x1234, 0x1F_FFFC], np.uint32)
    values, aborted = machine.accesses(offsets + np.uint32(0x6000_0000), Rights.PRIV_READ)
    assert not aborted.any()
    assert values.tolist() == (offsets // 4).tolist()

    regs = Regs(arch="v7lpae", sctlr=setup.sctlr | 1, ttbr0=TABLES, ttbcr=setup.ttbcr, dacr=1)
    memory = Chunks({at: word.to_bytes(8 if long else 4, "little") for at, word in words.items()})
    for offset in offsets.tolist():
        assert check(walk(memory, regs, 0x6000_0000 + offset), Rights.PRIV_READ) == Allowed(high + offset)


@pytest.mark.nightly
@pytest.mark.parametrize("config", BY_ATS, ids=str)
def test_walk_many_random_tables_against_address_translation_operations(
    config: Config, record_property: Callable[[str, object], None]
) -> None:
    compare_ats(config, range(1000, 1025), 1100, record_property)


@pytest.mark.nightly
@pytest.mark.parametrize("config", BY_ACCESS, ids=str)
def test_walk_many_random_tables_against_loads_and_stores(
    config: Config, record_property: Callable[[str, object], None]
) -> None:
    compare_accesses(config, range(1000, 1020), 800, record_property)


@pytest.mark.nightly
@pytest.mark.parametrize("config", BY_CALL, ids=str)
def test_walk_many_random_tables_against_calls(config: Config, record_property: Callable[[str, object], None]) -> None:
    compare_calls(config, range(1000, 1020), 800, record_property)
