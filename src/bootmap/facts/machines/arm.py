"""ARM's own boards: Versatile Express, Versatile, Integrator, RealView.

Not here: what Integrator/AP and /CP map in the releases between those that were read (3.6 to 3.9, 3.11, 3.13, 3.19 and
4.0, 4.5 to 4.8), Versatile between 3.5 and 3.10 with PCI, Versatile Express in 3.15.

Sources: arch/arm/mach-vexpress/, mach-versatile/, mach-integrator/, mach-realview/ and their headers' IO_ADDRESS,
read in 2.6.38 to 7.3; arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import (
    Callback,
    FixedRam,
    Machine,
    MachineArea,
    NodeReg,
    StaticMap,
    TreeSays,
    io_desc,
)
from bootmap.units import KIB, MIB

PAGE = 4 * KIB

# -- Versatile Express: V2M_PERIPH, V2T_PERIPH ------------------------------------------------------------------------

_V2M_FILE, _CA9X4 = "arch/arm/mach-vexpress/v2m.c v2m_io_desc", "arch/arm/mach-vexpress/ct-ca9x4.c ct_ca9x4_io_desc"
_V2M = io_desc(_V2M_FILE, (0xF8000000, 0x10000000, 128 * KIB))
_V2M_RS1 = io_desc("arch/arm/mach-vexpress/v2m.c v2m_rs1_io_desc", (0xF8000000, 0x1C000000, 2 * MIB))
_SCU = NodeReg(("arm,cortex-a5-scu", "arm,cortex-a9-scu"))
_V2T_SCU = io_desc(
    "arch/arm/mach-vexpress/platsmp.c vexpress_dt_cortex_a9_scu_map", (0xF8200000, _SCU, 128), options=("SMP",)
)

VEXPRESS = (
    Machine("ARM-Versatile Express", machine_ids=(2272,), options=("ARCH_VEXPRESS",), cpu="cortex-a9",
            maps=(_V2M, io_desc(_CA9X4, (0xF8E00000, 0x1E000000, 16 * KIB), (0xF80E4000, 0x100E4000, PAGE),
                                (0xF8E0A000, 0x1E00A000, PAGE))), until=(3, 4)),
    Machine("ARM-Versatile Express", machine_ids=(2272,), options=("ARCH_VEXPRESS",), cpu="cortex-a9",
            maps=(_V2M, io_desc(_CA9X4, (0xF8200000, 0x1E000000, 8 * KIB))), since=(3, 4), until=(3, 19)),
    Machine("ARM-Versatile Express", ("arm,vexpress",), options=("ARCH_VEXPRESS",), maps=(_V2M_RS1, _V2T_SCU),
            since=(3, 4), until=(3, 15), tree=TreeSays("motherboard", "arm,v2m-memory-map", "rs1")),
    Machine("ARM-Versatile Express", ("arm,vexpress",), options=("ARCH_VEXPRESS",), maps=(_V2M, _V2T_SCU),
            since=(3, 4), until=(3, 15)),
)

# -- Versatile: IO_ADDRESS(x) = (x & 0x0fffffff) + ((x >> 4) & 0x0f000000) + 0xf0000000 --------------------------------

_CORE = "arch/arm/mach-versatile/core.c versatile_io_desc"


def _versatile(*pci_cfg: StaticMap) -> tuple[tuple[StaticMap, ...], ...]:
    return (
        io_desc(_CORE, (0xF1000000, 0x10000000, PAGE), (0xF1003000, 0x10003000, PAGE), (0xF1140000, 0x10140000, PAGE),
                (0xF11E0000, 0x101E0000, 9 * PAGE))
        + io_desc(_CORE, (0xF11E4000, 0x101E4000, PAGE), options=("MACH_VERSATILE_AB",), until=(3, 3))
        + io_desc(_CORE, (0xF6000000, 0x24000000, 64 * MIB), options=("MACH_VERSATILE_AB",))
        + io_desc(_CORE, (0xF11F1000, 0x101F1000, PAGE), options=("DEBUG_LL",))
        + io_desc(_CORE, (0xF1001000, 0x10001000, PAGE), (0xE8000000, 0x41000000, 16 * MIB),
                  (0xE9000000, 0x42000000, 32 * MIB), options=("PCI",))
        + pci_cfg,
    )


_VERSATILE_TREE = ("arm,versatile-ab", "arm,versatile-pb")
_VERSATILE_IDS = (387, 606)
_IO_44 = io_desc(_CORE, (0xEB000000, 0x44000000, 0xFFFF), options=("PCI",))

VERSATILE = (
    *(
        Machine("ARM-Versatile", _VERSATILE_TREE, _VERSATILE_IDS, ("ARCH_VERSATILE", *options), "arm926ej-s", maps,
                since=since, until=until)
        for options, maps, since, until in (
            ((), _versatile(), None, (3, 5)),
            ((), _versatile(*_IO_44), (3, 5), (3, 6)),
            (("!PCI",), _versatile(), (3, 6), (3, 10)),
            ((), _versatile(), (3, 10), (4, 5)),
        )
    ),
    Machine("ARM-Versatile", _VERSATILE_TREE, options=("ARCH_VERSATILE",), cpu="arm926ej-s",
            maps=(io_desc("arch/arm/mach-versatile/versatile.c versatile_io_desc",
                          (0xF11E0000, 0x101E0000, 9 * PAGE)),),
            map_io_debug_ll=True, since=(4, 5)),
)

# -- Integrator: the same IO_ADDRESS -----------------------------------------------------------------------------------

_AP, _CP = "arch/arm/mach-integrator/integrator_ap.c", "arch/arm/mach-integrator/integrator_cp.c"
_BELOW_PGD = (MachineArea("RAM below the page directory", "arch/arm/mach-integrator/core.c integrator_reserve", 0, 0),)
# The bounds of a row are the first release read that lacks it; releases between those that were read have no machine.
_AP_MAP = (
    io_desc(f"{_AP} ap_io_desc", (0xF1000000, 0x10000000, PAGE), until=(3, 14))
    + io_desc(f"{_AP} ap_io_desc", (0xF1100000, 0x11000000, PAGE), until=(3, 10))
    + io_desc(f"{_AP} ap_io_desc", (0xF1200000, 0x12000000, PAGE), until=(3, 14))
    + io_desc(f"{_AP} ap_io_desc", (0xF1300000, 0x13000000, PAGE), until=(4, 1))
    + io_desc(f"{_AP} ap_io_desc", (0xF1400000, 0x14000000, PAGE), (0xF1600000, 0x16000000, PAGE))
    + io_desc(f"{_AP} ap_io_desc", (0xF1700000, 0x17000000, PAGE), until=(3, 10))
    + io_desc(f"{_AP} ap_io_desc", (0xF1A00000, 0x1A000000, PAGE), (0xF1B00000, 0x1B000000, PAGE), until=(4, 9))
    + io_desc(f"{_AP} ap_io_desc PCI", (0xE8000000, 0x40000000, 16 * MIB), (0xEC000000, 0x61000000, 16 * MIB),
              (0xED000000, 0x62000000, 64 * KIB), until=(3, 12))
    + io_desc(f"{_AP} ap_io_desc PCI", (0xEE000000, 0x60000000, 64 * KIB), until=(3, 10)),
    io_desc("arch/arm/mach-integrator/pci_v3.c pci_v3_io_desc", (0xE8000000, 0x40000000, 16 * MIB),
            (0xEC000000, 0x61000000, 16 * MIB), options=("PCI",), since=(3, 12), until=(4, 15)),
    io_desc(f"{_AP} ap_map_io, pci_map_io_early", (0xFEE00000, 0x60000000, 64 * KIB), since=(3, 10), until=(3, 12))
    + io_desc("arch/arm/mach-integrator/pci_v3.c pci_map_io_early", (0xFEE00000, 0x60000000, 64 * KIB),
              options=("PCI",), since=(3, 12), until=(4, 15)),
)
_CP_MAP = (
    io_desc(f"{_CP} intcp_io_desc", (0xF1000000, 0x10000000, PAGE), until=(4, 9))
    + io_desc(f"{_CP} intcp_io_desc", (0xF1100000, 0x11000000, PAGE), until=(3, 10))
    + io_desc(f"{_CP} intcp_io_desc", (0xF1200000, 0x12000000, PAGE), until=(3, 14))
    + io_desc(f"{_CP} intcp_io_desc", (0xF1300000, 0x13000000, PAGE), until=(4, 9))
    + io_desc(f"{_CP} intcp_io_desc", (0xF1400000, 0x14000000, PAGE), (0xF1600000, 0x16000000, PAGE))
    + io_desc(f"{_CP} intcp_io_desc", (0xF1700000, 0x17000000, PAGE), until=(3, 10))
    + io_desc(f"{_CP} intcp_io_desc", (0xF1A00000, 0x1A000000, PAGE), (0xFC900000, 0xC9000000, PAGE), until=(4, 9))
    + io_desc(f"{_CP} intcp_io_desc", (0xFCA00000, 0xCA000000, PAGE))
    + io_desc(f"{_CP} intcp_io_desc", (0xFCB00000, 0xCB000000, PAGE), until=(3, 10)),
)
_AP_ATAG = io_desc(f"{_AP} ap_io_desc_atag", (0xF1100000, 0x11000000, PAGE), since=(3, 10))
_CP_ATAG = io_desc(f"{_CP} intcp_io_desc_atag", (0xFCB00000, 0xCB000000, PAGE), since=(3, 10))

_AP_READ = ((None, (3, 6)), ((3, 10), (3, 11)), ((3, 12), (3, 13)), ((3, 14), (3, 19)), ((4, 1), (4, 5)),
            ((4, 9), (4, 15)), ((4, 16), None))
_CP_READ = ((None, (3, 6)), ((3, 10), (3, 13)), ((3, 14), (4, 5)), ((4, 9), None))

INTEGRATOR = (
    *(
        Machine(name, compatible, options=(option,), cpu=cpu, maps=maps, reserve=_BELOW_PGD, since=since, until=until)
        for name, compatible, option, cpu, maps, read in (
            ("ARM-IntegratorAP", ("arm,integrator-ap",), "ARCH_INTEGRATOR_AP", None, _AP_MAP, _AP_READ),
            ("ARM-IntegratorCP", ("arm,integrator-cp",), "ARCH_INTEGRATOR_CP", "arm926ej-s", _CP_MAP, _CP_READ),
        )
        for since, until in read
    ),
    *(
        Machine(name, machine_ids=(number,), options=(option,), cpu=cpu, maps=(atag, *maps), reserve=_BELOW_PGD,
                since=since, until=until)
        for name, number, option, cpu, atag, maps, read in (
            ("ARM-IntegratorAP", 21, "ARCH_INTEGRATOR_AP", None, _AP_ATAG, _AP_MAP, _AP_READ[:3]),
            ("ARM-IntegratorCP", 275, "ARCH_INTEGRATOR_CP", "arm926ej-s", _CP_ATAG, _CP_MAP, _CP_READ[:2]),
        )
        for since, until in read
    ),
)

# -- RealView: IO_ADDRESS(x) = (x & 0x03ffffff) + 0xfb000000 -----------------------------------------------------------

_RV = "arch/arm/mach-realview/realview"
_UART0 = (0xFB009000, 0x10009000, PAGE)
_EB11MP = f"{_RV}_eb.c realview_eb11mp_io_desc"
_EB = (
    io_desc(f"{_RV}_eb.c realview_eb_io_desc", (0xFB000000, 0x10000000, PAGE), (0xFB040000, 0x10040000, PAGE),
            (0xFB041000, 0x10041000, PAGE), (0xFB001000, 0x10001000, PAGE), (0xFB011000, 0x10011000, PAGE),
            (0xFB012000, 0x10012000, PAGE))
    + io_desc(f"{_RV}_eb.c realview_eb_io_desc", _UART0, options=("DEBUG_LL",)),
    *(
        io_desc(_EB11MP, (0xFE000100, 0x1F000100, PAGE), (0xFE001000, 0x1F001000, PAGE), (0xFE002000, 0x1F002000,
                2 * PAGE), options=(tile, "!REALVIEW_EB_ARM11MP_REVB"), until=(3, 3), cpu=cpu)
        + io_desc(_EB11MP, (0xFE000000, 0x1F000000, 2 * PAGE), (0xFE002000, 0x1F002000, 2 * PAGE),
                  options=(tile, "!REALVIEW_EB_ARM11MP_REVB"), since=(3, 3), cpu=cpu)
        + io_desc(_EB11MP, (0xFB100100, 0x10100100, PAGE), (0xFB101000, 0x10101000, PAGE), (0xFB102000, 0x10102000,
                  2 * PAGE), options=(tile, "REALVIEW_EB_ARM11MP_REVB"), until=(3, 3), cpu=cpu)
        + io_desc(_EB11MP, (0xFB100000, 0x10100000, 2 * PAGE), (0xFB102000, 0x10102000, 2 * PAGE),
                  options=(tile, "REALVIEW_EB_ARM11MP_REVB"), since=(3, 3), cpu=cpu)
        for tile, cpu in (("REALVIEW_EB_ARM11MP", "arm11mpcore"), ("REALVIEW_EB_A9MP", "cortex-a9"))
    ),
)
_PB1176 = (
    io_desc(f"{_RV}_pb1176.c realview_pb1176_io_desc", (0xFB000000, 0x10000000, PAGE),
            (0xFB040000, 0x10040000, PAGE), (0xFB041000, 0x10041000, PAGE), (0xFB120000, 0x10120000, PAGE),
            (0xFB121000, 0x10121000, PAGE), (0xFB001000, 0x10001000, PAGE), (0xFB104000, 0x10104000, PAGE),
            (0xFB105000, 0x10105000, PAGE), (0xFB110000, 0x10110000, 2 * PAGE))
    + io_desc(f"{_RV}_pb1176.c realview_pb1176_io_desc", (0xFB10C000, 0x1010C000, PAGE), options=("DEBUG_LL",)),
)
_PB11MP_FILE = f"{_RV}_pb11mp.c realview_pb11mp_io_desc"
_PB11MP = (
    io_desc(_PB11MP_FILE, (0xFB000000, 0x10000000, PAGE), (0xFD000000, 0x1E000000, PAGE),
            (0xFD001000, 0x1E001000, PAGE))
    + io_desc(_PB11MP_FILE, (0xFE000100, 0x1F000100, PAGE), (0xFE001000, 0x1F001000, PAGE), until=(3, 3))
    + io_desc(_PB11MP_FILE, (0xFE000000, 0x1F000000, 2 * PAGE), since=(3, 3))
    + io_desc(_PB11MP_FILE, (0xFB001000, 0x10001000, PAGE), (0xFB011000, 0x10011000, PAGE),
              (0xFB012000, 0x10012000, PAGE), (0xFE002000, 0x1F002000, 2 * PAGE))
    + io_desc(_PB11MP_FILE, _UART0, options=("DEBUG_LL",)),
)


def _pba8(source: str) -> tuple[StaticMap, ...]:
    """PB-A8's array, which PBX has too."""
    return io_desc(
        source, (0xFB000000, 0x10000000, PAGE), (0xFD000000, 0x1E000000, PAGE), (0xFD001000, 0x1E001000, PAGE),
        (0xFB001000, 0x10001000, PAGE), (0xFB011000, 0x10011000, PAGE), (0xFB012000, 0x10012000, PAGE)
    ) + io_desc(source, _UART0, options=("DEBUG_LL",))


