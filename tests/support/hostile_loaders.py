"""What barebox's iomem and the Raspberry Pi's config.txt look like where they are made to cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 4 << 20
_ROOM = (1 << 20) - 4096  # iomem is read up to a MiB
_RAM = "  0x40000000 - 0x5fffffff (size   512 MiB) ram0\n"
_BARE = "0x00000000 - 0xffffffff (size   0 Bytes) iomem\n"


def _filled(start: str, again: str, size: int = _ROOM) -> bytes:
    return (start + again * ((size - len(start)) // len(again))).encode()


def _regions() -> bytes:
    """Twelve thousand regions in one bank, a page each."""
    rows = (
        f"    {0x40000000 + n * 0x2000:#010x} - {0x40000FFF + n * 0x2000:#010x} (size 4 KiB) a{n}\n"
        for n in range(12_000)
    )
    return (_BARE + _RAM + "".join(rows)).encode()


LOADERS: dict[str, Callable[[], bytes]] = {
    "regions.iomem": _regions,
    "banks.iomem": lambda: _filled(_BARE, "  0x40000000 - 0x40000fff (size 4 KiB) ram0\n"),
    "lists.iomem": lambda: _filled("", _BARE + _RAM),
    "spaces.iomem": lambda: _filled(_BARE + _RAM, " "),
    "name.iomem": lambda: _filled(_BARE + _RAM + "    0x40000000 - 0x40000fff (size 4 KiB) ", "a"),
    "escape.iomem": lambda: (_BARE + _RAM + "    0x41000000 - 0x42000fff (size 4 KiB) \x1b[2J\x1b]0;x\x07\n").encode(),
    "digits.iomem": lambda: (_BARE + f"  0x{'f' * 5000} - 0x5fffffff (size 4 KiB) ram0\n").encode(),
    "backwards.iomem": lambda: (_BARE + "  0x5fffffff - 0x40000000 (size 4 KiB) ram0\n").encode(),
    "wide.iomem": lambda: (_BARE + "  0x0000000000000000 - 0xffffffffffffffff (size 4 KiB) ram0\n").encode(),
    "large.iomem": lambda: _filled(_BARE, _RAM, _MOST),
    "lines.cfgtxt": lambda: _filled("", "gpu_mem=64\n", 1 << 18),
    "filters.cfgtxt": lambda: _filled("", "[gpio1=1]\nkernel_old=1\n", 1 << 18),
    "includes.cfgtxt": lambda: _filled("", "include a\n", 1 << 18),
    "digits.cfgtxt": lambda: b"kernel_address=0x" + b"f" * 60 + b"\n",
    "line.cfgtxt": lambda: b"gpu_mem=" + b"9" * 250_000,
    "brackets.cfgtxt": lambda: _filled("", "[", 1 << 18),
    "escape.cfgtxt": lambda: b"[\x1b[2J=1]\nkernel_old=1\ninclude \x1b[2J\n",
    "high.cfgtxt": lambda: b"kernel_address=0xfffffff0\ndevice_tree_address=0xfffffff0\n",
    "large.cfgtxt": lambda: bytes(_MOST),
}
