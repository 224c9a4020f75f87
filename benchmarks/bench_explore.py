"""Measure the page of ``bootmap explore``: its size, the time to write it, and how soon a browser shows it.

    benchmarks/bench_explore.py            one line a board; the browser's column needs Chromium and playwright

Time to the first picture is counted by the browser from the start of loading, in a fresh profile, and is the best of
several: what else runs on the machine only adds to it.  A step is what one press of an arrow key takes until the
browser has drawn it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import bootmap  # noqa: E402
from bootmap.explore.document import side_of  # noqa: E402

KERNEL = ROOT / "boards/linux-6.1-armmp"
RECORDED = ("virt-1024m-6.1", "own-v7-lpae-2g-plain", "own-v5-128m")
REPEAT = 5


def sides() -> dict[str, Any]:
    """Boards of the repository and of recordings, predicted."""
    from support.recordings import Case

    kernel = bootmap.Kernel.load(config=KERNEL / "config.gz", system_map=KERNEL / "System.map")
    board = bootmap.Board.load(ROOT / "boards/imx6q-sabrelite.dtb", phys_offset=0x1000_0000)
    found = {"imx6q-sabrelite": bootmap.predict(kernel, board).replay}
    return found | {name: Case(name).prediction for name in RECORDED}


def browser_times(browser: Any, file: Path) -> tuple[float, float]:
    """Milliseconds to the first picture, and of a step."""
    first, steps = [], []
    for _ in range(REPEAT):
        tab = browser.new_context().new_page()
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-ready]")
        first.append(tab.evaluate("() => performance.getEntriesByName('first-picture')[0].startTime"))
        steps.append(
            tab.evaluate("""async () => {
            const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            const start = performance.now();
            for (let n = 0; n < 10; n++) {
                document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
                await drawn();
            }
            return (performance.now() - start) / 10;
        }""")
        )
        tab.context.close()
    return min(first), min(steps)


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            from support.browser import running_browser

            browser = stack.enter_context(running_browser())
        except BaseException as error:  # pytest's skip is no Exception
            print(f"no browser: {error}")
            browser = None
        print(f"{'board':<24} {'KiB':>6} {'written, ms':>12} {'first picture, ms':>18} {'a step, ms':>11}")
        for name, replay in sides().items():
            start = time.perf_counter()
            text = bootmap.explore_page(side_of(replay, name))
            written = (time.perf_counter() - start) * 1e3
            file = folder / f"{name}.html"
            file.write_text(text)
            first, step = browser_times(browser, file) if browser is not None else (float("nan"), float("nan"))
            print(f"{name:<24} {len(text.encode()) / 1024:6.0f} {written:12.0f} {first:18.0f} {step:11.0f}")


if __name__ == "__main__":
    main()
