"""Memory properties of vendors' kernels that no mainline kernel reads: name -> (whose it is, what mainline has).

Sources: Documentation/devicetree/bindings of Qualcomm's 3.4 and 3.10 (memory.txt, contiguous.txt), Android's 3.18
(ion), Allwinner's and Amlogic's 3.10; Documentation/devicetree/bindings/reserved-memory of mainline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DOWNSTREAM_PROPERTIES: Mapping[str, tuple[str, str]] = {
    "linux,reserve-contiguous-region": (
        "an area that Qualcomm's 3.4 and 3.10 keep for CMA",
        "Mainline: a shared-dma-pool with reusable in /reserved-memory.",
    ),
    "linux,reserve-region": ("an area that Qualcomm's 3.10 keeps", "Mainline: a child of /reserved-memory."),
    "linux,remove-completely": ("an area that Qualcomm's 3.10 removes", "Mainline: no-map in /reserved-memory."),
    "linux,memory-limit": ("an upper limit that Qualcomm's 3.10 keeps to", "Mainline: alloc-ranges."),
    "removed-dma-pool": ("a pool of Qualcomm's kernels", "Mainline: no-map in /reserved-memory."),
    "qcom,memblock-remove": ("memory that Qualcomm's 3.10 removes", "Mainline: no-map in /reserved-memory."),
    "qcom,memblock-reserve": ("memory that Qualcomm's 3.10 reserves", "Mainline: a child of /reserved-memory."),
    "need_iomap": ("memory that Amlogic's 3.10 maps", "Mainline: a child of /reserved-memory with no-map."),
}
