"""Random translation tables, registers and addresses: a helper of the differential and property tests.

Descriptors are drawn kind by kind so that every kind occurs, with every bit that has no fixed value random,
and now and then a word is noise.  The first 4 MiB are mapped flat for the oracle's own code.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from bootmap.facts.arm.descriptors import Descriptor, Level, Role
from bootmap.facts.arm.layout import RESERVED
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import Regs, regime_of

if TYPE_CHECKING:
    from bootmap.units import Span

OWN_DOMAIN = 15
EAE = 1 << 31
NOWHERE = 0xE0000000
M, XP, EE, AFE, TRE, WXN, UWXN, S, R = (1 << bit for bit in (0, 23, 25, 29, 28, 19, 20, 8, 9))


@dataclass
class World:
    """One experiment: what the CPU's registers hold, what lies in memory, which addresses to ask for."""

    regs: Regs
    chunks: dict[int, bytes]
    vas: np.ndarray

    @cached_property
    def memory(self) -> Chunks:
        return Chunks(self.chunks)


class Plan(Struct):
    """What a world may be like.

    Attributes:
        arch: key of ``ARCHES``.
        sctlr: bits that are set whatever is drawn.
        maybe: SCTLR bits that are drawn.
        tables: where tables lie.
        targets: physical addresses that blocks and pages are to map, with reserved bits clear; anything
            where it is None.
        long: long descriptors.
        absent: how many of a thousand tables lie where there is no memory.
        split: TTBR1 is used too, in half of the worlds.
        filled: the part of the first level's entries that are more than 0.
        pool: how many different tables there are of each level below the first.
    """

    arch: str
    sctlr: int
    tables: Span
    maybe: tuple[int, ...] = ()
    targets: Span | None = None
    long: bool = False
    absent: int = 0
    split: bool = True
    pool: int = 8
    filled: float = 1.0


def make(plan: Plan, name: str, number: int, count: int) -> World:
    """World ``number`` of a series, with ``count`` addresses to ask for; always the same.

    Each of the SCTLR bits that may be set is set in exactly one of two successive worlds.
    """
    drawn = random.Random(f"{name} {number // 2}").getrandbits(len(plan.maybe))
    chosen = ~drawn if number % 2 else drawn
    sctlr = plan.sctlr | M | sum(bit for place, bit in enumerate(plan.maybe) if chosen >> place & 1)
    return _Maker(plan, random.Random(f"{name} {number}")).make(sctlr, count)


