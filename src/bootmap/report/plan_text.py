"""What ``bootmap plan`` prints: the verdict, the load map, U-Boot's words; or a proposal in the form that is pasted."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bootmap.boot.trace import Verdict
from bootmap.output import text_width
from bootmap.plan.kexec import KexecChain
from bootmap.report.layout_text import amount, layout_lines
from bootmap.units import hex_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bootmap.plan.chain import Chain
    from bootmap.plan.propose import Proposal


def plan_text(chain: Chain, name: str) -> str:
    """The whole report on the boot of the board ``name``, lines ended."""
    lines = [*_head(chain, name), "", "Load map", *layout_lines(chain.load_map), ""]
    if chain.placed.said:
        lines += [f"{chain.loader.split()[0]} says", *(f"  {_plain(line)}" for line in chain.placed.said), ""]
    if isinstance(chain, KexecChain):
        lines += _second(chain)
    lines += _damage(chain)
    lines += _hazards(chain)
    if isinstance(chain, KexecChain):
        lines += _advice(chain)
    elif chain.load_map.damage or (chain.verdict is not None and chain.verdict is not Verdict.BOOTS):
        lines += [_way_out(chain), ""]
    if chain.assumptions:
        lines += ["Assumptions", *_bullets(map(str, chain.assumptions)), ""]
    return "\n".join(lines)


def _way_out(chain: Chain) -> str:
    """What to change."""
    by_loader = {
        "barebox": "`bootm -a ADDR -L ADDR` puts kernel and ramdisk elsewhere",
        "Raspberry": "kernel_address, initramfs FILE ADDR and device_tree_address in config.txt put them elsewhere",
    }
    return by_loader.get(
        chain.loader.split()[0], "`bootmap plan --propose` looks for addresses that are clear of each other and boot"
    )


def _head(chain: Chain, name: str) -> Iterator[str]:
    uboot = chain.loader
    if chain.placed.failed:
        yield from textwrap.wrap(f"DOES NOT BOOT  {name}, {uboot}: {chain.placed.failed}", text_width())
        return
    if chain.replay is None:
        yield f"{name}, {uboot}: starts the kernel at {hex_address(chain.placed.entry)} (no kernel given: no verdict)"
        return
    outcome = chain.replay.outcome
    kernel = f"Linux {chain.replay.state.kernel.version_text}"
    where = "" if outcome.stage is None else f": {outcome.stage}: {outcome.reason}"
    yield from textwrap.wrap(f"{outcome.headline}  {name}, {uboot}, {kernel}{where}", text_width())


def _second(chain: KexecChain) -> Iterator[str]:
    """What the first kernel has kept for the second, and what it tells it."""
    if chain.crash is not None:
        yield f"Crash kernel's memory  {amount(chain.crash.size)} at {hex_address(chain.crash.start)}"
    if chain.command_line is not None:
        first, rest = "Its command line       ", " " * 23
        yield from textwrap.wrap(_plain(chain.command_line), text_width(), initial_indent=first, subsequent_indent=rest)
    if chain.crash is not None or chain.command_line is not None:
        yield ""


def _advice(chain: KexecChain) -> Iterator[str]:
    if chain.advice:
        yield "To change (predicted again: boots)"
        yield from _bullets([chain.advice])
        yield ""


def _damage(chain: Chain) -> Iterator[str]:
    damage = chain.load_map.damage
    if not damage:
        return
    yield "Damage"
    for overlap in damage:
        text = f"{overlap.first.name} and {overlap.second.name} share {overlap.span} ({amount(overlap.span.size)})"
        yield from _bullets([text])
    yield ""


def _hazards(chain: Chain) -> Iterator[str]:
    if chain.replay is None or not chain.replay.hazards:
        return
    yield "Hazards"
    for hazard in chain.replay.hazards:
        mark = "fatal" if hazard.fatal else "luck" if hazard.luck else "note"
        yield from _bullets([f"[{mark}] {hazard.id} in {hazard.stage}: {hazard.message}"])
    yield ""


def _plain(text: str) -> str:
    """Text from files without what a terminal would act on."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _bullets(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(_plain(text), text_width(), initial_indent="  - ", subsequent_indent="    ")


