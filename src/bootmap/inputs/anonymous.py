"""Taking out of an archive what tells whose board it is: serial numbers, MAC addresses, names of hosts and people.

Every replacement is as long as what it replaces where that is in a blob, so that nothing else moves.  Not here: what a
device tree's own names give away of the product, which is what a recording is about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.inputs.collected import Collected
from bootmap.inputs.fdt import parse as parse_fdt
from bootmap.inputs.fdt_writer import MadeNode, editable, flatten

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = (
    "dmesg",
    "dmesg.boot",
    "iomem",
    "cmdline",
    "cpuinfo",
    "version",
    "meminfo",
    "zoneinfo",
    "buddyinfo",
    "config.gz",
    "config",
    "System.map",
    "kallsyms",
    "memblock-memory",
    "memblock-reserved",
    "kernel_page_tables",
)
_BINARY = ("config.gz",)
_PRIVATE = re.compile(
    r"^(?:serial-number|.*mac-address|address-bits|.*[-,]serial(?:no)?|asset-tag|.*uuid|.*unique-id|.*chip-?id|"
    r"kaslr-seed|rng-seed|.*[-,]sn|eth\w*addr)$"
)
_MAC = re.compile(r"\b(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}\b")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_BUILT_BY = re.compile(r"(Linux version \S+ )\([^()\s]+@[^()\s]+\)")
_NAMED = re.compile(
    r"((?:serial(?:no|#|_?number)?|SerialNumber|hostname|host_?name|machine-id|imei|meid|hwid|cpuid|"
    r"androidboot\.\w*(?:serialno|mac|imei|cid)\w*|systemd\.hostname|PARTUUID|board_?sn|sn)\s*[=:]\s*<?)([^\s>,;]+)",
    re.IGNORECASE,
)
_BARE_MAC = re.compile(r"\b((?:eth\w{0,4}addr|\w{0,20}mac_?addr(?:ess)?)=)([0-9a-fA-F]{12})\b")
_IP_HOST = re.compile(r"(\bip=[^:\s]{0,40}:[^:\s]{0,40}:[^:\s]{0,40}:[^:\s]{0,40}:)([^:\s]{1,64})")
_HOST = re.compile(r"((?:Set hostname to|Hostname set to) <|hostname: )([^>\s]+)")
_IP = re.compile(r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b(?![.\d])")


def anonymous(found: Collected) -> Collected:
    """The same archive without serial numbers, addresses of networks, host names; unknown files are left out."""
    kept: dict[str, bytes] = {}
    for name in KEPT:
        if name in found.files:
            kept[name] = found.files[name] if name in _BINARY else _text(found.files[name])
    if (blob := found.blob) is not None:
        kept["fdt"] = _tree(blob)
    return Collected(kept)


def _text(data: bytes) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    return without_names(text).encode("utf-8", "surrogateescape")


def without_names(text: str) -> str:
    """A text without them: each is as long as before, of zeroes or of ``x``."""
    text = _BUILT_BY.sub(r"\1(builder)", text)
    text = _MAC.sub(lambda match: f"00{match[1]}00{match[1]}00{match[1]}00{match[1]}00{match[1]}00", text)
    text = _UUID.sub("00000000-0000-0000-0000-000000000000", text)
    text = _HOST.sub(_blanked(2), text)
    text = _NAMED.sub(_blanked(2), text)
    text = _BARE_MAC.sub(_blanked(2), text)
    text = _IP_HOST.sub(_blanked(2), text)
    return _IP.sub(_same_length, text)


def _blanked(group: int) -> Callable[[re.Match[str]], str]:
    return lambda match: match[1] + re.sub(r"[0-9A-Za-z]", lambda c: "0" if c[0].isdigit() else "x", match[group])


def _same_length(match: re.Match[str]) -> str:
    return re.sub(r"\d", "0", match[0])


def _tree(blob: bytes) -> bytes:
    """The blob with such properties zeroed, every value as long as before, and its strings cleaned."""
    tree = parse_fdt(blob)
    root = editable(tree)
    _clean(root)
    rows = [(address, size) for address, size, _ in tree.reservations]
    again = flatten(root, rows)
    if len(again) < len(blob):  # the size that its header names is the size that is reserved
        again = again[:4] + len(blob).to_bytes(4, "big") + again[8:] + bytes(len(blob) - len(again))
    return again


def _clean(node: MadeNode) -> None:
    for name, value in node.properties.items():
        if _PRIVATE.match(name):
            node.properties[name] = bytes(len(value))
        elif name in ("bootargs", "stdout-path", "u-boot,version", "u-boot,bootconf"):
            text = value.decode("latin-1")
            node.properties[name] = without_names(text).encode("latin-1")
    for child in node.children:
        _clean(child)