_PBX = (
    _pba8(f"{_RV}_pbx.c realview_pbx_io_desc"),
    *(
        io_desc(f"{_RV}_pbx.c realview_local_io_desc", (0xFE000100, 0x1F000100, PAGE), until=(3, 3), cpu=cpu)
        + io_desc(f"{_RV}_pbx.c realview_local_io_desc", (0xFE000000, 0x1F000000, PAGE), since=(3, 3), cpu=cpu)
        + io_desc(f"{_RV}_pbx.c realview_local_io_desc", (0xFE001000, 0x1F001000, PAGE),
                  (0xFE002000, 0x1F002000, 2 * PAGE), cpu=cpu)
        for cpu in ("arm11mpcore", "cortex-a9")
    ),
)

_RAM = (
    FixedRam(((0x70000000, 512 * MIB),), "arch/arm/mach-realview/core.c realview_fixup",
             ("REALVIEW_HIGH_PHYS_OFFSET",)),
    FixedRam(((0, 256 * MIB),), "arch/arm/mach-realview/core.c realview_fixup"),
)
_PB1176_RAM = (FixedRam(((0, 128 * MIB),), f"{_RV}_pb1176.c realview_pb1176_fixup"),)
_PBX_RAM = (
    FixedRam(((0, 256 * MIB), (0x20000000, 512 * MIB), (0x80000000, 256 * MIB)), f"{_RV}_pbx.c realview_pbx_fixup",
             ("SPARSEMEM",)),
    *_RAM,
)

