"""A kernel that nobody has described: the options of a defconfig, and symbols of a kernel of that size.

What it is taken for is said once, as one assumption.  Where an option or the symbols are given, they hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assemble.kernel import Kernel
from bootmap.assemble.texts import parse_features, parse_kernel_version
from bootmap.assumptions import Assumption
from bootmap.boot.kernel import KernelModel
from bootmap.errors import UsageError
from bootmap.facts.arm.cpus import SOC_CORES, cpu_by_name
from bootmap.facts.profiles.defconfigs import ALWAYS, BY_NAME, NEWEST_USUAL, SIZES, Defconfig
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.kconfig import Config, Option
from bootmap.inputs.symbols import Symbols
from bootmap.units import PAGE_SIZE, align_down

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.assemble.board import Board
    from bootmap.facts.features.feature import Version
    from bootmap.facts.profiles.defconfigs import Sizes
    from bootmap.inputs.kernel_file import KernelFile

_HEAD = 0x8000
_FIXMAP_TABLE = 0x18000
"""From __init_begin to bm_pte, as in Debian's kernels."""
_IDMAP_BYTES = 0x20
_BY_SOC = (
    (("brcm,bcm2711",), "bcm2711"),
    (("brcm,bcm2836", "brcm,bcm2837"), "bcm2709"),
    (("brcm,bcm2835",), "bcm2835"),
    (("aspeed,ast2400",), "aspeed_g4"),
    (("aspeed,ast2500",), "aspeed_g5"),
)


def profile(
    board: Board | None,
    version: str | None = None,
    defconfig: str | None = None,
    features: Iterable[str] = (),
    config: Config | None = None,
    symbols: Symbols | None = None,
    file: KernelFile | None = None,
) -> Kernel:
    """A typical kernel for ``board``.

    Args:
        board: for the choice of the defconfig; None for multi_v7.
        version: such as ``5.10``; by default the configuration's, else a long-term release.
        defconfig: its name, with or without ``_defconfig``; by default one for the board's SoC and core.
        features: ``NAME=on|off``.
        config: the real configuration, where only the symbols are missing.
        symbols: the real symbols, where only the configuration is missing.
        file: the kernel file, for its sizes.

    Raises:
        UsageError: there is no profile of that name.
    """
    release = version or (config.release if config is not None else None)
    number, sublevel = parse_kernel_version(release) if release else (NEWEST_USUAL, None)
    chosen = _defconfig(defconfig, board)
    text = ".".join(map(str, number)) + (f".{sublevel}" if sublevel is not None else "")
    taken = f"the kernel is like Linux {text} with {chosen.name}_defconfig"
    hint = "--kernel, or --config and --system-map; --kernel-version, --defconfig"
    if config is not None:
        taken, hint = f"the kernel is about as large as one with {chosen.name}_defconfig", "--system-map"
    elif symbols is not None:
        taken, hint = f"the kernel's options are those of {chosen.name}_defconfig", "--config"
    made = config or _config(chosen, text)
    found = symbols or _symbols(number, sublevel, made, chosen, file)
    kernel = Kernel(number, sublevel, made, found, parse_features(features), file)
    assumed = [Assumption(taken, hint, f"{chosen.name} {text}")]
    if release is None and (config is not None or symbols is not None):
        assumed.append(Assumption(f"it is Linux {text}: nothing says its version", "--kernel-version", text))
    return replace(
        kernel, assumptions=tuple(assumed), profile=f"{chosen.name} {text}", version_told=release is not None
    )


def _defconfig(name: str | None, board: Board | None) -> Defconfig:
    if name is not None:
        found = BY_NAME.get(name.removesuffix("_defconfig"))
        if found is None:
            raise UsageError(f"--defconfig {name}: there is no profile of it; known: {', '.join(sorted(BY_NAME))}")
        return found
    if board is None or not isinstance(board.description, Fdt):
        return BY_NAME["multi_v7" if board is None or board.cpu is None else _by_core(board.cpu)]
    roots = _strings(board.description.root.get("compatible"))
    for socs, which in _BY_SOC:
        if any(name in socs for name in roots):
            return BY_NAME[which]
    if board.cpu is not None:
        return BY_NAME[_by_core(board.cpu)]
    cpus = board.description.node("/cpus")
    names = [SOC_CORES[root] for root in roots if root in SOC_CORES]
    names += [text for node in (cpus.children if cpus is not None else ()) for text in _strings(node.get("compatible"))]
    return BY_NAME[next((_by_core(text) for text in names if cpu_by_name(text) is not None), "multi_v7")]


