"""Defconfigs of Linux: the options of each that bear on memory, and how large such kernels are.

Options are those of arch/arm/configs as the newest stored trees have them (6.x; older for boards that left), without
what their Kconfig defaults add: those are in ``ALWAYS`` and ``V7``.  Sizes are those of Debian's kernels, which are
built from configurations like these: armmp for ``large``, rpi for ``medium``, marvell for ``small``.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

Options = Mapping[str, str | None]

ALWAYS: Options = {
    "ARM": "y", "MMU": "y", "USE_OF": "y", "ARM_PATCH_PHYS_VIRT": "y", "AUTO_ZRELADDR": "y", "FLATMEM": "y",
    "VMSPLIT_3G": "y", "PAGE_OFFSET": "0xC0000000", "BLK_DEV_INITRD": "y", "ATAGS": "y", "COMPACTION": "y",
    "KUSER_HELPERS": "y", "FIX_EARLYCON_MEM": "y", "SERIAL_EARLYCON": "y", "ARCH_MULTIPLATFORM": "y",
}
"""What a multiplatform kernel has by default (arch/arm/Kconfig)."""
V7: Options = {
    "ARCH_MULTI_V7": "y", "CPU_V7": "y", "ARM_L1_CACHE_SHIFT": "6", "STRICT_KERNEL_RWX": "y", "DEBUG_RODATA": "y",
    "DEBUG_ALIGN_RODATA": "y", "SMP": "y", "SMP_ON_UP": "y", "HARDEN_BRANCH_HISTORY": "y", "MEMORY_ISOLATION": "y",
}
V6: Options = {"ARCH_MULTI_V6": "y", "CPU_V6K": "y", "CPU_V6": "y", "STRICT_KERNEL_RWX": "y", "DEBUG_ALIGN_RODATA": "y"}
V5: Options = {
    "ARCH_MULTI_V5": "y", "CPU_ARM926T": "y", "CPU_FEROCEON": "y", "CPU_MOHAWK": "y", "CPU_XSCALE": "y",
    "ARM_L1_CACHE_SHIFT": "5",
}
_CMA: Options = {"CMA": "y", "DMA_CMA": "y", "CMA_SIZE_SEL_MBYTES": "y", "CMA_SIZE_MBYTES": "64"}
_APPENDED: Options = {"ARM_APPENDED_DTB": "y", "ARM_ATAG_DTB_COMPAT": "y"}
_HIGHMEM: Options = {"HIGHMEM": "y"}


class Defconfig(Struct, frozen=True):
    """One defconfig.

    Attributes:
        name: as arch/arm/configs has it, without ``_defconfig``.
        size: "large", "medium" or "small".
        options: its options that bear on memory, with what they select.
        text_offset: TEXT_OFFSET (arch/arm/Makefile textofs-y: 0x208000 with Qualcomm's and Amlogic's oldest SoCs).
    """

    name: str
    size: str
    options: Options
    text_offset: int = 0x8000


DEFCONFIGS: tuple[Defconfig, ...] = (
    Defconfig("multi_v7", "large", {**V7, **_HIGHMEM, **_CMA, **_APPENDED, "EFI": "y", "MEMCG": "y", "ZONE_DMA": "y",
                                    "KEXEC": "y"},
              0x208000),
    Defconfig("imx_v6_v7", "medium", {**V6, **V7, **_HIGHMEM, **_CMA, "MEMCG": None}),
    Defconfig("sunxi", "medium", {**V7, **_HIGHMEM, **_APPENDED}),
    Defconfig("omap2plus", "large", {**V6, **V7, **_HIGHMEM, **_CMA, **_APPENDED, "MEMCG": "y",
                                     "CMA_SIZE_MBYTES": "16"}),
    Defconfig("exynos", "large", {**V7, **_HIGHMEM, **_CMA, **_APPENDED, "CMA_SIZE_MBYTES": "96"}),
    Defconfig("tegra", "medium", {**V7, **_HIGHMEM, **_CMA}),
    Defconfig("mvebu_v7", "medium", {**V7, **_HIGHMEM, **_APPENDED}),
    Defconfig("sama5", "medium", {**V7, **_APPENDED, "SMP": None, "SMP_ON_UP": None}),
    Defconfig("socfpga", "medium", {**V7, **_HIGHMEM}),
    Defconfig("bcm2835", "medium", {**V6, **_CMA, "CMA_SIZE_MBYTES": "32"}),
    Defconfig("bcm2709", "medium", {**V7, **_CMA, "CMA_SIZE_MBYTES": "5", "MEMCG": "y"}),
    Defconfig("bcm2711", "medium", {**V7, **_CMA, **_HIGHMEM, "CMA_SIZE_MBYTES": "5", "MEMCG": "y", "ARM_LPAE": "y",
                                    "ZONE_DMA": "y"}),
    Defconfig("aspeed_g5", "medium", {**V6, **V7, **_HIGHMEM, "ATAGS": None, "COMPACTION": None, "VMSPLIT_3G": None,
                                      "VMSPLIT_2G": "y", "PAGE_OFFSET": "0x80000000"}),
    Defconfig("aspeed_g4", "small", {**V5}),
    Defconfig("multi_v5", "small", {**V5, **_APPENDED}),
    Defconfig("mvebu_v5", "small", {**V5, **_HIGHMEM, **_APPENDED}),
    Defconfig("multi_v4t", "small", {"CPU_ARM920T": "y", "CPU_ARM720T": "y", "CPU_FA526": "y", "CPU_ARM922T": "y",
                                     "ARCH_MULTI_V4T": "y", "ARM_L1_CACHE_SHIFT": "5", **_APPENDED}),
)
BY_NAME = {each.name: each for each in DEFCONFIGS}


class Sizes(Struct, frozen=True):
    """Where a kernel's parts begin and end, in bytes from 0x8000 in front of its image on.

    Attributes:
        version: the Debian kernel that was measured.
        stext: ``_stext``.
        etext: ``_etext`` and the start of rodata.
        init: ``__init_begin``.
        data: ``__init_end`` and ``_sdata``.
        bss: ``__bss_start``.
        end: ``_end``.
        zimage: bytes of the zImage.
    """

    version: tuple[int, int]
    stext: int
    etext: int
    init: int
    data: int
    bss: int
    end: int
    zimage: int


SIZES: Mapping[str, tuple[Sizes, ...]] = {
    "large": (
        Sizes((5, 10), 0x100000, 0xC00000, 0x1000000, 0x1200000, 0x13A0FDC, 0x13F42CC, 5001728),
        Sizes((6, 1), 0x100000, 0xC00000, 0x1000000, 0x1200000, 0x13A90B4, 0x1407588, 5448192),
        Sizes((6, 12), 0x100000, 0xD00000, 0x1200000, 0x1400000, 0x15C14A8, 0x162C190, 6046208),
        Sizes((7, 2), 0x100000, 0xF00000, 0x1400000, 0x1600000, 0x184DD24, 0x18ACE84, 6918656),
    ),
    "large, LPAE": (
        Sizes((5, 10), 0x200000, 0xE00000, 0x1200000, 0x1400000, 0x15A4150, 0x15F9E4C, 5075456),
        Sizes((6, 1), 0x200000, 0xE00000, 0x1200000, 0x1400000, 0x15AD0C8, 0x160D288, 5526016),
        Sizes((6, 12), 0x200000, 0x1000000, 0x1600000, 0x1800000, 0x19C6504, 0x1A321D0, 6136320),
        Sizes((7, 2), 0x200000, 0x1200000, 0x1800000, 0x1A00000, 0x1C56254, 0x1CB6EC4, 7037440),
    ),
    "medium": (
        Sizes((6, 1), 0x100000, 0xA00000, 0xD00000, 0xE00000, 0xF05454, 0xF53E60, 4198056),
        Sizes((6, 12), 0x100000, 0xB00000, 0xF00000, 0x1000000, 0x111AD80, 0x11752D0, 4842072),
    ),
    "small": (Sizes((6, 1), 0x8220, 0x4CDA00, 0x692000, 0x6C4000, 0x7972C4, 0x7D0968, 2643304),),
}
"""Debian's kernels: armmp and armmp-lpae (5.10.223, 6.1.176, 6.12.107, 7.2.12), measured from 2 MiB on, where their
TEXT_OFFSET is; rpi (6.1.176, 6.12.107); marvell (6.1.176).  From System.map, or the kallsyms and the sizes that the
zImage carries (5.10 and 7.2 with LPAE, rpi of 6.12)."""
ZIMAGE_SHARE = 3
"""A zImage has at the most one part in so many of its kernel's bytes: those above have 23 to 33 % (XZ)."""
NEWEST_USUAL = (6, 12)
"""The version that is taken where nobody says one: a long-term release."""
