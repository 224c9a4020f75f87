"""CPUs: how the kernel recognises each, and what it then does to page tables.

``arch`` is what the kernel's ``cpu_architecture()`` answers, which is not always what the manual calls the
core: ARM1176 and ARM11 MPCore carry the CPUID scheme with VMSAv7 in ID_MMFR0, so Linux says 7 for them
(arch/arm/kernel/setup.c ``__get_cpu_architecture``; a Raspberry Pi 1 logs "(ARMv7), cr=00c5387d").

Sources: arch/arm/mm/proc-*.S (``proc_info`` values, masks and mm_mmuflags; ``__*_setup`` for CR bits),
arch/arm/kernel/head.S ``__fixup_smp`` for how a core is found to be one of several.
"""

from __future__ import annotations

from msgspec import Struct

# cp15 control register bits that decide page table contents (arch/arm/include/asm/cp15.h)
_SECT = 0x2
_BIT4 = 0x10
_AP_RW = 0xC00
_B, _C = 0x4, 0x8
_WBWA_S = 0x1100C


class Cpu(Struct, frozen=True):
    """One CPU core.

    Attributes:
        name: the name used by the device tree and emulators, such as ``cortex-a15``.
        midr: value of the Main ID Register's fixed bits.
        mask: which bits of MIDR are fixed.
        arch: 4, 5, 6 or 7 as ``cpu_architecture()`` says.
        arch_name: as the kernel prints it, for people.
        pte: which ``set_pte_ext`` it uses: v7, v6, v4, xscale or xsc3.
        mmuflags_up: mm_mmuflags of its proc_info in a kernel for one CPU.
        mmuflags_smp: the same where the kernel runs SMP; None if it never does.
        smp: never; always (ARM11 MPCore); mpidr (has the multiprocessing extensions); scu (Cortex-A9: asks
            the snoop control unit how many CPUs there are).
        xp: CR.XP, extended (v6) page tables.
        tre: CR.TRE, TEX remap.
        lpae: has the long descriptor format.
        xscale: one of the XScale family (``cpu_is_xscale_family``).
        wt_quirk: CONFIG_CPU_DCACHE_WRITETHROUGH clears B in hardware ptes.
        aliasing: True where the data cache is VIPT and may alias, which forbids HIGHMEM.
        tcm: may have tightly coupled memory (its TRM describes TCMTR and the region registers).
        compatible: further device tree compatible strings.
    """

    name: str
    midr: int
    mask: int
    arch: int
    arch_name: str
    pte: str
    mmuflags_up: int
    mmuflags_smp: int | None = None
    smp: str = "never"
    xp: bool = False
    tre: bool = False
    lpae: bool = False
    xscale: bool = False
    wt_quirk: bool = False
    aliasing: bool = False
    tcm: bool = False
    compatible: tuple[str, ...] = ()


_PART = 0xFF0FFFF0


def _v7(
    name: str, midr: int, smp: str = "mpidr", *, lpae: bool = False, mask: int = _PART, also: tuple[str, ...] = ()
) -> Cpu:
    return Cpu(
        name,
        midr,
        mask,
        7,
        "ARMv7",
        "v7",
        _SECT | _AP_RW | _B | _C,
        _SECT | _AP_RW | _WBWA_S,
        smp,
        xp=True,
        tre=True,
        lpae=lpae,
        compatible=also,
    )


def _v6(
    name: str, midr: int, mask: int, arch: int, smp: str = "never", *, tcm: bool = False, also: tuple[str, ...] = ()
) -> Cpu:
    return Cpu(
        name,
        midr,
        mask,
        arch,
        "ARMv6",
        "v6",
        _SECT | _AP_RW | _B | _C,
        _SECT | _AP_RW | _WBWA_S,
        smp,
        xp=True,
        tcm=tcm,
        compatible=also,
    )


