"""``bootmap fuzz``: made-up boards, predicted and booted on real kernels under QEMU."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

import bootmap
from bootmap.cli.options import ADDRESS
from bootmap.cli.progress import Progress

if TYPE_CHECKING:
    from bootmap import FuzzResult

    _Duration = click.ParamType[float]
else:
    _Duration = click.ParamType  # not to be subscripted before click 8.4

_UNITS = {"s": 1, "m": 60, "h": 3600}


class DurationType(_Duration):
    """A time such as 90, 90s, 15m or 2h, in seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read ``value``."""
        text = str(value)
        number, factor = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
        try:
            seconds = float(number) * factor
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < 1e9:
            self.fail(f"{text!r} is no time (90s, 15m and 2h are)", param, ctx)
        return seconds


@click.command()
@click.option(
    "--kernel",
    "kernels",
    multiple=True,
    required=True,
    metavar="FILE[,CONFIG,SYSTEM_MAP]",
    help="A zImage or Image, or the folder of a build tree; repeat it for several kernels.",
)
@click.option("--machine", default="virt", help="QEMU's machine; virt takes the most memory maps.")
@click.option("--memory", type=ADDRESS, help="Its RAM; all that it takes where not given.")
@click.option("--seed", default=0, type=click.IntRange(0), help="The first seed; every seed is a board.")
@click.option("--count", default=100, type=click.IntRange(1), help="How many seeds.")
@click.option("--jobs", "-j", default=1, type=click.IntRange(1, 64), help="Boots side by side.")
@click.option("--time", "seconds", type=DurationType(), help="Begin no board after so long: 90s, 15m, 2h.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False),
    help="A folder for results and failing boards; a campaign kept there is continued.",
)
@click.option("--shrink/--no-shrink", default=True, help="Make failing boards small (more boots).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.fuzz/1).")
def command(
    kernels: tuple[str, ...],
    machine: str,
    memory: int | None,
    seed: int,
    count: int,
    jobs: int,
    seconds: float | None,
    output: str | None,
    shrink: bool,
    as_json: bool,
) -> int:
    """Hunt for memory maps in which either bootmap or the kernel is wrong.

    Each seed makes a board: banks with holes, odd starts, no-map and dynamic areas, /memreserve/, vmalloc=, mem=, cma=,
    an initrd and the device tree in all sorts of places.  It is predicted, booted up to the end of paging_init, and
    compared word by word.  Exit code 1 where bootmap was wrong.
    """
    from bootmap.report.fuzz_text import campaign_json, campaign_text, failure_lines

    campaign = bootmap.fuzz_campaign(kernels, machine, memory, output, failure_lines)
    wrong = 0
    with Progress(count * len(kernels), sys.stderr) as bar:

        def told(result: FuzzResult) -> None:
            nonlocal wrong
            wrong += result.is_wrong
            bar.step(f"{wrong} wrong")

        campaign.run(range(seed, seed + count), jobs=jobs, seconds=seconds, small=shrink, progress=told)
    if as_json:
        click.echo(campaign_json(campaign))
    else:
        click.echo(campaign_text(campaign), nl=False)
    return 1 if campaign.classes() else 0
