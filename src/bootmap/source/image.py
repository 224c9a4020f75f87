"""A dump, a core, a recording or a running machine as `Tables`: finding the registers that they need.

In this order: as given; the CPU's own; what the image says of its root; ``swapper_pg_dir`` of a symbol table, if the
table there maps itself; the search of the dump.  What only Linux's habit tells is taken from that, and said.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.assemble.kernel import read_config_of, read_image, version_of
from bootmap.assemble.texts import parse_features
from bootmap.errors import ImageError, MissingInputError, UsageError
from bootmap.facts.arm.regs import TTBCR_EAE
from bootmap.image.files import FileMemory
from bootmap.source.tables import Tables
from bootmap.units import hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap.analysis.locate.located import Located
    from bootmap.boot.kernel import KernelModel
    from bootmap.image.memory import ImageMemory
    from bootmap.image.open import Image
    from bootmap.inputs.symbols import Symbols
    from bootmap.mmu.regs import Regs
    from bootmap.source.wanted import Wanted

_CPU_REGISTERS = ("SCTLR", "TTBR0", "TTBR1", "TTBCR", "DACR", "PRRR", "NMRR", "MAIR0", "MAIR1")
_SEGMENT = 0xF0000000  # PAGE_OFFSET of every split that Kconfig offers: VMSPLIT_*


class _Root(Struct, frozen=True):
    """The first-level table that was found: address, format, how; layout and byte order where they came out too."""

    address: int
    long: bool
    how: str
    page_offset: int | None = None
    phys_offset: int | None = None
    big_endian: bool = False


@contextmanager
def opened_image(name: str, parts: Sequence[str], wanted: Wanted) -> Iterator[Tables]:
    """Open the image of ``parts``.

    Raises:
        BootmapError: it cannot be read, or nothing tells which tables are meant.
    """
    from bootmap.image.open import open_image

    with open_image(*parts, state=wanted.stage) as image:
        yield _tables(name, image, wanted)


def _tables(name: str, image: Image, wanted: Wanted) -> Tables:
    assumptions: list[str] = [*image.memory.problems, *image.assumptions]
    kernel, symbols = _kernel(wanted)
    facts = image.kernel
    page_offset = facts.page_offset if facts.page_offset is not None else kernel.page_offset if kernel else None
    phys_offset = facts.phys_offset if facts.phys_offset is not None else wanted.options.get("phys_offset")
    version, memory = facts.version, image.memory
    if "SCTLR" in image.registers and "TTBR0" in image.registers:
        regs = _cpu_registers(image, wanted, assumptions)
    elif (root := _root(name, image, wanted, symbols, page_offset, phys_offset, assumptions)) is not None:
        page_offset = root.page_offset if page_offset is None else page_offset
        phys_offset = root.phys_offset if phys_offset is None else phys_offset
        regs = _as_linux_sets(image, wanted, root, kernel, assumptions)
    else:
        found = _searched(name, image, assumptions)
        page_offset, phys_offset = found.page_offset, found.phys_offset
        regs, version = wanted.on(found.regs), version or found.banner.version
        if found.shift and isinstance(memory, FileMemory):
            memory = memory.moved(found.shift)
    return Tables(
        name=name,
        kind=image.kind,
        memory=memory,
        regs=regs,
        kernel=kernel,
        version=kernel.version_text if kernel else wanted.options.get("version") or version,
        page_offset=page_offset,
        phys_offset=phys_offset,
        high_memory=facts.high_memory,
        symbols=symbols or facts.symbols,
        image=image,
        assumptions=tuple(assumptions),
    )


def _kernel(wanted: Wanted) -> tuple[KernelModel | None, Symbols]:
    """The kernel of --config or --kernel, with what symbols there are; None where neither says enough."""
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.symbols import Symbols, read_system_map

    options = wanted.options
    file = read_image(options.get("image"))
    symbols = Symbols((), (), ())
    if options.get("system_map") is not None:
        symbols = read_system_map(options["system_map"])
    elif file is not None and file.symbols is not None:
        symbols = file.symbols
    config = read_config_of(options.get("config"), file)
    if config is None:
        return None, symbols
    version, sublevel = version_of(options.get("version"), config, file)
    return KernelModel(version, sublevel, config, symbols, parse_features(options.get("features") or ()), file), symbols


def _cpu_registers(image: Image, wanted: Wanted, assumptions: list[str]) -> Regs:
    """The registers of the live CPU, or those that a prediction's document holds."""
    from bootmap.mmu.regs import ALL_CLIENTS, Regs, arch_of

    registers = image.registers
    arch = arch_of(registers["MIDR"], registers.get("ID_MMFR0", 0)) if "MIDR" in registers else _arch(image, wanted)
    if arch is None:
        arch = "v7lpae" if registers.get("TTBCR", 0) & TTBCR_EAE else "v7"
        assumptions.append(f"the CPU is not known and taken for ARM{arch} (--arch)")
    values = {key.lower(): registers[key] for key in _CPU_REGISTERS if key in registers}
    values.setdefault("dacr", ALL_CLIENTS)
    try:
        regs = Regs(arch=arch, secure=bool(registers.get("secure")), **values)
    except ValueError as error:
        raise ImageError(f"its registers cannot be a CPU's: {error}") from None
    return wanted.on(regs)