REALVIEW = (
    *(
        Machine(name, machine_ids=(number,), options=(f"MACH_{name.upper().replace('-', '_')}", *tile), cpu=cpu,
                maps=maps, fixup=fixup, dma_zone_size=256 * MIB, until=(4, 5))
        for name, number, tile, cpu, maps, fixup in (
            ("RealView-EB", 827, ("REALVIEW_EB_ARM11MP", "!REALVIEW_EB_A9MP"), "arm11mpcore", _EB, _RAM),
            ("RealView-EB", 827, ("REALVIEW_EB_A9MP", "!REALVIEW_EB_ARM11MP"), "cortex-a9", _EB, _RAM),
            ("RealView-EB", 827, (), None, _EB, _RAM),
            ("RealView-PB1176", 1504, (), "arm1176", _PB1176, _PB1176_RAM),
            ("RealView-PB11MP", 1407, (), "arm11mpcore", _PB11MP, _RAM),
            ("RealView-PBA8", 1897, (), "cortex-a8", (_pba8(f"{_RV}_pba8.c realview_pba8_io_desc"),), _RAM),
            ("RealView-PBX", 1901, (), None, _PBX, _PBX_RAM),
        )
    ),
    Machine("ARM RealView", ("arm,realview-eb", "arm,realview-pb1176", "arm,realview-pb11mp", "arm,realview-pba8",
                             "arm,realview-pbx"),
            options=("ARCH_REALVIEW",), dma_zone_size=256 * MIB),
)

ARM_MACHINES = (*VEXPRESS, *VERSATILE, *INTEGRATOR, *REALVIEW)
ARM_CALLBACKS = {
    "arm,vexpress": Callback("ARCH_VEXPRESS", "map_io", (3, 15), (3, 16)),
    **dict.fromkeys(_VERSATILE_TREE, Callback("ARCH_VERSATILE", "map_io", until=(4, 5))),
    "arm,integrator-ap": Callback("ARCH_INTEGRATOR_AP", "map_io and reserve"),
    "arm,integrator-cp": Callback("ARCH_INTEGRATOR_CP", "map_io and reserve"),
}