def _v4_v5(
    name: str,
    midr: int,
    mask: int,
    arch: int,
    cache: int,
    *,
    bit4: bool = True,
    wt_quirk: bool = False,
    tcm: bool = False,
    also: tuple[str, ...] = (),
) -> Cpu:
    return Cpu(
        name,
        midr,
        mask,
        arch,
        f"ARMv{arch}",
        "v4",
        _SECT | _AP_RW | cache | (_BIT4 if bit4 else 0),
        wt_quirk=wt_quirk,
        tcm=tcm,
        compatible=also,
    )


CPUS = (
    _v7("cortex-a5", 0x410FC050, also=("arm,cortex-a5",)),
    _v7("cortex-a7", 0x410FC070, lpae=True),
    _v7("cortex-a8", 0x410FC080, "never"),
    _v7("cortex-a9", 0x410FC090, "scu"),
    _v7("cortex-a12", 0x410FC0D0, lpae=True),
    _v7("cortex-a15", 0x410FC0F0, lpae=True),
    _v7("cortex-a17", 0x410FC0E0, lpae=True),
    _v7("cortex-a32", 0x410FD010, lpae=True),
    _v7("cortex-a35", 0x410FD040, lpae=True),
    _v7("cortex-a53", 0x410FD030, lpae=True),
    _v7("cortex-a55", 0x410FD050, lpae=True),
    _v7("cortex-a57", 0x410FD070, lpae=True),
    _v7("cortex-a72", 0x410FD080, lpae=True),
    _v7("cortex-a73", 0x410FD090, lpae=True),
    _v7("cortex-a75", 0x410FD0A0, lpae=True),
    _v7("brahma-b15", 0x420F00F0, lpae=True, also=("brcm,brahma-b15",)),
    _v7("brahma-b53", 0x420F1000, lpae=True, also=("brcm,brahma-b53",)),
    _v7("krait", 0x510F0400, mask=0xFF0FFC00, also=("qcom,krait",)),
    _v7("scorpion", 0x510F00F0, also=("qcom,scorpion", "qcom,scorpion-mp")),
    _v7("pj4", 0x560F5810, "never", mask=0xFF0FFFF0, also=("marvell,mmp2", "marvell,pj4", "marvell,pj4a")),
    _v7("pj4b", 0x560F5800, mask=0xFF0FFF00, also=("marvell,sheeva-v7", "marvell,pj4b")),
    _v6("arm1136", 0x4107B360, 0xFF0FFFF0, 6, tcm=True, also=("arm,arm1136jf-s", "arm,arm1136", "arm,arm1136j-s")),
    _v6("arm1176", 0x410FB760, 0xFF0FFFF0, 7, tcm=True, also=("arm,arm1176jzf-s", "arm,arm1176jz-s", "arm,arm1176jzf")),
    _v6("arm11mpcore", 0x410FB020, 0xFF0FFFF0, 7, "always", also=("arm,arm11mpcore",)),
    _v4_v5("arm720t", 0x41807200, 0xFFFFFF00, 4, _B | _C),
    _v4_v5("arm920t", 0x41009200, 0xFF00FFF0, 4, _B | _C, wt_quirk=True),
    _v4_v5("arm922t", 0x41009220, 0xFF00FFF0, 4, _B | _C, wt_quirk=True),
    _v4_v5("arm925t", 0x54029250, 0xFFFFFFF0, 4, _C, wt_quirk=True),
    _v4_v5("arm926ej-s", 0x41069260, 0xFF0FFFF0, 5, _B | _C, wt_quirk=True, tcm=True),
    _v4_v5("arm1020t", 0x4104A200, 0xFF0FFFF0, 5, 0, wt_quirk=True),
    _v4_v5("arm1020e", 0x4105A200, 0xFF0FFFF0, 5, 0, wt_quirk=True),
    _v4_v5("arm1022e", 0x4105A220, 0xFF0FFFF0, 5, 0, wt_quirk=True),
    _v4_v5("arm1026ej-s", 0x4106A260, 0xFF0FFFF0, 5, 0, wt_quirk=True, tcm=True),
    _v4_v5("fa526", 0x66015261, 0xFF01FFF1, 4, _B | _C, wt_quirk=True, also=("faraday,fa526",)),
    _v4_v5("sa110", 0x4401A100, 0xFFFFFFF0, 4, _B | _C, bit4=False, also=("intel,sa110",)),
    _v4_v5("sa1100", 0x4401A110, 0xFFFFFFF0, 4, _B | _C, bit4=False, also=("intel,sa1100",)),
    _v4_v5("sa1110", 0x6901B110, 0xFFFFFFF0, 4, _B | _C, bit4=False),
    _v4_v5("feroceon", 0x56251310, 0xFFFFFFF0, 5, _B | _C, also=("marvell,feroceon", "marvell,sheeva-v5")),
    _v4_v5("88fr531", 0x56055310, 0xFFFFFFF0, 5, _B | _C),
    _v4_v5("88fr571", 0x56155710, 0xFFFFFFF0, 5, _B | _C),
    _v4_v5("mohawk", 0x56158000, 0xFFFFF000, 5, _B | _C, wt_quirk=True, also=("marvell,mohawk",)),
    Cpu("pxa25x", 0x69052100, 0xFFFFF7F0, 5, "ARMv5TE", "xscale", _SECT | _AP_RW | _B | _C, xscale=True,
        compatible=("marvell,xscale",)),
    Cpu("pxa27x", 0x69054110, 0xFFFFFFF0, 5, "ARMv5TE", "xscale", _SECT | _AP_RW | _B | _C, xscale=True),
    Cpu("ixp4xx", 0x69054040, 0xFFFFFFC0, 5, "ARMv5TE", "xscale", _SECT | _AP_RW | _B | _C, xscale=True),
    Cpu("iop3xx", 0x69052400, 0xFFFFF7E0, 5, "ARMv5TE", "xscale", _SECT | _AP_RW | _B | _C, xscale=True),
    Cpu("pxa3xx", 0x69056000, 0xFFFFE000, 5, "ARMv5TE", "xsc3", _SECT | _AP_RW | _B | _C, xscale=True),
)
"""Most specific first where masks overlap."""