def _by_core(name: str) -> str:
    cpu = cpu_by_name(name)
    if cpu is None or cpu.pte == "v7":
        return "multi_v7"
    if cpu.pte == "v6":
        return "imx_v6_v7"
    if cpu.arch >= 5:
        return "mvebu_v5" if cpu.name in ("feroceon", "88fr531", "88fr571") else "multi_v5"
    return "multi_v4t"


def _strings(prop: object) -> list[str]:
    value = getattr(prop, "value", b"")
    return value.rstrip(b"\0").decode("latin-1").split("\0") if value else []


def _config(chosen: Defconfig, release: str) -> Config:
    options = {**ALWAYS, **chosen.options}
    set_: dict[str, Option] = {}
    unset: dict[str, int] = {}
    for at, (name, value) in enumerate(options.items(), 1):
        if value is None:
            unset[name] = at
        else:
            set_[name] = Option(value, at)
    return Config(set_, unset, release, f"the profile {chosen.name}")


def _symbols(
    version: Version, sublevel: int | None, config: Config, chosen: Defconfig, file: KernelFile | None
) -> Symbols:
    """The symbols that a boot asks for, of a kernel of that size."""
    long = chosen.size == "large" and config.enabled("ARM_LPAE")  # sections of 2 MiB
    sizes, text_offset = _sizes("large, LPAE" if long else chosen.size, version), chosen.text_offset
    if file is not None and file.image_size:
        sizes = _scaled(sizes, file.image_size, file.bss_size)
        text_offset = file.text_offset if file.text_offset is not None else text_offset
    model = KernelModel(version, sublevel, config, Symbols([], [], []))
    base, pgd = model.page_offset + text_offset - _HEAD, model.format.pgd_bytes
    idmap = "turn_mmu_on" if model.has("idmap_turn_mmu_on") else "enable_mmu"
    found = {
        "swapper_pg_dir": _HEAD - pgd,
        "_text": _HEAD,
        "stext": _HEAD,
        "_stext": sizes.stext,
        f"__{idmap}": sizes.stext,
        f"__{idmap}_end": sizes.stext + _IDMAP_BYTES,
        "_etext": sizes.etext,
        "__start_rodata": sizes.etext,
        "__init_begin": sizes.init,
        "bm_pte": sizes.init + _FIXMAP_TABLE,
        "__init_end": sizes.data,
        "_sdata": sizes.data,
        "_edata": sizes.bss,
        "__bss_start": sizes.bss,
        "__bss_stop": sizes.end,
        "_end": sizes.end,
    }
    names = list(found)
    return Symbols(names, [base + found[name] for name in names], ["T"] * len(names), file=f"the profile {chosen.name}")


def _sizes(kind: str, version: Version) -> Sizes:
    """The largest measured kernel that is no newer, else the oldest."""
    rows = SIZES[kind]
    older = [row for row in rows if row.version <= tuple(version[:2])]
    return older[-1] if older else rows[0]


def _scaled(sizes: Sizes, image_size: int, bss_size: int | None) -> Sizes:
    """The same proportions in an image of ``image_size`` bytes; borders stay on pages."""
    bss = _HEAD + image_size
    parts = [
        align_down((at - _HEAD) * image_size // (sizes.bss - _HEAD), PAGE_SIZE) + _HEAD
        for at in (sizes.stext, sizes.etext, sizes.init, sizes.data)
    ]
    return replace(
        sizes,
        stext=parts[0],
        etext=parts[1],
        init=parts[2],
        data=parts[3],
        bss=bss,
        end=bss + (bss_size if bss_size is not None else sizes.end - sizes.bss),
    )
