"""The table in docs/plan.md of what was held against U-Boot, counted from the recordings.

PYTHONPATH=tests python -m support.uboot_counts
"""

from __future__ import annotations

import re

from support.uboot import NAMES, document

_BUILT = "built"
_RELEASE = re.compile(r"\d{4}\.\d\d(?:-rc\d+)?")
WHAT = {
    "": "one bank of RAM; `bootz`, `bootm` with a uImage or a FIT",
    "banks": "two to four banks of RAM",
    "holes": "two banks of RAM with nothing between them",
    "packed": "packed kernels, and such as are larger than CONFIG_SYS_BOOTM_LEN",
}


def table() -> list[str]:
    """The table's rows."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for name in NAMES:
        doc = document(name)
        kind = next((kind for kind in ("banks", "holes", "packed") if kind in name), "")
        version = doc["uboot"].split()[1]
        whose = "Debian's" if "-" in version or "+" in version else _BUILT
        releases = counted.setdefault((kind, whose), {})
        found = _RELEASE.match(version)
        assert found is not None
        releases[found[0]] = releases.get(found[0], 0) + len(doc["cases"])
    return [
        f"| {sum(releases.values())} | {whose}: {', '.join(releases)} | {WHAT[kind]} |"
        for (kind, whose), releases in sorted(counted.items())
    ]


if __name__ == "__main__":
    print("\n".join(table()))
