"""TI's DaVinci: DM355, DM365, DM644x, DM646x, DA830 and DA850 / OMAP-L138.

Not here: 3.6 to 3.9, whose arrays differ on both sides; TNETV107x; kernels with DA8XX_REMOTEPROC on boards that reserve
what ``rproc_mem=`` says.

Sources: arch/arm/mach-davinci/dm355.c, dm365.c, dm644x.c, dm646x.c, da830.c, da850.c, common.c ``davinci_common_init``,
board-*.c, da8xx-dt.c, read in 2.6.38 to 7.3; arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, Machine, StaticMap, io_desc
from bootmap.units import KIB, MIB

_DIR = "arch/arm/mach-davinci"
_IO = (0xFEC00000, 0x01C00000, 4 * MIB)
_INTC = (0xFEBFD000, 0xFFFEE000, 8 * KIB)


def _dm(chip: str, sram: int, size: int) -> tuple[tuple[StaticMap, ...], ...]:
    """The registers, and before 3.10 the SRAM of that physical address and size."""
    source = f"{_DIR}/{chip}.c {chip}_io_desc"
    return (
        io_desc(source, _IO)
        + io_desc(source, (0xFFFE0000, sram, size), kind="MEMORY_RWX_NONCACHED", until=(3, 10)),
    )


_DA830 = (io_desc(f"{_DIR}/da830.c da830_io_desc", _IO, _INTC),)
_DA850 = (
    io_desc(f"{_DIR}/da850.c da850_io_desc", _IO, _INTC)
    + io_desc(f"{_DIR}/da850.c da850_io_desc", (0xFFFE0000, 0xFFFF0000, 8 * KIB), until=(3, 10)),
)
_TREE = ("ti,da850", "ti,da850-evm", "ti,da850-lcdk", "enbw,cmc")

DAVINCI_MACHINES = (
    *(
        Machine(name, machine_ids=ids, options=(option, *more), cpu="arm926ej-s", maps=maps, dma_zone_size=128 * MIB,
                since=since, until=until)
        for name, ids, option, more, maps in (
            # DM355_EVM, DM355_LEOPARD; DM365_EVM; EVM, NEUROS_OSD2, SFFSDR; DM6467_EVM, DM6467TEVM
            ("DM355", (1381, 2138), "ARCH_DAVINCI_DM355", (), _dm("dm355", 0x00010000, 32 * KIB)),
            ("DM365", (1939,), "ARCH_DAVINCI_DM365", (), _dm("dm365", 0x00010000, 32 * KIB)),
            ("DM644x", (901, 1647, 1657), "ARCH_DAVINCI_DM644x", (), _dm("dm644x", 0x00008000, 16 * KIB)),
            ("DM646x", (1380, 2548), "ARCH_DAVINCI_DM646x", (), _dm("dm646x", 0x00010000, 32 * KIB)),
            ("DA830", (1781,), "ARCH_DAVINCI_DA830", (), _DA830),
            # DA850_EVM, OMAPL138_HAWKBOARD, MITYOMAPL138
            ("DA850", (2157, 2495, 2650), "ARCH_DAVINCI_DA850", ("!DA8XX_REMOTEPROC",), _DA850),
        )
        for since, until in ((None, (3, 6)), ((3, 10), (6, 2)))
    ),
    Machine("DA850 device tree", _TREE, options=("ARCH_DAVINCI_DA850",), cpu="arm926ej-s", maps=_DA850,
            since=(3, 10)),
)

DAVINCI_CALLBACKS = dict.fromkeys(_TREE, Callback("ARCH_DAVINCI_DA850", "map_io"))
