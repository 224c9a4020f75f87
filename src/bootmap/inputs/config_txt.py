"""config.txt of the Raspberry Pi: the settings that hold for one model, with the line of each.

    [pi3]                               filters of one kind replace each other, of several kinds add up
    kernel_address=0x8000
    [all]                               drops them all
    initramfs initrd.img followkernel   no "=" here

Whether a monitor, a pin or a serial number is there, the file does not say: what hangs on that is told apart.

Source: raspberrypi/documentation, config_txt/what_is_config_txt.adoc, conditional.adoc.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.facts.loaders.rpi import LINE_MOST, PI_FILTERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.facts.loaders.rpi import PiModel

_MOST = 1 << 18
_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1f]")
_FILTER = re.compile(r"\[([^\[\]]{1,90})\]")
_SETTING = re.compile(r"([A-Za-z_]\w{0,60})(?::\d)?=(.*)")
_INITRAMFS = re.compile(r"initramfs\s+(\S+)(?:\s+(\S+))?")
_INCLUDE = re.compile(r"include\s+(\S+)")


class PiSetting(Struct, frozen=True):
    """A setting: its value as text, and the line; ``when`` is the section that may not hold, "" where it does."""

    value: str
    line: int
    when: str = ""


class ConfigTxt(Struct, frozen=True):
    """The settings of one model.

    Attributes:
        settings: those that hold, the last of each name.
        maybe: those in sections of which the file does not tell whether they hold.
        includes: files that it reads further settings from, with the line.
    """

    settings: dict[str, PiSetting]
    maybe: tuple[tuple[str, PiSetting], ...] = ()
    includes: tuple[PiSetting, ...] = ()

    def number(self, name: str) -> int | None:
        """A setting that is a number; None where it is not set.

        Raises:
            InputError: it is no number.
        """
        found = self.settings.get(name)
        if found is None:
            return None
        digits = found.value.lower()
        try:
            value = int(digits, 16 if digits.startswith("0x") else 10)
        except ValueError:
            value = -1
        if not 0 <= value < 1 << 32 or len(digits) > 12:
            raise InputError(f"{name}={found.value[:40]}: expected a number such as 64 or 0x8000", line=found.line)
        return value


def parse(text: str, model: PiModel) -> ConfigTxt:
    """What of the file holds for a model.

    Raises:
        InputError: it is too long, is no text, or no line of it says anything to the firmware.
    """
    if len(text) > _MOST or _NO_TEXT.search(text):
        raise InputError(f"is no config.txt: expected text of at most {_MOST >> 10} KiB")
    lines = list(_lines(text))
    if lines and not any(_FILTER.fullmatch(line) or list(_settings(line)) for _, line in lines):
        raise InputError("is no config.txt: expected a setting such as gpu_mem=64, or a filter such as [pi4]")
    settings: dict[str, PiSetting] = {}
    maybe: list[tuple[str, PiSetting]] = []
    includes: list[PiSetting] = []
    filters: dict[str, tuple[bool | None, str]] = {}
    for number, line in lines:
        found = _FILTER.fullmatch(line)
        if found is not None:
            _filter(filters, found[1].strip().lower(), model)
            continue
        holds = [known for known, _ in filters.values()]
        if False in holds:
            continue
        when = next((name for known, name in filters.values() if known is None), "")
        for name, value in _settings(line):
            setting = PiSetting(value, number, when)
            if name == "include":
                includes.append(setting)
            elif when:
                maybe.append((name, setting))
            else:
                settings[name] = setting
    return ConfigTxt(settings, tuple(maybe), tuple(includes))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        line = line[:LINE_MOST].strip()
        if line and not line.startswith("#"):
            yield number, line


def _settings(line: str) -> Iterator[tuple[str, str]]:
    """Name and value of each setting that a line makes; none where the firmware makes nothing of it."""
    if found := _INITRAMFS.fullmatch(line):
        yield "initramfs", found[1]
        yield "ramfsaddr", found[2] or ""
    elif found := _INCLUDE.fullmatch(line):
        yield "include", found[1]
    elif found := _SETTING.fullmatch(line):
        yield found[1], found[2].strip()


def _filter(filters: dict[str, tuple[bool | None, str]], name: str, model: PiModel) -> None:
    """A filter: whether it holds, None where the file does not tell."""
    kind, _, value = name.partition("=")
    if name == "all":
        filters.clear()
    elif name == "none":
        filters["none"] = False, name
    elif name in PI_FILTERS:
        filters["model"] = name in model.sees, name
    elif kind == "board-type":
        try:
            boards = int(value, 0)
        except ValueError:
            boards = -1
        known = boards in model.boards
        filters["model"] = (None if known and len(model.boards) > 1 else known), name
    else:
        filters[re.split(r"[=:\d]", name)[0] or "serial"] = None, name
