"""The configuration of a log's kernel, as far as its lines show it: highmem, SMP, zones, contiguous memory, CPUs.

Each option is weighed by all lines that bear on it.  Not here: what identifies the kernel (``identity``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.bootlog.evidence import Confidence, Evidence, Weighed, choose, exact
from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.given import Given
    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log, Said

    Rows = Iterator[tuple[str, Evidence[str]]]

_MOST_CPUS = 4
_ALWAYS = {"MMU": "y", "BLK_DEV_INITRD": "y", "KUSER_HELPERS": "y", "ATAGS": "y"}
OPTION = "CONFIG_"
NOT_SET = "n"
"""The value of an option that is not set."""


class Options(Struct, frozen=True):
    """What of the configuration, and of the CPUs, a log shows.

    Attributes:
        values: options by their names, without CONFIG_.
        cpus: how many CPUs, None where the log does not say.
        cpus_from_policy: whether only the cache policy tells whether there are several.
        taken: names of the values that came from lines of the log.
        weights: each option that any line bears on, with its witnesses; "n" for one that is not set.
    """

    values: dict[str, str]
    cpus: int | None
    cpus_from_policy: bool
    taken: frozenset[str]
    weights: tuple[Weighed[str], ...] = ()

    @property
    def text(self) -> str:
        """As a .config holds them."""
        return "".join(f"CONFIG_{name}={value}\n" for name, value in self.values.items())


def read_options(log: Log, identity: LogIdentity, given: Given) -> Options:
    """The options that ``log`` shows; those of a configuration that is given go before."""
    rows: dict[str, list[Evidence[str]]] = {}
    for name, row in _rows(log, identity):
        rows.setdefault(name, []).append(row)
    rows.setdefault("HIGHMEM", [])
    if given.config is not None:
        for name in rows:
            value = given.config.get(name, NOT_SET)
            rows[name].insert(0, exact(value, Confidence.GIVEN, 0, "the configuration has it"))
    weights = [_weighed(name, found) for name, found in rows.items()]
    values = _ALWAYS | {"PAGE_OFFSET": f"{identity.page_offset:#x}"}
    told = {each.quantity.removeprefix(OPTION): each.value or NOT_SET for each in weights}
    values |= {name: value for name, value in told.items() if value != NOT_SET}
    if values.get("SMP") == "y":
        values["SMP_ON_UP"] = "y"
    cpus, from_policy = _cpus(log)
    return Options(values, cpus, from_policy, frozenset(_taken(log, identity)), tuple(weights))


def _weighed(name: str, rows: list[Evidence[str]]) -> Weighed[str]:
    """One option; HIGHMEM, which most configurations set, is taken to be set where no line bears on it."""
    if not rows:
        return Weighed(f"{OPTION}{name}", "y", otherwise="the log does not say", option="--config")
    return replace(choose(f"{OPTION}{name}", rows), option="--config")


def _taken(log: Log, identity: LogIdentity) -> Iterator[str]:
    """Names of values that went in, and so are not predicted."""
    modules, policy = identity.layout.get("modules"), log.first("policy")
    if modules is not None and identity.page_offset - modules.number("start") == 8 * MIB:
        yield "modules.start"
    if policy is not None and policy.word("name") == "writethrough" and "cachepolicy=" not in identity.cmdline:
        yield "policy"
    if log.first("banner") is None and not log.all("percpu") and _writealloc(log) is not None:
        yield "policy"
    if log.all("cma", "cma_failed", "pool") and not re.search(r"\bcma=", identity.cmdline):
        yield "cma.mib"
    if log.first("kasan") is not None:
        yield "kasan.offset"


def _rows(log: Log, identity: LogIdentity) -> Rows:
    """What lines say of options, by the options' names."""
    yield from _smp(log)
    if identity.lpae:
        cpu = log.first("cpu") or log.first("control")
        yield "ARM_LPAE", exact("y", Confidence.CERTAIN, cpu.line if cpu else 0, "cr has AFE set")
    yield from _highmem(log, identity)
    for said in log.all("zone", "zone_pages"):
        if said.word("name") == "DMA":
            yield "ZONE_DMA", exact("y", Confidence.CERTAIN, said.line, "there is a DMA zone")
            break
    modules = identity.layout.get("modules")
    if modules is not None and identity.page_offset - modules.number("start") == 8 * MIB:
        yield "THUMB2_KERNEL", exact("y", Confidence.CERTAIN, modules.line, "the modules' area has 8 MiB")
    slub = log.first("slub")
    if slub is not None and slub.number("align") in (32, 64):
        shift = str(slub.number("align").bit_length() - 1)
        yield "ARM_L1_CACHE_SHIFT", exact(shift, Confidence.CERTAIN, slub.line, "HWalign")
    for said in log.all("pool"):
        if said.word("name") == "DMA":
            for name in ("DMA_DECLARE_COHERENT", "HAVE_GENERIC_DMA_COHERENT"):
                yield name, exact("y", Confidence.CERTAIN, said.line, "it makes a DMA memory pool")
            break
    policy = log.first("policy")
    if policy is not None and policy.word("name") == "writethrough" and "cachepolicy=" not in identity.cmdline:
        yield "CPU_DCACHE_WRITETHROUGH", exact("y", Confidence.STRONG, policy.line, "RAM is cached writethrough")
    moved = log.first("tcm_moved") or log.first("tcm_found")
    moved = moved or identity.layout.get("DTCM") or identity.layout.get("ITCM")
    if moved is not None:
        yield "HAVE_TCM", exact("y", Confidence.CERTAIN, moved.line, "it moves tightly coupled memory")
    firmware = log.first("efi_row") or log.first("efi_map") or log.first("efi_table")
    if firmware is not None:
        yield "EFI", exact("y", Confidence.CERTAIN, firmware.line, "it reads what UEFI hands over")
    yield from _cma(log, identity)
    shadow = log.first("kasan")
    if shadow is not None:
        offset = shadow.number("base") - (shadow.number("start") >> 3) & 0xFFFFFFFF
        yield "KASAN", exact("y", Confidence.CERTAIN, shadow.line, "it maps its shadow")
        text = "where it maps its shadow"
        yield "KASAN_SHADOW_OFFSET", exact(f"{offset:#x}", Confidence.CERTAIN, shadow.line, text)


