"""A user's boards on a user's kernel, booted under QEMU: from the options to the boots that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.assemble.texts import parse_initrd
from bootmap.errors import InputError, MissingInputError, UsageError
from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.inputs.board import read_board
from bootmap.inputs.fdt import parse
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.session import Request, adapted, boot_board, machine_tree, side_by_side
from bootmap.verify.text_symbols import completed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bootmap.facts.machines.qemu import QemuMachine
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.verify.session import Booted

_NOT_HERE = ("zimage", "load_addr", "machine_id", "cpus", "static_maps", "dtcm", "itcm", "efi_map")
STEPS = 4
"""How often ``progress`` is called for each board."""


def qemu_machine(name: str) -> QemuMachine:
    """QEMU's machine ``name``.

    Raises:
        UsageError: it is not among those whose memory map is known.
    """
    if name not in MACHINES_BY_NAME:
        raise UsageError(f"--machine {name}: known are {', '.join(MACHINES_BY_NAME)}")
    return MACHINES_BY_NAME[name]


def boot_boards(
    boards: Sequence[str],
    *,
    machine: str | None,
    memory: int | None,
    late: bool,
    place: bool,
    jobs: int,
    timeout: float,
    progress: Callable[[str], None] = lambda _note: None,
    **options: Any,
) -> list[Booted | Exception]:
    """Boot each board (none: the machine's own tree) and read it; in place of a boot that failed what went wrong.

    Raises:
        BootmapError: a file cannot be read, something is missing, or does not fit together.
    """
    given = [name for name in _NOT_HERE if options.get(name)]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} does not go with a boot under QEMU")
    if options["image"] is None:
        raise MissingInputError("nothing to boot: give the zImage with --kernel, or a boot log with --log")
    kernel = load_kernel(
        options["image"], options["config"], options["system_map"], options["version"], options["features"]
    )
    spec = qemu_machine(machine or "virt")
    cpu = options["cpu"] if spec.cpu_option else None
    if options["cpu"] is not None and not spec.cpu_option:
        raise UsageError(f"--cpu: QEMU's {spec.name} has its {spec.cpu}")
    setup = Setup(spec, memory or spec.default, cpu)

    requests = _requests(boards, setup, options, place=place, late=late, timeout=timeout)
    kernel = completed(kernel, setup, requests[0].board, timeout)

    def boot(request: Request) -> Booted:
        try:
            return boot_board(kernel, setup, request, lambda note: progress(f"{request.name}: {note}"))
        except InputError as error:
            raise error.in_file(request.name) from None

    return side_by_side(requests, boot, jobs)


def _requests(boards: Sequence[str], setup: Any, options: dict[str, Any], **how: Any) -> list[Request]:
    trees: list[tuple[str, Fdt | AtagList]] = [(path, read_board(path)) for path in boards]
    if not boards:
        trees.append((f"the tree of QEMU's {setup.machine.name}", parse(machine_tree(setup))))
    initrd = parse_initrd(options["initrd"]) if options["initrd"] is not None else None
    requests = []
    for name, tree in trees:
        blob, changes = adapted(tree, setup, options["cmdline"], initrd)
        requests.append(Request(name, blob, options["dtb_addr"], options["phys_offset"], notes=tuple(changes), **how))
    return requests


def keep_recording(booted: Booted, path: str) -> bool:
    """Write what was read of a boot (.json.gz); whether the kernel came back from paging_init.

    Raises:
        InputError: the file cannot be written.
    """
    from msgspec import UNSET

    from bootmap.image.recording import write_recording

    write_recording(booted.recording, path)
    return booted.recording.outcome is UNSET