def _arch(image: Image, wanted: Wanted) -> str | None:
    """The version of the architecture, by --cpu or by what the image says of the machine."""
    from bootmap.analysis.registers import arch_of_cpu
    from bootmap.facts.arm.cpus import cpu_by_name
    from bootmap.facts.arm.regs import ARCHES
    from bootmap.facts.machines.qemu import cpu_of_machine

    if image.kernel.arch in ARCHES and not wanted.options.get("cpu"):
        return image.kernel.arch
    machine = image.kernel.machine
    name = wanted.options.get("cpu") or image.kernel.cpu or (cpu_of_machine(machine) if machine else None)
    cpu = cpu_by_name(name) if name else None
    if cpu is None and wanted.options.get("cpu"):
        raise UsageError(f"--cpu {name}: not known; --arch says the same for any CPU")
    return arch_of_cpu(cpu) if cpu is not None else None


def _root(
    name: str,
    image: Image,
    wanted: Wanted,
    symbols: Mapping[str, int],
    page_offset: int | None,
    phys_offset: int | None,
    assumptions: list[str],
) -> _Root | None:
    """The table that was given, that the image names, or that a symbol names; None where there is none of them."""
    asked = wanted.arch == "lpae" or bool(wanted.registers.get("ttbcr", 0) & TTBCR_EAE)
    if (given := wanted.registers.get("ttbr0")) is not None:
        if not image.base_known:
            assumptions.append("no address was given for the file (FILE@ADDRESS): its addresses count from 0")
        return _Root(given, asked or image.table_format == "long", "as given")
    if image.root is not None:
        return _Root(image.root, image.table_format == "long", f"as the {image.kind} says")
    if "swapper_pg_dir" in symbols and image.base_known:
        return _by_symbol(name, image, symbols, page_offset, phys_offset)
    return None


def _searched(name: str, image: Image, assumptions: list[str]) -> Located:
    """The best of what a search of the whole image finds.

    Raises:
        MissingInputError: it finds nothing.
    """
    from bootmap.analysis.locate.locate import locate

    found = locate(image.memory, base_known=image.base_known)
    if found is None:
        raise _missing_root(name, image.kind)
    held, of = found.confidence
    assumptions.append(
        f"the tables were searched for: swapper_pg_dir is at {hex_address(found.root)}, PAGE_OFFSET "
        f"{hex_address(found.page_offset)}, PHYS_OFFSET {hex_address(found.phys_offset)}; {held} of {of} checks hold "
        f"(`bootmap locate` has them)"
    )
    if found.shift:
        assumptions.append(f"the file, which was given without an address, begins at {hex_address(found.shift)}")
    assumptions.extend(found.assumptions)
    return found


