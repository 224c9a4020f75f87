"""What each kernel does differently: one row a rule, with the versions that have it and where that is seen.

Code asks ``kernel.has(name)`` and never compares versions.  A row holds for mainline versions
``since <= version < until``, for the stable series in ``also`` from the sublevel given there, and not for the
series in ``except_from``, which dropped it at that sublevel.  A row with ``kconfig`` holds only where the
options do (``!`` negates); its version range may be unbounded.

Sources are files and functions of the Linux tree in the versions on both sides of the boundary; a commit
is named where it is known.  Where a boundary falls between two trees that were read, the row says so.
"""

from __future__ import annotations

from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

from bootmap.facts.features.banks import BANK_FEATURES
from bootmap.facts.features.cma import CMA_FEATURES
from bootmap.facts.features.config import CONFIG_FEATURES
from bootmap.facts.features.decompressor import ZIMAGE_FEATURES
from bootmap.facts.features.head import HEAD_FEATURES
from bootmap.facts.features.kexec import KEXEC_FEATURES
from bootmap.facts.features.lowmem import LOWMEM_FEATURES
from bootmap.facts.features.mem_types import MEM_TYPE_FEATURES
from bootmap.facts.features.memblock import LOG_FEATURES, MEMBLOCK_FEATURES
from bootmap.facts.features.paging import PAGING_FEATURES
from bootmap.facts.features.reserve import RESERVE_FEATURES
from bootmap.facts.features.tree import TREE_FEATURES
from bootmap.facts.features.zones import ZONE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.facts.features.feature import Feature

SECTIONS: Mapping[str, tuple[Feature, ...]] = MappingProxyType(
    {
        "what the configuration decides": CONFIG_FEATURES,
        "head.S": HEAD_FEATURES,
        "the device tree and ATAGs": TREE_FEATURES,
        "reservations": RESERVE_FEATURES,
        "contiguous memory": CMA_FEATURES,
        "lowmem": LOWMEM_FEATURES,
        "memory types": MEM_TYPE_FEATURES,
        "paging_init": PAGING_FEATURES,
        "zones": ZONE_FEATURES,
        "banks of RAM": BANK_FEATURES,
        "memblock": MEMBLOCK_FEATURES,
        "the log": LOG_FEATURES,
        "the decompressor": ZIMAGE_FEATURES,
        "the next kernel": KEXEC_FEATURES,
    }
)
"""The parts of the table by title, in the order of a boot."""

FEATURES: tuple[Feature, ...] = tuple(chain.from_iterable(SECTIONS.values()))

ROWS_BY_NAME: Mapping[str, tuple[Feature, ...]] = MappingProxyType(
    {name: tuple(row for row in FEATURES if row.name == name) for name in dict.fromkeys(row.name for row in FEATURES)}
)
"""A feature holds where any of its rows does: some rules came, went and came again."""
