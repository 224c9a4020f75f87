"""Recorded boots of real bareboxes (tools/record-barebox), and bootmap's answer to the same input."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from bootmap.inputs import fdt, iomem
from bootmap.loaders.barebox.bootm import BareboxBoard, BareboxCommand, BareboxPlaced, bootm
from bootmap.loaders.barebox.release import Barebox
from bootmap.units import Span
from bootmap.verify.loader.barebox import BareboxCase, telling

DATA = Path(__file__).parent.parent / "data" / "loaders"
NAMES = sorted(path.name.removesuffix(".json.gz") for path in DATA.glob("barebox-*.json.gz"))
_MONITOR = "Starting kernel in "


@cache
def document(name: str) -> dict[str, Any]:
    """A recording, as it stands in the file."""
    doc: dict[str, Any] = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    return doc


def inputs(doc: dict[str, Any], boot: dict[str, Any]) -> tuple[Barebox, BareboxBoard, BareboxCommand]:
    """What the model is given."""
    barebox = Barebox.named(doc["barebox"])
    assert barebox is not None
    case, found = BareboxCase.of(boot["case"]), iomem.parse(boot["iomem"])
    command = BareboxCommand(
        case.kernel,
        fdt.parse(case.tree()),
        case.load if case.uimage else None,
        case.loadaddr,
        case.ramdisk,
        case.ramdisk_at,
        case.legacy,
        case.appended,
        case.bootargs,
        case.efi,
    )
    has_source = doc.get("build", {}).get("reset_source", True)
    return barebox, BareboxBoard(found.banks, found.regions, "hvc", has_source, _monitor(doc, found)), command


def _monitor(doc: dict[str, Any], found: iomem.Iomem) -> Span | None:
    """Barebox itself, from its first byte to one behind its bss, where its build says that it has a secure monitor."""
    if not any(line.startswith(_MONITOR) for boot in doc["boots"] for line in boot["console"]):
        return None
    names = {name: span for span, name in found.regions}
    return Span(names["barebox"].start, names["bss"].end + 1)


def predicted(doc: dict[str, Any], boot: dict[str, Any]) -> BareboxPlaced:
    """bootmap's answer."""
    return bootm(*inputs(doc, boot))


def told(boot: dict[str, Any]) -> list[str]:
    """The lines that name addresses."""
    return telling(boot["console"])


def blob(boot: dict[str, Any]) -> bytes:
    """The tree that the kernel got: the payload sends whole words."""
    words = zlib.decompress(base64.b64decode(boot["handed"]["blob"]))
    return words[: int.from_bytes(words[4:8], "big")]
