"""Kernels that are to be booted: which files belong together, and reading them.

A kernel's configuration and System.map are looked for where they usually are:

    /boot/vmlinuz-6.1.0-50-armmp      config-6.1.0-50-armmp, System.map-6.1.0-50-armmp beside it (Debian)
    BUILD/arch/arm/boot/zImage        BUILD/.config, BUILD/System.map (a kernel's build tree)
    FOLDER/zImage                     FOLDER/config, config.gz or .config; FOLDER/System.map

In place of zImage: Image, xipImage or vmlinuz, in this order.

Where there is no System.map, or a stub, the symbols that the image keeps of itself serve, by an external tool.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bootmap.errors import MissingInputError, SymbolsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.inputs.kernel_file import KernelFile
    from bootmap.inputs.symbols import Symbols
    from bootmap.verify.kernels import BootKernel

_IMAGES = ("zImage", "Image", "xipImage", "vmlinuz")
_IN_TREE = os.path.join("arch", "arm", "boot")


def load_kernel(
    path: str,
    config: str | None = None,
    system_map: str | None = None,
    kernel_version: str | None = None,
    features: tuple[str, ...] = (),
) -> BootKernel:
    """Read a kernel and what belongs to it.

    Args:
        path: a zImage or an unpacked Image, or the folder of a build tree; or ``FILE,CONFIG,SYSTEM_MAP``.
        config: its configuration, None to look for it.
        system_map: its System.map, None to look for it.
        kernel_version: its version, None to take what it says itself.
        features: rules that the user switched.

    Raises:
        BootmapError: a file is missing or cannot be read.
    """
    from bootmap.assemble.kernel import read_config_of, version_of
    from bootmap.assemble.texts import parse_features
    from bootmap.inputs.board import parse_board
    from bootmap.inputs.kconfig import parse_version
    from bootmap.inputs.zimage import read_kernel
    from bootmap.verify.kernels import BootKernel

    if path.count(",") == 2 and not os.path.exists(path):
        path, config, system_map = path.split(",")
    path = _image(path)
    file = read_kernel(path)
    if file.image is None:
        raise MissingInputError(f"{path} is a {file.kind}; to be booted give the zImage or the Image made of it")
    config = config or next(filter(os.path.exists, _beside(path, "config")), None)
    configuration = read_config_of(config, file)
    if configuration is None:
        raise MissingInputError(f"{path}: its configuration is not beside it; give it with --config")
    release = None if configuration.release is None else parse_version(configuration.release)
    if kernel_version is None and None not in (release, file.version) and release != file.version:
        raise UsageError(
            f"{path} is Linux {file.version}, and the configuration {config} is one of {release}: they do not belong "
            f"together; give the kernel's own with --config and --system-map"
        )
    version, sublevel = version_of(kernel_version, configuration, file)
    symbols = _symbols(path, system_map, file)
    return BootKernel(
        _name(path, file), version, sublevel, configuration, symbols, file, parse_features(features), parse_board
    )


def _image(path: str) -> str:
    if not os.path.isdir(path):
        return path
    for folder in (os.path.join(path, _IN_TREE), path):
        for name in _IMAGES:
            if os.path.isfile(found := os.path.join(folder, name)):
                return found
    raise MissingInputError(f"{path}: holds none of {', '.join(_IMAGES)}, nor does {_IN_TREE} in it")


def _beside(path: str, what: str) -> Iterator[str]:
    """Where the file ``what`` ("config" or "System.map") of the kernel ``path`` may be."""
    folder, name = os.path.split(os.path.abspath(path))
    if folder.endswith(_IN_TREE):
        tree = folder.removesuffix(_IN_TREE)
        yield os.path.join(tree, ".config" if what == "config" else what)
    if "-" in name:
        yield os.path.join(folder, f"{what}-{name.partition('-')[2]}")
    yield os.path.join(folder, what)
    if what == "config":
        yield os.path.join(folder, "config.gz")
        yield os.path.join(folder, ".config")


def _symbols(path: str, system_map: str | None, file: KernelFile) -> Symbols:
    from bootmap.inputs import kallsyms
    from bootmap.inputs.symbols import read_system_map

    if system_map is not None:
        return read_system_map(system_map)
    for candidate in _beside(path, "System.map"):
        if os.path.exists(candidate):
            try:
                return read_system_map(candidate)
            except SymbolsError as error:
                if "stub" not in error.message:
                    raise
    if file.symbols is not None:
        return file.symbols
    if (tool := kallsyms.tool_path()) is not None:
        return kallsyms.read_kallsyms(path, tool)
    raise MissingInputError(
        f"{path}: its System.map is not beside it; give it with --system-map, or install {kallsyms.TOOL} "
        f"(the Python package {kallsyms.PACKAGE}), which reads the image's own symbols"
    )


def _name(path: str, file: KernelFile) -> str:
    """A short name: the release, or for a build tree its folder."""
    folder = os.path.dirname(os.path.abspath(path))
    if folder.endswith(_IN_TREE):
        return os.path.basename(folder.removesuffix(_IN_TREE).rstrip(os.sep))
    return file.release or os.path.basename(path)
