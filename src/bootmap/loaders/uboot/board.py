"""The board as U-Boot sees it when a boot command begins: RAM, its own place, and the list of memory it starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.uboot import NO_MAP, NO_OVERWRITE, OLD_NO_MAP, STACK_DEPTH, STACK_SIZE
from bootmap.inputs.uboot_env import hextoul
from bootmap.loaders.uboot.lmb import Lmb, Region
from bootmap.shown import Shown
from bootmap.units import KIB, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.inputs.bdinfo import Bdinfo
    from bootmap.loaders.uboot.release import UBoot

_ULONG = 0xFFFFFFFF


class UBootBoard(Shown, Struct, frozen=True):
    """RAM and U-Boot's place in it.

    Attributes:
        banks: RAM.
        sp_start: the stack pointer that U-Boot started with.
        memory: the list's memory, as bdinfo shows it; empty for all of RAM.
        reserved: regions that bdinfo shows as reserved; empty where it does not show them.
        assumptions: what was not given and what was taken instead, in words.
        no_case: see ``Bdinfo``.
    """

    banks: tuple[Span, ...]
    sp_start: int
    memory: tuple[Region, ...] = ()
    reserved: tuple[Region, ...] = ()
    assumptions: tuple[str, ...] = ()
    no_case: int = 0

    @classmethod
    def of(cls, info: Bdinfo) -> UBootBoard:
        """From what bdinfo printed."""
        memory, reserved = (tuple(Region(*row) for row in rows) for rows in (info.memory, info.reserved))
        assumptions = []
        sp = info.sp_start
        if sp is None:
            sp = (info.relocaddr or info.banks[0].end) - 18 * 1024 * KIB
            assumptions.append(f"U-Boot's stack begins at {sp:#010x}: bdinfo does not say where")
        return cls(info.banks, sp, memory, reserved, tuple(assumptions), info.no_case)

    @classmethod
    def of_banks(cls, uboot: UBoot, banks: tuple[Span, ...]) -> UBootBoard:
        """RAM only: U-Boot and its heap are taken to be as large as Debian's build for QEMU."""
        end = min(banks[0].end, 1 << 32)
        below = 0x1A5E000 if uboot.does("global_lmb") else 0x1209000
        text = f"U-Boot, its heap and its stack take the last {below >> 20} MiB of the first bank"
        return cls(banks, end - below, assumptions=(text,))

    def low(self, uboot: UBoot, env: Mapping[str, str]) -> int:
        """bootm_low: where the kernel's memory begins (env_get_bootm_low)."""
        if "bootm_low" in env:
            return hextoul(env["bootm_low"]) & (uboot.address_mask if uboot.does("global_lmb") else _ULONG)
        return self._ram_base(uboot)

    def size(self, uboot: UBoot, env: Mapping[str, str]) -> int:
        """bootm_size: bytes of it (env_get_bootm_size)."""
        mask = uboot.address_mask
        if "bootm_size" in env:
            return hextoul(env["bootm_size"]) & mask
        start, size = self._ram_base(uboot), sum(bank.size for bank in self.banks) & mask
        ram_top = self.ram_top & mask
        if (start + size) & mask > ram_top:
            size = ram_top - start
        low = hextoul(env["bootm_low"]) & mask if "bootm_low" in env else start
        return (size - (low - start)) & mask

    def mapsize(self, uboot: UBoot, env: Mapping[str, str]) -> int:
        """bootm_mapsize: bytes of it that the kernel maps early (env_get_bootm_mapsize)."""
        if "bootm_mapsize" in env:
            return hextoul(env["bootm_mapsize"]) & uboot.address_mask
        return self.size(uboot, env) if uboot.build.bootmapsz is None else uboot.build.bootmapsz

    def _ram_base(self, uboot: UBoot) -> int:
        return self.banks[0].start if uboot.build.sdram_base is None else uboot.build.sdram_base

    @property
    def ram_top(self) -> int:
        """Where U-Boot takes RAM to end for itself: the end of the bank that it is in, below 4 GiB."""
        return min(self.own_bank.end, 1 << 32)

    @property
    def own_bank(self) -> Span:
        """The bank that U-Boot is in."""
        return self._bank(self.sp_start)

    def own(self, uboot: UBoot) -> Span:
        """U-Boot itself: its code, heap and stack, up to the end of its bank."""
        below = STACK_SIZE if uboot.does("global_lmb") else (16 if uboot.does("lmb_16k_below_sp") else 4) * KIB
        return self._place(self.sp_start - below, 0).span

    def lmb(self, uboot: UBoot, env: Mapping[str, str]) -> Lmb:
        """The list of memory when a boot command has begun, nothing of the boot in it yet."""
        if uboot.does("global_lmb"):
            lmb = Lmb(uboot, [region.span for region in self.memory] or self.banks, self.reserved)
            for region in () if self.reserved else self._kept(uboot):
                lmb.reserve(region.base, region.size, region.flags)
            return lmb
        low = self.low(uboot, env)
        lmb = Lmb(uboot, [Span(low, low + self.size(uboot, env))])
        below = (16 if uboot.does("lmb_16k_below_sp") else 4) * KIB
        own = self._place(self.sp_start - STACK_DEPTH - below, 0)
        # What bdinfo shows was collected the same way, but for how deep its stack was.
        lmb.reserved = [Region(r.base, r.size, r.flags) for r in self.reserved if not self._is_own(r, below)]
        if len(lmb.reserved) == len(self.reserved) and any(r.base <= own.base < r.end for r in lmb.reserved):
            return lmb  # bdinfo shows no region of its own: that of its EFI part has taken it in
        at = sum(region.base <= own.base for region in lmb.reserved)
        lmb.reserved.insert(at, own)
        return lmb

    def _kept(self, uboot: UBoot) -> tuple[Region, ...]:
        """What is reserved from the start, where bdinfo does not show it."""
        flags = NO_OVERWRITE >> uboot.does("lmb_flags_from_bit_0")
        own = self._place(self.sp_start - STACK_SIZE, flags)
        if not uboot.does("lmb_keeps_ram_above_top"):
            return (own,)
        above = (bank for bank in self.banks if bank.start >= self.ram_top)
        return (own, *(Region(bank.start, bank.size, flags) for bank in sorted(above)))

    def _is_own(self, region: Region, below: int) -> bool:
        return self.sp_start - below - 4 * KIB < region.base <= self.sp_start - below and region.end >= self.sp_start

    def _place(self, start: int, flags: int) -> Region:
        """From U-Boot's stack to the end of the bank that it is in."""
        return Region(start, min(self._bank(start).end, self.ram_top) - start, flags)

    def _bank(self, address: int) -> Span:
        return next((bank for bank in self.banks if address in bank), self.banks[0])


def area_flags(uboot: UBoot, no_map: bool) -> int:
    """Flags of a reserved area of the tree."""
    if uboot.does("global_lmb"):
        flags = NO_MAP if no_map else NO_OVERWRITE if uboot.does("fdt_areas_no_overwrite") else 0
        return flags >> uboot.does("lmb_flags_from_bit_0")
    return OLD_NO_MAP if no_map else 0
