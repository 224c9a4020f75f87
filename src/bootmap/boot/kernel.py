"""The kernel under prediction: its version, configuration, symbols, and the rules that follow from them.

Code of the boot asks ``kernel.has(feature)`` and reads the layout here; it never compares versions.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from bootmap.facts.features.table import ROWS_BY_NAME
from bootmap.facts.linux.linux_prot import LONG, LONG_RDONLY_AP2, SHORT
from bootmap.facts.linux.vmalloc_end import VMALLOC_END_BY_PLATFORM
from bootmap.facts.linux.vmsplit import VMSPLITS
from bootmap.shown import Shown
from bootmap.units import MIB, PAGE_SIZE, Span, align_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bootmap.facts.features.feature import Version
    from bootmap.facts.linux.linux_prot import LinuxFormat
    from bootmap.inputs.kconfig import Config
    from bootmap.inputs.kernel_file import KernelFile
    from bootmap.inputs.symbols import Symbols

VECTORS_HIGH = 0xFFFF0000
FDT_FIXED_BASE = 0xFF800000
"""Where 5.11 and later map the device tree (arch/arm/include/asm/memory.h)."""
PCI_IO_VIRT_BASE = 0xFEE00000
VMALLOC_OFFSET = 8 * MIB


def vmalloc_start(high_memory: int) -> int:
    """VMALLOC_START: VMALLOC_OFFSET above the end of lowmem, rounded down to as much (asm/pgtable.h)."""
    return (high_memory + VMALLOC_OFFSET) & -VMALLOC_OFFSET & 0xFFFFFFFF


class Rule(Shown, Struct, frozen=True):
    """One feature that was asked for during the boot, and the answer.

    Attributes:
        feature: its name.
        on: whether it holds.
        because: "version", "config" or "override".
        source: where the rule is seen.
        summary: what it says.
    """

    feature: str
    on: bool
    because: str
    source: str
    summary: str


class Features(dict[str, bool]):
    """Whether a kernel has a feature of :mod:`bootmap.facts.features.table`, worked out when it is first asked for.

    A boot asks some 250 times: ``features[name]``, or a kernel's ``has(name)``, which is the same.

    Attributes:
        rules: every feature that was asked for, by name.

    Those of one kernel may share ``answered``: answers for features that any of them was asked for.

    Raises:
        KeyError: there is no feature of that name.
    """

    def __init__(
        self,
        version: Version,
        sublevel: int | None,
        config: Config,
        overrides: Mapping[str, bool],
        answered: dict[str, Rule] | None = None,
    ) -> None:
        self._version, self._sublevel, self._config, self._overrides = version, sublevel, config, overrides
        self.rules: dict[str, Rule] = {}
        self._answered = answered if answered is not None else {}

    def __missing__(self, name: str) -> bool:
        rule = self._answered.get(name) or self._answered.setdefault(name, self._rule(name))
        self.rules[name] = rule
        self[name] = rule.on
        return rule.on

    def _rule(self, name: str) -> Rule:
        """The answer for one feature and its reason."""
        rows = ROWS_BY_NAME[name]
        if name in self._overrides:
            return Rule(name, self._overrides[name], "override", "the user", rows[0].summary)
        for row in rows:
            if row.covers(self._version, self._sublevel) and configured(self._config, row.kconfig):
                because = "config" if row.kconfig else "version"
                return Rule(name, True, because, row.source, row.summary)
        row = rows[-1]
        because = "config" if row.kconfig and row.covers(self._version, self._sublevel) else "version"
        return Rule(name, False, because, row.source, row.summary)


def configured(config: Config, options: Iterable[str]) -> bool:
    """Whether every one of ``options`` is enabled or, with ``!`` in front, not."""
    return all(not config.enabled(option[1:]) if option[0] == "!" else config.enabled(option) for option in options)


class KernelModel:
    """A kernel: version, configuration, symbols and overrides.

    Attributes:
        version: mainline release, such as (6, 1) or (2, 6, 38).
        sublevel: stable sublevel, None where unknown (then back-ports are taken as present).
        config: options.
        symbols: virtual addresses.
        overrides: features the user switched on or off.
        file: the kernel file, for the bytes of its image; None where not given.
        platform_vmalloc_end: VMALLOC_END of the platform, where a log of the kernel shows it; None where none does.
        has: whether the kernel has a feature, by its name.
        rules: every feature that was asked for, by name.

    Models of one kernel may share ``answered``: see `Features`.
    """

    def __init__(
        self,
        version: Version,
        sublevel: int | None,
        config: Config,
        symbols: Symbols,
        overrides: Mapping[str, bool] | None = None,
        file: KernelFile | None = None,
        platform_vmalloc_end: int | None = None,
        answered: dict[str, Rule] | None = None,
    ) -> None:
        self.version = version
        self.sublevel = sublevel
        self.config = config
        self.symbols = symbols
        self.overrides = dict(overrides or {})
        self.file = file
        self.platform_vmalloc_end = platform_vmalloc_end
        features = Features(version, sublevel, config, self.overrides, answered)
        self.has: Callable[[str], bool] = features.__getitem__
        self.rules = features.rules

    def configured(self, options: Iterable[str]) -> bool:
        """Whether every one of ``options`` is enabled or, with ``!`` in front, not."""
        return configured(self.config, options)

    @property
    def version_text(self) -> str:
        """The version as people write it."""
        text = ".".join(map(str, self.version))
        return text if self.sublevel is None else f"{text}.{self.sublevel}"

    def read(self, address: int, size: int) -> bytes | None:
        """``size`` bytes of the image as it was built, from a linear-map address on; None where they are not at hand.

        Raises:
            InputError: the kernel file cannot be read any more.
        """
        if self.file is None or self.has("xip") or self.has("be8") or self.has("be32"):
            return None
        return self.file.read(address - self.page_offset - self.text_offset, size)

    @cached_property
    def byteorder(self) -> Literal["little", "big"]:
        """The order of bytes in memory, that of page tables included (SCTLR.EE: the walk reads them so)."""
        return "big" if self.has("be8") else "little"

    # -- the virtual layout ------------------------------------------------------------------------------

    @cached_property
    def format(self) -> LinuxFormat:
        """The page table format."""
        if not self.has("lpae"):
            return SHORT
        return LONG if self.has("lpae_rdonly_58") else LONG_RDONLY_AP2

    @cached_property
    def page_offset(self) -> int:
        """PAGE_OFFSET: where lowmem begins in virtual space."""
        if "PAGE_OFFSET" in self.config:
            return self.config.integer("PAGE_OFFSET")
        for option, value in VMSPLITS.items():
            if self.config.enabled(option):
                return value
        return VMSPLITS["VMSPLIT_3G"]

    @cached_property
    def swapper_pg_dir(self) -> int:
        """Virtual address of the page directory."""
        return self.symbols.require("swapper_pg_dir")[0]

    @cached_property
    def text_offset(self) -> int:
        """TEXT_OFFSET: bytes from the start of RAM to the image (head.S KERNEL_RAM_VADDR)."""
        return self.swapper_pg_dir + self.format.pgd_bytes - self.page_offset

    @cached_property
    def task_size(self) -> int:
        """TASK_SIZE: end of user space (arch/arm/include/asm/memory.h)."""
        return self.kasan_shadow.start if self.has("kasan") else self.page_offset - 16 * MIB

    @cached_property
    def modules_vaddr(self) -> int:
        """MODULES_VADDR: start of the modules' area."""
        return self.page_offset - (8 if self.config.enabled("THUMB2_KERNEL") else 16) * MIB

    @cached_property
    def pkmap_base(self) -> int:
        """PKMAP_BASE: start of the persistent kmap area (HIGHMEM only)."""
        return self.page_offset - 2 * MIB

    @cached_property
    def modules_end(self) -> int:
        """MODULES_END."""
        return self.pkmap_base if self.has("highmem") else self.page_offset

    @cached_property
    def vmalloc_end(self) -> int:
        """VMALLOC_END; where no table has this platform's, that of 3.3 (see `vmalloc_end_known`)."""
        if self.has("vmalloc_end_ff8"):
            return 0xFF800000
        if self.has("vmalloc_end_ff0"):
            return 0xFF000000
        if self.platform_vmalloc_end is not None:
            return self.platform_vmalloc_end
        return next(self._platform_ends(), 0xFF000000)

    @property
    def vmalloc_end_known(self) -> bool:
        """Whether VMALLOC_END follows from the version and the configuration."""
        told = self.platform_vmalloc_end is not None
        return self.has("vmalloc_end_ff0") or told or next(self._platform_ends(), None) is not None

    @property
    def vmalloc_end_of_table(self) -> bool:
        """Whether VMALLOC_END is what a table of mainline's platforms has for this configuration."""
        told = self.platform_vmalloc_end is not None
        return not self.has("vmalloc_end_ff0") and not told and next(self._platform_ends(), None) is not None

    def _platform_ends(self) -> Iterator[int]:
        return (end for option, end in VMALLOC_END_BY_PLATFORM.items() if self.config.enabled(option))

    @cached_property
    def fixaddr_start(self) -> int:
        """FIXADDR_START."""
        if self.has("fixmap_ffc8"):
            return 0xFFC80000
        return 0xFFC00000 if self.has("fixmap_ffc0") else 0xFFF00000

    @cached_property
    def fixaddr_top(self) -> int:
        """FIXADDR_TOP: end of the fixmap (arch/arm/include/asm/fixmap.h)."""
        if self.has("fixmap_table_always"):
            return 0xFFF00000 - 0x1000
        return 0xFFE00000 if self.has("fixmap_ffc0") else 0xFFFE0000

    @cached_property
    def fixaddr_end(self) -> int:
        """FIXADDR_END: one page behind FIXADDR_TOP since there is one, else FIXADDR_TOP."""
        return self.fixaddr_top + (PAGE_SIZE if self.has("fixmap_table_always") else 0)

    @cached_property
    def image_start(self) -> int:
        """KERNEL_START: _stext, or _sdata of an XIP kernel (asm/memory.h)."""
        return self.symbols.require("_sdata" if self.has("xip") else "_stext")[0]

    @cached_property
    def image_end(self) -> int:
        """KERNEL_END: _end."""
        return self.symbols.require("_end")[0]

    @cached_property
    def kasan_shadow(self) -> Span:
        """The KASAN shadow in virtual space (arch/arm/include/asm/kasan_def.h)."""
        offset = self.config.integer("KASAN_SHADOW_OFFSET")
        end = (1 << 29) + offset & 0xFFFFFFFF
        return Span((end >> 3) + offset & 0xFFFFFFFF, end)

    @cached_property
    def xip_text(self) -> int:
        """XIP_VIRT_ADDR: virtual address of an XIP image in flash (arch/arm/include/asm/memory.h)."""
        return self.modules_vaddr + (self.xip_flash & 0xFFFFF)

    @cached_property
    def xip_flash(self) -> int:
        """CONFIG_XIP_PHYS_ADDR: physical address of an XIP image, whose first byte is its first instruction."""
        return self.config.integer("XIP_PHYS_ADDR")

    @cached_property
    def xip_end(self) -> int:
        """Virtual address of the end of an XIP image's flash part."""
        return self.symbols.require("_exiprom" if self.has("xip_exiprom") else "_etext")[0]

    def section_up(self, address: int) -> int:
        """``address`` rounded up to a section of this format."""
        return align_up(address, self.format.section_size)
