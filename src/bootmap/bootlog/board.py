"""A board made from what a boot log tells of it, for logs whose device tree nobody kept.

    log -> identity -> options -> PHYS_OFFSET -> banks -> places -> symbols, description -> LogBoard

What the kernel says of its banks, CPU, command line, sections and reserved areas goes in; what it makes of them (the
end of lowmem, the zones, where areas lie) is then predicted and compared.  A value that went in is never counted as
predicted: ``taken`` names them all.

Configuration, symbols and board are made as the texts and blobs that a user would have given, for the same readers.
Not here: the comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from bootmap.bootlog import phys_offset as phys
from bootmap.bootlog.banks import bank_lines, read_ram, size_words, weigh_ram
from bootmap.bootlog.description import Description, describe
from bootmap.bootlog.evidence import Confidence, exact, weigh
from bootmap.bootlog.firmware import efi_map
from bootmap.bootlog.given import Given
from bootmap.bootlog.identity import identify
from bootmap.bootlog.options import read_options
from bootmap.bootlog.places import read_places, with_fault
from bootmap.bootlog.symbols import make_symbols
from bootmap.bootlog.tcm import read_tcm
from bootmap.bootlog.weights import kernel
from bootmap.errors import InputError, MissingInputError
from bootmap.units import GIB, PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.bootlog.evidence import Weighed
    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.places import Places
    from bootmap.inputs.efi_map import EfiMap
    from bootmap.units import Span


class LogBoard(Struct, frozen=True):
    """What a log tells of board and kernel.

    Attributes:
        identity: the kernel, as far as it names itself.
        config: options, as a .config holds them.
        symbols: symbols, as a System.map holds them.
        description: a device tree blob, or an ATAG list; empty where the board is given.
        cmdline: the command line of that description.
        cpus: how many CPUs, None where the log does not say.
        cpus_from_policy: whether only the cache policy tells whether there are several.
        phys: PHYS_OFFSET, weighed; 0 stands in for it where nothing says it.
        banks: RAM; empty where the board is given.
        places: what lies where.
        firmware: UEFI's memory map; None where the log has not all of it.
        dtcm: bytes of each bank of data TCM, None where not known.
        itcm: the same for instructions.
        taken: names of the values that came from lines of the log.
        assumptions: what the log does not tell and what was taken instead, where it is no number.
        weights: every number, with its witnesses.
    """

    identity: LogIdentity
    config: str
    symbols: str
    description: bytes
    cmdline: str
    cpus: int | None
    cpus_from_policy: bool
    phys: Weighed[int]
    banks: tuple[Span, ...]
    places: Places
    firmware: EfiMap | None
    dtcm: tuple[int, ...] | None
    itcm: tuple[int, ...] | None
    taken: frozenset[str]
    assumptions: tuple[str, ...]
    weights: tuple[Weighed[Any], ...] = ()

    @property
    def phys_known(self) -> bool:
        """Whether the log (or the user) says where RAM begins; else 0 is only a stand-in."""
        return self.phys.value is not None

    @property
    def phys_offset(self) -> int:
        """PHYS_OFFSET in bytes, or its stand-in."""
        return self.phys.value or 0


def board_from_log(log: Log, given: Given | None = None) -> LogBoard:
    """Make a board of what ``log`` tells; what the user gives goes before.

    Where a board is given, only the kernel and what the boot loader did are made of the log.

    Raises:
        MissingInputError: the log says neither version nor CPU, or nothing of RAM, and the user does not either.
        InputError: what it says cannot be.
    """
    given = given or Given()
    identity = identify(log, given)
    if not identity.release:
        raise MissingInputError("the log does not say which version of Linux this is; give --kernel-version")
    if identity.midr is None:
        raise MissingInputError("the log does not name the CPU; give --cpu")
    options = read_options(log, identity, given)
    weighed = weigh_phys_offset(log, identity, given.phys_offset, given.banks or ())
    taken = set(identity.taken | options.taken)
    if not any(each.exact for each in weighed.witnesses):  # found between bounds: these prove nothing
        taken |= {f"phys:{each.line}" for each in weighed.witnesses}
    places = with_fault(read_places(log, given), log, identity.page_offset, weighed.value)
    line, assumptions = identity.cmdline, list(identity.assumptions)
    described, banks = Description(), tuple(given.banks or ())
    ram = weigh_ram(log, identity, None, banks, weighed.value or 0)
    if given.board is None:
        made = read_ram(log, identity, weighed.value or 0, places.params)
        line, banks, ram = made.cmdline, tuple(made.banks), made.weighed
        described = describe(log, identity, places, banks, line, weighed.value or 0)
        taken |= made.taken | described.taken
        assumptions += [*made.assumptions, *described.assumptions]
    symbols, end = make_symbols(log, identity, weighed.value or 0, places.image, given.symbols)
    tcm = read_tcm(log, identity)
    return LogBoard(
        identity=identity,
        config=options.text,
        symbols=symbols,
        description=described.blob,
        cmdline=line,
        cpus=options.cpus,
        cpus_from_policy=options.cpus_from_policy,
        phys=weighed,
        banks=banks,
        places=places,
        firmware=efi_map(log),
        dtcm=tcm.dtcm,
        itcm=tcm.itcm,
        taken=frozenset(taken | places.taken | tcm.taken),
        assumptions=tuple(assumptions),
        weights=(weighed, ram, *identity.weights, places.tree, places.ramdisk, end, *options.weights),
    )


def loose_weights(log: Log, given: Given) -> tuple[Weighed[Any], ...]:
    """Every number, for a log that does not tell enough for a prediction."""
    try:
        identity = identify(log, given)
        weighed = weigh_phys_offset(log, identity, given.phys_offset, given.banks or ())
    except (MissingInputError, InputError):
        return ()
    places = read_places(log, given)
    ram = weigh_ram(log, identity, None, tuple(given.banks or ()), weighed.value or 0)
    if weighed.value is None and not given.banks:
        ram = replace(ram, words=size_words)
    found: list[Weighed[Any]] = [weighed, ram, *identity.weights, places.tree, places.ramdisk]
    return tuple(each for each in found if each.witnesses or each.against)


def weigh_phys_offset(log: Log, identity: LogIdentity, given: int | None, board: Sequence[Span]) -> Weighed[int]:
    """PHYS_OFFSET by everything that bears on it.

    Raises:
        MissingInputError: RAM would begin where none can.
    """
    rows = phys.evidence(log, identity, bank_lines(log), board)
    if given is not None:
        rows.insert(0, exact(given, Confidence.GIVEN, 0, "as given"))
    weighed = weigh("PHYS_OFFSET", rows)
    value = weighed.value
    if value is not None and (not 0 <= value < (1 << 40 if identity.lpae else 4 * GIB) or value % PAGE_SIZE):
        raise MissingInputError(f"the log says that RAM begins at {value:#x}, where none can; give --phys-offset")
    return replace(weighed, option="--phys-offset", otherwise="the log does not say where RAM begins")


def seen_places(log: Log, given: Given) -> dict[str, int | str]:
    """What the log says of where things lie, as options have it, for a board and a kernel that are given whole.

    Addresses of device tree, initrd and zImage as the boot loader names them, and PHYS_OFFSET where the kernel worked
    it out itself.
    """
    places = read_places(log)
    seen: dict[str, int | str] = {}
    if places.params is not None:
        seen["dtb_addr"] = places.params
    if places.initrd is not None:
        seen["initrd"] = f"{places.initrd[0]:#x},{places.initrd[1]:#x}"
    cache = kernel.cache(log, given).value
    if cache is not None:
        seen["cache"] = cache
    loaded = log.first("kernel_at") or log.first("load")
    if loaded is not None:
        seen["load_addr"] = loaded.number("start")
    try:
        identity = identify(log, given)
        weighed = weigh_phys_offset(log, identity, None, given.banks or ())
    except (MissingInputError, InputError):
        return seen
    if weighed.value is not None and weighed.confidence >= Confidence.STRONG and weighed.lines:
        seen["phys_offset"] = weighed.value
    return seen
