"""What the commands that boot boards share: their options, and from these to kernel, machine and boards."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bootmap.cli.inputs import ADDRESS
from bootmap.cli.progress import Progress
from bootmap.errors import InputError, MissingInputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.cli.inputs import _Command
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.verify.session import Booted, Request

_OPTIONS = (
    click.option("--machine", help="QEMU's machine.  [virt]"),
    click.option("--memory", type=ADDRESS, help="Its RAM; what is usual for the machine where not given."),
    click.option("--late", is_flag=True, help="Go on until init is about to run, and compare there too."),
    click.option("--place", is_flag=True, help="Put the unpacked kernel into RAM: no decompressor, much faster."),
    click.option("--jobs", "-j", default=1, type=click.IntRange(1, 64), help="Boots side by side.", show_default=True),
    click.option(
        "--timeout", default=60.0, type=click.FloatRange(1, 3600), help="Seconds for each stretch of the way.",
        show_default=True,
    ),
)  # fmt: skip
_NOT_HERE = ("zimage", "load_addr", "machine_id", "cpus", "static_maps", "dtcm", "itcm")


def boot_options(command: _Command) -> _Command:
    """Add the options of a boot to a click command that has those of a board."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def boot_boards(
    boards: Sequence[str], *, machine: str | None, memory: int | None, late: bool, place: bool, jobs: int,
    timeout: float, **options: Any,
) -> list[Booted | Exception]:  # fmt: skip
    """Boot each board (none: the machine's own tree) and read it; in place of a boot that failed what went wrong.

    Raises:
        BootmapError: a file cannot be read, something is missing, or does not fit together.
    """
    from bootmap.cli.kernels import load_kernel
    from bootmap.cli.machines import qemu_machine
    from bootmap.verify.guest import Setup
    from bootmap.verify.session import boot_board, side_by_side
    from bootmap.verify.text_symbols import completed

    given = [name for name in _NOT_HERE if options.get(name)]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} does not go with a boot under QEMU")
    if options["kernel_file"] is None:
        raise MissingInputError("nothing to boot: give the zImage with --kernel, or a boot log with --log")
    kernel = load_kernel(
        options["kernel_file"], options["config"], options["system_map"], options["kernel_version"], options["features"]
    )
    spec = qemu_machine(machine or "virt")
    cpu = options["cpu"] if spec.cpu_option else None
    if options["cpu"] is not None and not spec.cpu_option:
        raise UsageError(f"--cpu: QEMU's {spec.name} has its {spec.cpu}")
    setup = Setup(spec, memory or spec.default, cpu)

    requests = _requests(boards, setup, options, place=place, late=late, timeout=timeout)
    kernel = completed(kernel, setup, requests[0].board, timeout)
    with Progress(4 * len(requests), sys.stderr) as bar:

        def boot(request: Request) -> Booted:
            try:
                return boot_board(kernel, setup, request, lambda note: bar.step(f"{request.name}: {note}"))
            except InputError as error:
                raise error.in_file(request.name) from None

        return side_by_side(requests, boot, jobs)


def _requests(boards: Sequence[str], setup: Any, options: dict[str, Any], **how: Any) -> list[Request]:
    from bootmap.cli.inputs import parse_initrd
    from bootmap.inputs.board import read_board
    from bootmap.inputs.fdt import parse
    from bootmap.verify.session import Request, adapted, machine_tree

    trees: list[tuple[str, Fdt | AtagList]] = [(path, read_board(path)) for path in boards]
    if not boards:
        trees.append((f"the tree of QEMU's {setup.machine.name}", parse(machine_tree(setup))))
    requests = []
    for name, tree in trees:
        blob, changes = adapted(tree, setup, options["cmdline"], parse_initrd(options["initrd"]))
        requests.append(Request(name, blob, options["dtb_addr"], options["phys_offset"], notes=tuple(changes), **how))
    return requests
