"""Kernel configurations: a .config file, a compressed one, or the copy that a kernel carries (IKCONFIG).

Every option knows the line that set it, so that an answer can say where a fact came from.  Only what the
file says is read: defaults of absent options are Kconfig's affair, what they mean to the boot ``boot/``'s.

Source: scripts/kconfig/confdata.c ``conf_read_simple``; kernel/configs.c for IKCONFIG.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar, overload

from bootmap.errors import ConfigError, InputError
from bootmap.inputs.fs import file_name, gunzip_bytes, read_file
from bootmap.units import MIB

if TYPE_CHECKING:
    import mmap
    from pathlib import Path

_T = TypeVar("_T")

MAX_SIZE = 8 * MIB
FLAG = "--config"
IKCONFIG_START, IKCONFIG_END = b"IKCFG_ST", b"IKCFG_ED"

_PREFIX = "CONFIG_"
_SET = re.compile(r"CONFIG_(\w+)=(.*)")
_NAME = re.compile(r"\w+")
_NOT_SET_HEAD, _NOT_SET_TAIL = "# CONFIG_", " is not set"
_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*)"')
_ESCAPE = re.compile(r"\\(.)")
# "# Linux/arm 6.1.176 Kernel Configuration"; before 3.x "# Linux kernel version: 2.6.38-rc1"
_HEADER = re.compile(r"# (?:Linux/(\S+) (\d\S*) Kernel Configuration|Linux kernel version: (\d\S*))")
_VERSION = re.compile(r"(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?")
_LONGEST_SHOWN = 40

# Lowest, highest and step of numbers that are shifted by, or that memory is cut by: more than Kconfig allows of each,
# less than breaks arithmetic (arch/arm/Kconfig, arch/arm/mm/Kconfig, mm/Kconfig, kernel/dma/Kconfig).
_ANY = (-1 << 31, 0xFFFFFFFF, 1)
_ADDRESS = (0, 0xFFFFFFFF, 1)
_RANGES = {
    "ARM_L1_CACHE_SHIFT": (3, 12, 1),
    "ARCH_FORCE_MAX_ORDER": (1, 20, 1),
    "FORCE_MAX_ZONEORDER": (1, 21, 1),
    "PAGE_BLOCK_MAX_ORDER": (1, 20, 1),
    "CMA_SIZE_MBYTES": (0, 4096, 1),
    "CMA_SIZE_PERCENTAGE": (0, 100, 1),
    "ARM_NR_BANKS": (1, 4096, 1),
    "PAGE_OFFSET": (0x10000000, 0xF0000000, 0x1000000),
    "PHYS_OFFSET": _ADDRESS,
    "DEBUG_UART_PHYS": _ADDRESS,
    "DEBUG_UART_VIRT": _ADDRESS,
    "XIP_PHYS_ADDR": _ADDRESS,
    "KASAN_SHADOW_OFFSET": _ADDRESS,
}


class Version(NamedTuple):
    """A kernel's version; compares in order of release."""

    major: int
    minor: int
    sublevel: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.sublevel}"


class Option(NamedTuple):
    """One option as its last line sets it: the value ("y", "m", "n" or the text) and the line's number."""

    value: str
    line: int


class Config(Mapping[str, str]):
    """Options by name without ``CONFIG_``; an option that is not set, or not there, is absent.

    Values are "y", "m", a number as written, or a string without its quotes.  Names may be given with or
    without ``CONFIG_``.

    Attributes:
        file: where it was read from, for errors.
        version: of the kernel, None where the file does not say.
        release: the version as written ("6.12.0-rc3"), None likewise.
    """

    __slots__ = ("_options", "_unset", "file", "release", "version")

    def __init__(
        self, options: dict[str, Option], unset: dict[str, int], release: str | None, file: str | None
    ) -> None:
        self._options = options
        self._unset = unset
        self.release = release
        self.version = parse_version(release) if release else None
        self.file = file

    def changed(self, options: Mapping[str, str | None]) -> Config:
        """The same with some ``options`` set to other values; None unsets one."""
        kept = {name: option for name, option in self._options.items() if name not in options}
        kept |= {name: Option(value, 0) for name, value in options.items() if value is not None}
        unset = {name: line for name, line in self._unset.items() if options.get(name) is None}
        return Config(
            kept, unset | {name: 0 for name, value in options.items() if value is None}, self.release, self.file
        )

    def __getitem__(self, name: str) -> str:
        return self._options[name.removeprefix(_PREFIX)].value

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, /, default: str | _T) -> str | _T: ...

    def get(self, name: str, /, default: object = None) -> object:
        """The value, ``default`` where the option is absent."""
        option = self._options.get(name.removeprefix(_PREFIX))
        return default if option is None else option.value

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.removeprefix(_PREFIX) in self._options

    def __repr__(self) -> str:
        return f"<Config of {self.file or 'no file'}, Linux {self.release}, {len(self)} options>"

    def enabled(self, name: str) -> bool:
        """Whether the option is "y" or "m"."""
        option = self._options.get(name.removeprefix(_PREFIX))
        return option is not None and option.value in ("y", "m")

    def disabled(self, name: str) -> bool:
        """Whether the configuration says that the option is not set; an excerpt may say nothing."""
        return name.removeprefix(_PREFIX) in self._unset

    def text(self, name: str, default: str = "") -> str:
        """The value of an option, ``default`` where it is absent."""
        return self.get(name, default)

    def integer(self, name: str, default: int | None = None) -> int:
        """The value of an option of type int or hex, ``default`` where it is absent.

        Raises:
            ConfigError: the value is no number or none that the option can have, or the option is absent and there is
                no default.
        """
        value = self.get(name)
        if value is None:
            if default is None:
                raise ConfigError(
                    f"{_PREFIX}{name.removeprefix(_PREFIX)} is not set; give the complete configuration with {FLAG}",
                    file=self.file,
                )
            return default
        name = name.removeprefix(_PREFIX)
        low, high, multiple = _RANGES.get(name, _ANY)
        try:
            number = int(value, 16 if value[:2].lower() == "0x" else 10)
        except ValueError:  # no number, or one of thousands of digits
            number = high + 1
        if low <= number <= high and number % multiple == 0:
            return number
        if multiple > 1:
            wanted = f"{low:#x} to {high:#x} in steps of {multiple:#x}"
        else:
            wanted = "a number of 32 bits" if high == 0xFFFFFFFF else f"{low} to {high}"
        shown = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}..."
        raise ConfigError(f"{_PREFIX}{name} is {shown!r}, expected {wanted}", file=self.file, line=self.line(name))

    def line(self, name: str) -> int | None:
        """The number of the line that sets the option, or says that it is not set; None without one."""
        name = name.removeprefix(_PREFIX)
        if name in self._options:
            return self._options[name].line
        return self._unset.get(name)