GENERIC_V7 = _v7("armv7", 0x000F0000, mask=0x000F0000)
"""The last entry of arch/arm/mm/proc-v7.S, which takes any core with the CPUID scheme."""

ALIASES = {
    "arm926": "arm926ej-s",
    "arm926ejs": "arm926ej-s",
    "arm920": "arm920t",
    "arm922": "arm922t",
    "arm1026": "arm1026ej-s",
    "arm1136-r2": "arm1136",
    "arm1136j-s": "arm1136",
    "arm1136jf-s": "arm1136",
    "arm1176jz-s": "arm1176",
    "arm1176jzf-s": "arm1176",
    "ti925t": "arm925t",
    "pxa250": "pxa25x",
    "pxa255": "pxa25x",
    "pxa260": "pxa25x",
    "pxa261": "pxa25x",
    "pxa262": "pxa25x",
    "pxa270": "pxa27x",
    "pxa270-a0": "pxa27x",
    "pxa270-a1": "pxa27x",
    "pxa270-b0": "pxa27x",
    "pxa270-b1": "pxa27x",
    "pxa270-c0": "pxa27x",
    "pxa270-c5": "pxa27x",
    "pxa300": "pxa3xx",
    "pxa310": "pxa3xx",
    "pxa320": "pxa3xx",
}
"""Other names that emulators and people use for a core."""


