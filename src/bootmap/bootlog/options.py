"""The configuration of a log's kernel, as far as its lines show it: highmem, SMP, zones, contiguous memory, CPUs.

Not here: what identifies the kernel (``identity``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.units import MIB

if TYPE_CHECKING:
    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log

_MOST_CPUS = 4


class Options(Struct, frozen=True):
    """What of the configuration, and of the CPUs, a log shows.

    Attributes:
        values: options by their names, without CONFIG_.
        cpus: how many CPUs, None where the log does not say.
        cpus_from_policy: whether only the cache policy tells whether there are several.
        taken: names of the values that came from lines of the log.
        assumptions: what the log does not tell and what was taken instead.
    """

    values: dict[str, str]
    cpus: int | None
    cpus_from_policy: bool
    taken: frozenset[str]
    assumptions: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a .config holds them."""
        return "".join(f"CONFIG_{name}={value}\n" for name, value in self.values.items())


def read_options(log: Log, identity: LogIdentity) -> Options:
    """The options that ``log`` shows."""
    taken: set[str] = set()
    assumptions: list[str] = []
    values = {
        "MMU": "y",
        "PAGE_OFFSET": f"{identity.page_offset:#x}",
        "BLK_DEV_INITRD": "y",
        "KUSER_HELPERS": "y",
        "ATAGS": "y",
    }
    values |= _smp(log, taken)
    if identity.lpae:
        values["ARM_LPAE"] = "y"
    highmem = _highmem(log, identity)
    if highmem is None:
        assumptions.append("HIGHMEM is set: the log does not say")
    if highmem is not False:
        values["HIGHMEM"] = "y"
    if any(said.word("name") == "DMA" for said in log.all("zone", "zone_pages")):
        values["ZONE_DMA"] = "y"
    modules = identity.layout.get("modules")
    if modules is not None and identity.page_offset - modules.number("start") == 8 * MIB:
        values["THUMB2_KERNEL"] = "y"
        taken.add("modules.start")
    slub = log.first("slub")
    if slub is not None and slub.number("align") in (32, 64):
        values["ARM_L1_CACHE_SHIFT"] = str(slub.number("align").bit_length() - 1)
    if any(said.word("name") == "DMA" for said in log.all("pool")):
        values |= {"DMA_DECLARE_COHERENT": "y", "HAVE_GENERIC_DMA_COHERENT": "y"}
    policy = log.first("policy")
    if policy is not None and policy.word("name") == "writethrough" and "cachepolicy=" not in identity.cmdline:
        values["CPU_DCACHE_WRITETHROUGH"] = "y"
        taken.add("policy")
    if log.all("tcm_moved", "tcm_found") or "DTCM" in identity.layout or "ITCM" in identity.layout:
        values["HAVE_TCM"] = "y"
    values |= _cma(log, identity, taken)
    shadow = log.first("kasan")
    if shadow is not None:
        offset = shadow.number("base") - (shadow.number("start") >> 3) & 0xFFFFFFFF
        values |= {"KASAN": "y", "KASAN_SHADOW_OFFSET": f"{offset:#x}"}
    cpus, from_policy = _cpus(log)
    return Options(values, cpus, from_policy, frozenset(taken), tuple(assumptions))


def _smp(log: Log, taken: set[str]) -> dict[str, str]:
    """By the banner; else by what only SMP kernels print (mm/percpu.c embeds its first chunk there only)."""
    on = {"SMP": "y", "SMP_ON_UP": "y"}
    banner = log.first("banner")
    if banner is not None:
        return on if re.search(r"\bSMP\b", re.split(r"#\d+", banner.word("rest"))[-1]) else {}
    if log.all("percpu"):
        return on
    if _writealloc(log):
        taken.add("policy")
        return on
    return {}


def _highmem(log: Log, identity: LogIdentity) -> bool | None:
    """Whether HIGHMEM is set; None where the log does not say."""
    zones = [said.word("name") for said in log.all("zone", "zone_pages")]
    memory, old = log.first("memory"), log.first("memory_k")
    if any("!CONFIG_HIGHMEM" in said.word("rest") for said in log.all("ignoring")):
        return False
    if log.all("ignoring", "truncating"):
        return False
    if "pkmap" in identity.layout or "HighMem" in zones or (memory and "highmem" in memory):
        return True
    if old is not None and old.number("highmem"):
        return True
    if identity.layout or log.all("zone") or (memory and "reserved" in memory):
        return False
    return None


def _writealloc(log: Log) -> bool:
    """Whether RAM is cached write-allocate, as ARMv7 does it where the kernel runs SMP only."""
    policy = log.first("policy")
    return policy is not None and policy.word("name") == "writealloc"


def _cma(log: Log, identity: LogIdentity, taken: set[str]) -> dict[str, str]:
    areas = log.all("cma", "cma_failed")
    if not areas and not log.all("pool"):
        return {}
    if not re.search(r"\bcma=", identity.cmdline):
        taken.add("cma.mib")
    # The areas of a vendor's own come before: the machine's reserve callback makes them.
    size = areas[-1].number("mib") if areas else 0
    return {"CMA": "y", "DMA_CMA": "y", "CMA_SIZE_SEL_MBYTES": "y", "CMA_SIZE_MBYTES": str(size)}


def _cpus(log: Log) -> tuple[int | None, bool]:
    """How many CPUs there are, and whether only the cache policy tells it."""
    counts = [said.number("cpus") for said in log.all("nosmp", "slub") if "cpus" in said]
    if counts:
        return min(max(counts), _MOST_CPUS), False
    if log.first("policy") is not None:  # what a Cortex-A9 counts decides the policy
        return (2 if _writealloc(log) else 1), True
    return None, False