def _by_symbol(
    name: str, image: Image, symbols: Mapping[str, int], page_offset: int | None, phys_offset: int | None
) -> _Root:
    """``swapper_pg_dir``, in whichever format the table that it then is maps itself."""
    swapper = symbols["swapper_pg_dir"]
    if page_offset is None:
        page_offset = swapper & _SEGMENT
    starts = [span.start for span in image.memory.ranges] if phys_offset is None else [phys_offset]
    for start in starts:
        root = swapper - page_offset + start
        known = {swapper, symbols.get("_stext", swapper)}
        for big in (False, True):
            for long in (False, True):
                if _maps_linearly(image.memory, root, long, big, known, start - page_offset):
                    return _Root(root, long, "swapper_pg_dir, which maps itself", page_offset, start, big)
    raise MissingInputError(
        f"{name}: swapper_pg_dir would be at physical {hex_address(swapper - page_offset + starts[0])}, but no table "
        f"there maps itself; give --ttbr0, or the right --phys-offset"
    )


def _maps_linearly(memory: ImageMemory, root: int, long: bool, big: bool, addresses: set[int], delta: int) -> bool:
    """Whether a table at ``root`` maps each address to the physical one ``delta`` further."""
    from bootmap.analysis.registers import registers_as_set
    from bootmap.mmu.regs import regime_of
    from bootmap.mmu.walk import Mapped, walk

    if root < 0:
        return False
    regime = regime_of(registers_as_set("v7lpae", root, long=long, big_endian=big))
    if regime.roots[0].base != root:  # not aligned as a table of this format is
        return False
    outcomes = {va: walk(memory, regime, va).outcome for va in addresses}
    return all(isinstance(outcome, Mapped) and outcome.pa == va + delta for va, outcome in outcomes.items())


def _as_linux_sets(
    image: Image, wanted: Wanted, root: _Root, kernel: KernelModel | None, assumptions: list[str]
) -> Regs:
    """The root that was found, and the rest as Linux sets it on that CPU; says which are not the machine's own."""
    from bootmap.analysis.registers import named, registers_as_set

    arch = wanted.arch or _arch(image, wanted)
    if arch in (None, "lpae"):
        guess = arch is None and not root.long
        arch = "v7lpae" if root.long else "v7"
        if guess:
            assumptions.append("the CPU is not known and taken for an ARMv7 without LPAE (--cpu, --arch)")
    domains = kernel is not None and not root.long and kernel.config.enabled("CPU_USE_DOMAINS")
    address = 0 if "ttbr0" in wanted.registers else root.address  # what was given is checked as it is put in
    big = root.big_endian or image.kernel.big_endian or (kernel is not None and kernel.byteorder == "big")
    regs = wanted.on(registers_as_set(arch or "v7", address, long=root.long, domains=domains, big_endian=big))
    missing = [key for key in named(regs) if key.lower() not in wanted.registers and key not in ("TTBR0", "TTBR1")]
    rest = f"; {', '.join(missing)} are taken as Linux sets them" if missing else ""
    assumptions.append(f"TTBR0 is {hex_address(regs.ttbr0)}: {root.how}{rest}")
    return regs


def _missing_root(name: str, kind: str) -> MissingInputError:
    """The error where nothing tells which tables are meant; it names the flags that do."""
    if kind == "QEMU":
        return MissingInputError(
            f"{name}: QMP does not show registers; give the gdb stub too (gdb:ADDRESS), or --ttbr0"
        )
    return MissingInputError(
        f"{name}: holds no registers, and no page tables were found in it; give --ttbr0 (and --arch lpae where the "
        f"descriptors are long), or --system-map with --phys-offset"
    )