def parse_version(text: str) -> Version | None:
    """The version at the beginning of ``text`` such as "6.1.0-49-armmp", None where there is none."""
    match = _VERSION.match(text)
    return Version(int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def parse(data: bytes, *, file: str | None = None) -> Config:
    """Read a configuration: .config text, or any image that carries IKCONFIG.

    Raises:
        ConfigError: a line that is none of a .config's, another architecture, or no option at all.
    """
    embedded = extract_ikconfig(data)
    if embedded is not None:
        data = embedded
    return _parse_text(data, file)


def read_config(path: str | Path) -> Config:
    """Read a configuration from a file: .config, .config.gz, or an uncompressed image with IKCONFIG.

    Raises:
        InputError: the file cannot be read; a ConfigError where it is not what it should be.
    """
    name = file_name(path)
    try:
        return parse(read_file(path, gunzip=True), file=name)
    except InputError as error:
        raise error.in_file(name) from None


def extract_ikconfig(image: bytes | mmap.mmap, start: int = 0, stop: int | None = None) -> bytes | None:
    """The .config text between the IKCONFIG markers in ``image[start:stop]``, None where there is none.

    Raises:
        ConfigError: the markers are there, what is between them is no complete gzip stream.
    """
    stop = len(image) if stop is None else stop
    at = image.find(IKCONFIG_START + b"\x1f\x8b", start, stop)
    if at < 0:
        return None
    at += len(IKCONFIG_START)
    end = image.find(IKCONFIG_END, at, stop)
    try:
        return gunzip_bytes(image[at : end if end >= 0 else stop], MAX_SIZE)
    except InputError as error:
        raise ConfigError(f"IKCONFIG: {error.message}", offset=at) from None


def _parse_text(data: bytes, file: str | None) -> Config:
    if len(data) > MAX_SIZE:
        raise ConfigError(f"has {len(data)} bytes, more than any kernel configuration", file=file)
    if b"\0" in data:
        raise ConfigError(
            "is binary and holds no IKCONFIG (the kernel was built without CONFIG_IKCONFIG, or is "
            f"compressed); give its .config with {FLAG}",
            file=file,
        )
    options: dict[str, Option] = {}
    unset: dict[str, int] = {}
    release: str | None = None
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        line = line.rstrip()
        # Nearly every line is one of the first two kinds: told apart without a regular expression, which costs more
        # than all the rest of a prediction.
        if line.startswith(_NOT_SET_HEAD) and line.endswith(_NOT_SET_TAIL):
            name = line[len(_NOT_SET_HEAD) : -len(_NOT_SET_TAIL)]
            if _NAME.fullmatch(name):
                options.pop(name, None)
                unset[name] = number
        elif line.startswith(_PREFIX) and line.endswith("=y") and line[len(_PREFIX) : -2].replace("_", "").isalnum():
            options[line[len(_PREFIX) : -2]] = Option("y", number)
        elif match := _SET.fullmatch(line):
            name, value = match[1], match[2]
            if value[:1] == '"':
                value = _unquote(name, value, file, number)
            if value == "n":
                options.pop(name, None)
                unset[name] = number
            else:
                options[name] = Option(value, number)
        elif line.startswith("#"):
            if release is None and (match := _HEADER.fullmatch(line)):
                if match[1] not in (None, "arm"):
                    raise ConfigError(f"is for the architecture {match[1]}, arm was expected", file=file, line=number)
                release = match[2] or match[3]
        elif line:
            raise ConfigError(f"expected 'CONFIG_NAME=VALUE' or a comment, found {line[:40]!r}", file=file, line=number)
    if not options and not unset:
        raise ConfigError("holds no option; a kernel configuration was expected", file=file)
    return Config(options, unset, release, file)


def _unquote(name: str, text: str, file: str | None, line: int) -> str:
    match = _STRING.fullmatch(text)
    if match is None:
        raise ConfigError(f"{_PREFIX}{name}: the string does not end on its line", file=file, line=line)
    return _ESCAPE.sub(r"\1", match[1])