def proposal_text(proposal: Proposal, form: str, kernel: str = "zImage", ramdisk: str = "", fdt: str = "") -> str:
    """A proposal: the text to paste, then why it is safe, as comments of that text.

    Args:
        proposal: the addresses.
        form: "setenv", "extlinux", "fit" or "header".
        kernel: file of the kernel, for a file that names it.
        ramdisk: file of the ramdisk; "" for none.
        fdt: file of the tree.
    """
    body: dict[str, Callable[[Proposal, str, str, str], Iterator[str]]] = {
        "setenv": _setenv,
        "extlinux": _extlinux,
        "fit": _fit,
        "header": _header,
    }
    return "\n".join([*body[form](proposal, kernel, ramdisk, fdt), ""])


def _reasons(proposal: Proposal) -> Iterator[str]:
    yield f"safe for {len(proposal.proofs)} board(s), for this kernel and one {proposal.times:g} times as large;"
    yield "each was predicted again with these addresses, and boots:"
    for name, now, later in proposal.proofs:
        free = _least_gap(later)
        yield f"  {_plain(name)}: {now.loader}" + (f", least gap {amount(free)}" if free is not None else "")
    yield "what decides:"
    for text in proposal.constraints:
        yield from textwrap.wrap(_plain(text), text_width() - 4, initial_indent="  ", subsequent_indent="    ")


def _least_gap(chain: Chain) -> int | None:
    """The smallest room behind the zImage's heap, the tree or the ramdisk."""
    wanted = [row.gap for row in chain.load_map.rows() if row.placed.kind in ("dtb", "initrd", "work") and row.gap]
    return min(wanted, default=None)


def _setenv(proposal: Proposal, *_: str) -> Iterator[str]:
    for line in _reasons(proposal):
        yield f"# {line}"
    for name, value in proposal.variables.items():
        yield f"setenv {name} {value}" if value is not None else f"setenv {name}"
    yield "saveenv"


def _extlinux(proposal: Proposal, kernel: str, ramdisk: str, fdt: str) -> Iterator[str]:
    for line in _reasons(proposal):
        yield f"# {line}"
    yield "# extlinux.conf holds no addresses: U-Boot takes them from its variables; set these once:"
    for name, value in proposal.variables.items():
        yield f"#   setenv {name} {value}" if value is not None else f"#   setenv {name}"
    yield "default linux"
    yield "label linux"
    yield f"    kernel {_plain(kernel)}"
    if ramdisk:
        yield f"    initrd {_plain(ramdisk)}"
    if fdt:
        yield f"    fdt {_plain(fdt)}"


def _fit(proposal: Proposal, kernel: str, ramdisk: str, fdt: str) -> Iterator[str]:
    yield "/*"
    for line in _reasons(proposal):
        yield f" * {line.replace('*/', '* /')}"
    yield " * load the FIT itself clear of these addresses, above the ramdisk's end */"
    images = (
        ("kernel", kernel, 'type = "kernel"; arch = "arm"; os = "linux"; compression = "none";', proposal.kernel),
        ("fdt", fdt, 'type = "flat_dt"; arch = "arm"; compression = "none";', proposal.fdt),
        ("ramdisk", ramdisk, 'type = "ramdisk"; arch = "arm"; os = "linux"; compression = "none";', proposal.ramdisk),
    )
    for node, file, words, address in images:
        if not file:
            continue
        entry = f" entry = <{hex_address(address)}>;" if node == "kernel" else ""
        yield f'{node} {{ data = /incbin/("{_plain(file)}"); {words} load = <{hex_address(address)}>;{entry} }};'


def _header(proposal: Proposal, *_: str) -> Iterator[str]:
    yield "/*"
    for line in _reasons(proposal):
        yield f" * {line.replace('*/', '* /')}"
    yield " */"
    yield "#define CFG_EXTRA_ENV_SETTINGS \\"
    rows = [(name, value) for name, value in proposal.variables.items() if value is not None]
    for i, (name, value) in enumerate(rows):
        yield f'\t"{name}={value}\\0"' + (" \\" if i < len(rows) - 1 else "")