ARMV6_OPTIONS = ("CPU_V6", "CPU_V6K")
"""With one of them a kernel is compiled for ARMv6, CPU_V7 or not (arch/arm/Makefile, arch/arm/mm/Kconfig)."""
SOC_CORES = {
    "marvell,armada370": "pj4",
    "marvell,dove": "pj4",
    "mrvl,mmp2": "pj4",
    "mrvl,pxa168": "mohawk",
    "mrvl,pxa910": "mohawk",
}
"""Compatible strings of SoCs whose trees name no core, or its family only: a core of it that is no multiprocessor.

Source: arch/arm/mach-mmp/Kconfig MACH_MMP_DT (CPU_MOHAWK), MACH_MMP2_DT (CPU_PJ4); arch/arm/boot/dts/marvell/
armada-370.dtsi and armada-xp.dtsi, which both say marvell,sheeva-v7; logs of both (MIDR 561f5811 and 560f5815, "Memory
policy: Data cache writeback" from SMP kernels).
"""
WITHOUT_MMU = ("arm,cortex-m", "arm,cortex-r", "arm,arm7tdmi", "arm,arm740t", "arm,arm940t", "arm,arm946e-s", "arm,sc")
"""How compatible strings of cores without an MMU begin (Documentation/devicetree/bindings/arm/cpus.yaml)."""
SOCS_WITHOUT_MMU = ("st,stm32f4", "st,stm32f7", "st,stm32h7", "nxp,lpc1850", "nxp,lpc4350", "arm,mps2")
"""How compatible strings of SoCs with a Cortex-M begin; their trees may name no core (Kconfig ARM_SINGLE_ARMV7M)."""
_V6 = ARMV6_OPTIONS
_V7 = ("CPU_V7",)
SUPPORT = {
    "arm720t": ("CPU_ARM720T",),
    "arm920t": ("CPU_ARM920T",),
    "arm922t": ("CPU_ARM922T",),
    "arm925t": ("CPU_ARM925T",),
    "arm926ej-s": ("CPU_ARM926T", "CPU_FEROCEON_OLD_ID"),
    "arm1020t": ("CPU_ARM1020",),
    "arm1020e": ("CPU_ARM1020E",),
    "arm1022e": ("CPU_ARM1022",),
    "arm1026ej-s": ("CPU_ARM1026",),
    "fa526": ("CPU_FA526",),
    "sa110": ("CPU_SA110",),
    "sa1100": ("CPU_SA1100",),
    "sa1110": ("CPU_SA1100",),
    "feroceon": ("CPU_FEROCEON",),
    "88fr531": ("CPU_FEROCEON",),
    "88fr571": ("CPU_FEROCEON",),
    "mohawk": ("CPU_MOHAWK",),
    "pxa25x": ("CPU_XSCALE",),
    "pxa27x": ("CPU_XSCALE",),
    "ixp4xx": ("CPU_XSCALE",),
    "iop3xx": ("CPU_XSCALE",),
    "pxa3xx": ("CPU_XSC3",),
    "arm1136": _V6,
    "arm1176": (*_V6, *_V7),
    "arm11mpcore": (*_V6, *_V7),
    **{cpu.name: _V7 for cpu in (*CPUS, GENERIC_V7) if cpu.pte == "v7"},
    "pj4": ("CPU_PJ4", *_V7),
    "pj4b": ("CPU_PJ4B", *_V7),
}
"""Configuration options any of which brings a processor description that matches the core (arch/arm/mm/proc-*.S).

The last of ARMv7's matches whatever has the CPUID scheme, so an ARM1176 too.  The one for the first Feroceon cores,
which carry the number of an ARM926, takes an ARM926 as well (arch/arm/mm/proc-feroceon.S ``feroceon_old_id``).
"""

SPECTRE_BHB = {
    "cortex-a15": "loop8",
    "brahma-b15": "loop8",
    "cortex-a57": "loop8",
    "cortex-a72": "loop8",
    "cortex-a73": "bpiall",
    "cortex-a75": "bpiall",
}
"""Cores whose vectors are replaced against Spectre-BHB, and by which (arch/arm/mm/proc-v7-bugs.c)."""


def cpu_by_name(name: str) -> Cpu | None:
    """The CPU of that name, alias or device tree compatible string (``arm,cortex-a9``); None if unknown."""
    plain = name.lower()
    short = plain.removeprefix("arm,")
    short = ALIASES.get(short, short)
    for cpu in CPUS:
        if short == cpu.name or plain in cpu.compatible:
            return cpu
    return None


def cpu_by_midr(midr: int) -> Cpu | None:
    """The CPU whose fixed MIDR bits match; None if unknown."""
    for cpu in CPUS:
        if midr & cpu.mask == cpu.midr & cpu.mask:
            return cpu
    return None