def _smp(log: Log) -> Rows:
    """By the banner; else by what only SMP kernels print (mm/percpu.c embeds its first chunk there only)."""
    banner = log.first("banner")
    if banner is not None and re.search(r"#\d", banner.word("rest")):  # else it is cut off before it says so
        on = re.search(r"\bSMP\b", re.split(r"#\d+", banner.word("rest"))[-1]) is not None
        yield "SMP", exact("y" if on else NOT_SET, Confidence.CERTAIN, banner.line, "the banner says so")
    for said in log.all("percpu")[:1]:
        yield "SMP", exact("y", Confidence.STRONG, said.line, "per-CPU areas are embedded")
    said_policy = _writealloc(log)
    if said_policy is not None:
        yield "SMP", exact("y", Confidence.LIKELY, said_policy.line, "RAM is cached write-allocate")


def _highmem(log: Log, identity: LogIdentity) -> Rows:
    """Whether HIGHMEM is set."""
    for said in log.all("ignoring", "truncating"):
        if "!CONFIG_HIGHMEM" in said.word("rest"):
            yield "HIGHMEM", exact(NOT_SET, Confidence.CERTAIN, said.line, "the kernel says so")
        else:
            yield "HIGHMEM", exact(NOT_SET, Confidence.STRONG, said.line, "what is above lowmem is not used")
    pkmap, memory, old = identity.layout.get("pkmap"), log.first("memory"), log.first("memory_k")
    if pkmap is not None:
        yield "HIGHMEM", exact("y", Confidence.CERTAIN, pkmap.line, "pkmap is in the layout")
    zones = log.all("zone", "zone_pages")
    high = next((said for said in zones if said.word("name") == "HighMem"), None)
    if high is not None:
        yield "HIGHMEM", exact("y", Confidence.CERTAIN, high.line, "there is a HighMem zone")
    elif log.all("zone"):
        yield "HIGHMEM", exact(NOT_SET, Confidence.STRONG, zones[0].line, "the zones have no HighMem")
    if memory is not None and "reserved" in memory:
        on = "highmem" in memory
        what = "highmem is counted" if on else "highmem is not counted"
        strength = Confidence.CERTAIN if on else Confidence.STRONG
        yield "HIGHMEM", exact("y" if on else NOT_SET, strength, memory.line, what)
    if old is not None and old.number("highmem"):
        yield "HIGHMEM", exact("y", Confidence.CERTAIN, old.line, "highmem is counted")
    if identity.layout and pkmap is None:
        line = next(iter(identity.layout.values())).line
        yield "HIGHMEM", exact(NOT_SET, Confidence.STRONG, line, "the layout has no pkmap")


def _writealloc(log: Log) -> Said | None:
    """The line by which RAM is cached write-allocate, as ARMv7 does it where the kernel runs SMP only."""
    policy = log.first("policy")
    return policy if policy is not None and policy.word("name") == "writealloc" else None


def _cma(log: Log, identity: LogIdentity) -> Rows:
    areas = log.all("cma", "cma_failed")
    said = (areas or log.all("pool"))[-1:]
    if not said:
        return
    # The areas of a vendor's own come before: the machine's reserve callback makes them.
    size = str(areas[-1].number("mib") if areas else 0)
    by_option = re.search(r"\bcma=", identity.cmdline) is not None
    what = "its default area" if areas else "no default area is named"
    for name in ("CMA", "DMA_CMA", "CMA_SIZE_SEL_MBYTES"):
        yield name, exact("y", Confidence.STRONG, said[0].line, "it has contiguous areas")
    confidence = Confidence.LIKELY if by_option or not areas else Confidence.STRONG
    yield "CMA_SIZE_MBYTES", exact(size, confidence, said[0].line, what)


def _cpus(log: Log) -> tuple[int | None, bool]:
    """How many CPUs there are, and whether only the cache policy tells it."""
    counts = [said.number("cpus") for said in log.all("nosmp", "slub") if "cpus" in said]
    if counts:
        return min(max(counts), _MOST_CPUS), False
    if log.first("policy") is not None:  # what a Cortex-A9 counts decides the policy
        return (1 if _writealloc(log) is None else 2), True
    return None, False