class _Maker:
    def __init__(self, plan: Plan, rng: random.Random) -> None:
        self.plan = plan
        self.rng = rng
        self.free = plan.tables.start
        self.pools: dict[int, list[int]] = {}
        self.words: dict[int, list[int]] = {}
        self.choices: dict[int, list[Descriptor]] = {}
        self.entry = 8 if plan.long else 4

    def make(self, sctlr: int, count: int) -> World:
        regs = self.long_regs(sctlr) if self.plan.long else self.short_regs(sctlr)
        regime = regime_of(regs)
        for number, root in enumerate(regime.roots):
            # A root starts at its table's alignment; the tables were laid out for that in *_regs.
            self.fill(root.level, root.base, 1 << root.index_bits)
            if number == 0:
                self.map_own(root.level, root.base)
        order = "big" if regime.byteorder == "big" else "little"
        chunks = {
            base: b"".join(word.to_bytes(self.entry, order) for word in words) for base, words in self.words.items()
        }
        return World(regs, chunks, self.addresses(count))

    def take(self, size: int, align: int | None = None) -> int:
        align = align or size
        self.free = -(-self.free // align) * align
        base, self.free = self.free, self.free + size
        assert self.free <= self.plan.tables.end, "too many tables"
        return base

    def short_regs(self, sctlr: int) -> Regs:
        rng, word = self.rng, self.rng.getrandbits
        split = self.plan.split and rng.random() < 0.5
        n = rng.randrange(8) if split else 0
        ttbcr = n | (0x20 if n and rng.random() < 0.15 else 0)
        own = 3 << 2 * OWN_DOMAIN
        return Regs(
            arch=self.plan.arch,
            sctlr=sctlr,
            ttbr0=self.take(0x4000 >> n, 0x4000) | word(7 if split else 0),
            ttbr1=self.take(0x4000) | word(7) if n else 0,
            ttbcr=ttbcr,
            dacr=word(32) | own,
            prrr=word(32),
            nmrr=word(32),
        )

    def long_regs(self, sctlr: int) -> Regs:
        rng, word = self.rng, self.rng.getrandbits
        t0, t1 = (rng.choice((0, 0, 1, 2, 3, 5, 7)) for _ in range(2))
        ttbcr = EAE | t1 << 16 | t0 | (word(14) & 0x3F00) | (word(6) << 24 & 0x3F000000) | word(1) << 22
        if rng.random() < 0.15:
            ttbcr |= 1 << 23
        # Both tables at 4 KiB suits every T0SZ and T1SZ.
        bases = [self.take(0x1000) for _ in range(2)]
        return Regs(
            arch=self.plan.arch,
            sctlr=sctlr,
            ttbr0=bases[0] | word(8) << 48,
            ttbr1=bases[1] | word(8) << 48,
            ttbcr=ttbcr,
            dacr=word(32),
            mair0=word(32),
            mair1=word(32),
        )

    def fill(self, level: Level, base: int, count: int) -> None:
        self.words[base] = [self.word(level) for _ in range(count)]

    def word(self, level: Level) -> int:
        rng = self.rng
        if level.number == 1 and rng.random() > self.plan.filled:
            return 0
        choices = self.choices.get(id(level))
        if choices is None:
            useful = [d for d in level.descriptors if d.role is not Role.INVALID]
            choices = self.choices[id(level)] = useful * 5 + list(level.descriptors)
        kind = choices[int(rng.random() * len(choices))]
        layout = kind.layout
        word = rng.getrandbits(layout.width) & ~layout.fixed_mask | layout.fixed_value
        if kind.name == "reserved":
            word |= NOWHERE  # whoever takes it for a table finds no memory
        if kind.role is Role.TABLE:
            return self.point(kind, word, self.table(kind))
        if kind.role is Role.BLOCK and self.plan.targets is not None:
            for row in layout.rows:
                word &= ~row.mask if row.name == RESERVED else ~0
            span = self.plan.targets
            word = self.point(kind, word, span.start + int(rng.random() * span.size))
        return word

    def table(self, kind: Descriptor) -> int:
        """The address of one of a few tables of the level below, made when first wanted."""
        rng, level = self.rng, kind.table
        assert level is not None
        if rng.randrange(1000) < self.plan.absent:
            return NOWHERE
        pool = self.pools.setdefault(id(level), [])
        if len(pool) < self.plan.pool:
            base = self.take(level.table_bytes)
            pool.append(base)
            self.fill(level, base, 1 << level.index_bits)
        return rng.choice(pool)

    @staticmethod
    def point(kind: Descriptor, word: int, pa: int) -> int:
        """``word`` with its address fields set to ``pa``."""
        for row in kind.layout.address_fields:
            value = pa >> (row.address_at or 0) & ((1 << row.width) - 1)
            word = word & ~row.mask | row.put(value)
        return word

    def map_own(self, level: Level, base: int) -> None:
        """Map the first 4 MiB flat, for privileged and user, code and data."""
        if not self.plan.long:
            section = next(d.layout for d in level.descriptors if d.name == "section")
            for index in range(4):
                fields = {"base": index, "AP[1:0]": 3, "domain": OWN_DOMAIN}
                self.words[base][index] = section.encode(**fields)
            return
        if level.number == 1:
            below = next(d for d in level.descriptors if d.role is Role.TABLE)
            table = self.take(0x1000)
            assert below.table is not None
            self.fill(below.table, table, 512)
            self.words[base][0] = self.point(below, below.layout.encode(), table)
            level, base = below.table, table
        block = next(d.layout for d in level.descriptors if d.role is Role.BLOCK)
        # Code is read-only and data never executed, so that WXN and UWXN leave both usable.
        code = {"base": 0, "AP[2:1]": 3, "AF": 1}
        data = {"base": 1, "AP[2:1]": 1, "AF": 1, "XN": 1}
        self.words[base][0:2] = [block.encode(**code), block.encode(**data)]

    def addresses(self, count: int) -> np.ndarray:
        rng = np.random.default_rng(self.rng.getrandbits(32))
        vas = rng.integers(0, 1 << 32, count, dtype=np.uint64)
        edges = rng.integers(0, 2, count, dtype=np.uint64) * 0xFFF
        near = rng.random(count) < 0.25  # first or last bytes of a page
        vas[near] = vas[near] & ~np.uint64(0xFFF) | edges[near]
        return vas.astype(np.uint32)
