"""The kernel under prediction, as a user describes it: read once, used for any number of boards."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.assemble.texts import parse_features, parse_kernel_version
from bootmap.boot.kernel import KernelModel
from bootmap.errors import InputError, MissingInputError, UnsupportedError
from bootmap.facts.features.releases import NEWEST, OLDEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

    from bootmap.assumptions import Assumption
    from bootmap.boot.kernel import Rule
    from bootmap.facts.features.feature import Version
    from bootmap.inputs.kconfig import Config
    from bootmap.inputs.kernel_file import KernelFile
    from bootmap.inputs.symbols import Symbols

    Path = str | PathLike[str]

_BANNER = b"Linux version "
_MOST_TEXT_OFFSET = 16 << 20
"""More than TEXT_OFFSET is anywhere (arch/arm/Makefile textofs-y, 0x308000 at most)."""


class Kernel(Struct, frozen=True, dict=True):
    """A kernel: version, configuration and symbols.

    Attributes:
        version: mainline release, such as (6, 1) or (2, 6, 38).
        sublevel: stable sublevel, None where unknown (then back-ports are taken as present).
        config: its configuration.
        symbols: virtual addresses by name.
        overrides: features that the user switched on or off, by name.
        file: the kernel file, None where none was given.
        assumptions: what of this was taken for what was not given.
        profile: which typical kernel it was taken for; "" for one that was described.
        version_told: whether anything said the version; False where it was taken for a usual one.
    """

    version: Version
    sublevel: int | None
    config: Config
    symbols: Symbols
    overrides: Mapping[str, bool] = field(default_factory=dict)
    file: KernelFile | None = None
    assumptions: tuple[Assumption, ...] = ()
    profile: str = ""
    version_told: bool = True

    @cached_property
    def _answered(self) -> dict[str, Rule]:
        """Features that some boot has asked for; a changed kernel begins with none."""
        return {}

    @classmethod
    def load(
        cls,
        *,
        config: Path | None = None,
        system_map: Path | None = None,
        image: Path | KernelFile | None = None,
        version: str | None = None,
        features: Iterable[str] = (),
    ) -> Kernel:
        """Read a kernel from its files.

        Args:
            config: its .config, plain or compressed; may be left out where the image carries one (CONFIG_IKCONFIG).
            system_map: its System.map; may be left out where the image is a vmlinux.
            image: vmlinux, zImage, Image or uImage.
            version: such as ``6.1.55``, where neither the configuration nor the image says it.
            features: ``NAME=on`` or ``NAME=off``: rules that differ from the version's, as in vendor kernels.

        Raises:
            MissingInputError: the files do not say enough; the message names all that is missing.
            InputError: a file cannot be read.
            UnsupportedError: the version is not modelled.

        >>> Kernel.load(config="boards/linux-6.1-armmp/config.gz", system_map="boards/linux-6.1-armmp/System.map")
        <Kernel Linux 6.1.176, short descriptors, PAGE_OFFSET 0xc0000000>
        """
        file = read_image(image)
        parsed = read_config_of(config, file)
        symbols = symbols_of(system_map, file)
        named = str(system_map) if system_map is not None else file.path if file is not None else ""
        _ask_for_missing(parsed, symbols, version, file)
        assert parsed is not None
        assert symbols is not None
        number, sublevel = version_of(version, parsed, file)
        symbols, notes = with_page_directory(symbols, lpae=parsed.enabled("ARM_LPAE"))
        kernel = cls(number, sublevel, parsed, symbols, parse_features(features), file, notes)
        check_symbols(kernel.model(), named)
        return kernel

    def model(self) -> KernelModel:
        """The kernel as a boot asks it: a fresh one, which notes what it was asked."""
        return KernelModel(
            self.version, self.sublevel, self.config, self.symbols, self.overrides, self.file, answered=self._answered
        )

    @property
    def release(self) -> str:
        """The version as people write it."""
        text = ".".join(map(str, self.version))
        return text if self.sublevel is None else f"{text}.{self.sublevel}"

    def __repr__(self) -> str:
        model = self.model()
        layout = f"{model.format.name} descriptors, PAGE_OFFSET {model.page_offset:#010x}"
        return f"<Kernel Linux {self.release}, {layout}>"


def read_image(image: Path | KernelFile | None) -> KernelFile | None:
    """The kernel file, where there is one.

    Raises:
        InputError: it cannot be read.
    """
    from bootmap.inputs.kernel_file import KernelFile

    if image is None or isinstance(image, KernelFile):
        return image
    from bootmap.inputs.zimage import read_kernel

    return read_kernel(str(image))


def read_config_of(path: Path | None, image: KernelFile | None) -> Config | None:
    """The configuration at ``path``, else the image's own; None where there is neither.

    Raises:
        InputError: it cannot be read.
    """
    if path is None:
        return image.config if image is not None else None
    from bootmap.inputs.kconfig import read_config

    return read_config(str(path))


def version_of(given: str | None, config: Config | None, image: KernelFile | None) -> tuple[Version, int | None]:
    """Mainline release and sublevel: as given, else as the configuration or the kernel file says.

    Raises:
        UsageError: what is given is no version.
        MissingInputError: nothing says it.
        UnsupportedError: it is not modelled.
    """
    text = given
    if text is None and config is not None:
        text = config.release
    if text is None and image is not None and image.version is not None:
        text = str(image.version)
    if text is None:
        raise MissingInputError("nothing says which version of Linux this is; give --kernel-version")
    version, sublevel = parse_kernel_version(text)
    if not OLDEST <= version <= NEWEST:
        names = [".".join(map(str, number)) for number in (version, OLDEST, NEWEST)]
        raise UnsupportedError("Linux {} is not modelled; {} to {} are".format(*names))
    return version, sublevel


def symbols_of(path: Path | None, image: KernelFile | None) -> Symbols | None:
    """The symbols of the System.map at ``path``, else the image's own; None where there are neither.

    Raises:
        InputError: the file cannot be read.
    """
    if path is None:
        return image.symbols if image is not None else None
    from bootmap.inputs.symbols import read_system_map

    return read_system_map(str(path))


def with_page_directory(symbols: Symbols, *, lpae: bool) -> tuple[Symbols, tuple[Assumption, ...]]:
    """The symbols with swapper_pg_dir, which /proc/kallsyms lacks: it lies right below _text (head.S)."""
    from bootmap.assumptions import Assumption
    from bootmap.facts.linux.linux_prot import LONG, SHORT

    start = symbols.get("_text", symbols.get("stext"))
    if "swapper_pg_dir" in symbols or start is None:
        return symbols, ()
    at = start - (LONG if lpae else SHORT).pgd_bytes
    note = Assumption(
        f"swapper_pg_dir is {at:#010x}, right below _text: the symbols do not have it", "--system-map", at
    )
    return symbols.extended({"swapper_pg_dir": at}), (note,)


def _ask_for_missing(
    config: Config | None, symbols: Symbols | None, version: str | None, image: KernelFile | None
) -> None:
    """One error for everything that is missing, each with the option that gives it."""
    missing: list[str] = []
    if config is None:
        missing.append("its configuration (--config FILE: a .config or /proc/config.gz)")
    if symbols is None:
        missing.append("its symbols (--system-map FILE, or --kernel with the vmlinux)")
    if config is not None and version is None and config.release is None and (image is None or image.version is None):
        missing.append("its version (--kernel-version, for example 6.1.55)")
    if missing:
        who = f"{image.path} does not carry" if image is not None else "no kernel is described: missing are"
        raise MissingInputError(f"{who} {' and '.join(missing)}")


def check_symbols(model: KernelModel, file: str) -> None:
    """Ask at once for every symbol that the steps will need.

    Raises:
        MissingInputError: some are missing, or they are not of this configuration's kernel.
    """
    symbols = model.symbols
    needed = ["swapper_pg_dir", "_stext", "_end", "__init_begin", "__init_end", "_sdata"]
    idmap = "turn_mmu_on" if model.has("idmap_turn_mmu_on") else "enable_mmu"
    needed += [f"__{idmap}", f"__{idmap}_end"]
    if model.has("early_fixmap"):
        needed.append("bm_pte")
    missing = [name for name in needed if name not in symbols]
    if missing:
        raise MissingInputError(
            f"{file}: lacks {', '.join(missing)}; give the complete System.map of this kernel with --system-map "
            f"(a distribution's kallsyms has no data symbols)"
        )
    if not model.page_offset <= symbols["swapper_pg_dir"] < symbols["_end"] <= 0xFFFFFFFF:
        raise InputError(
            f"swapper_pg_dir is {symbols['swapper_pg_dir']:#010x} and _end {symbols['_end']:#010x}, but "
            f"PAGE_OFFSET is {model.page_offset:#010x}: this System.map is not of the kernel that the "
            f"configuration describes",
            file=file,
        )
    if symbols["swapper_pg_dir"] - model.page_offset >= _MOST_TEXT_OFFSET and not model.has("xip"):
        raise InputError(
            f"swapper_pg_dir is {symbols['swapper_pg_dir']:#010x}, but by the configuration PAGE_OFFSET is "
            f"{model.page_offset:#010x}: this System.map is not of the kernel that the configuration describes (its "
            f"VMSPLIT is another)",
            file=file,
        )
    banner = symbols.get("linux_banner")
    if banner is not None and (start := model.read(banner, len(_BANNER))) is not None and start != _BANNER:
        raise MissingInputError(f"{file}: is not of the kernel that --kernel gives: its linux_banner is elsewhere")
