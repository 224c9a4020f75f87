"""tools/prove-change: where it puts lines, that the findings tell what it proves, and (nightly) the proof itself."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.booting import KERNELS, REPOSITORY

from bootmap.boot.restart import RESTART_FEATURE
from bootmap.facts.kernel_findings import KERNEL_FINDINGS

if TYPE_CHECKING:
    from pathlib import Path

TOOL = REPOSITORY / "tools" / "prove-change"
SOURCE = """\
#include <linux/one.h>
#include "own.h"

static int before(void);
static int second(int a,
          int b)
{
	if (a)
		return b;
	return 0;
}

static int before(void)
{
	return second(1, 2);
}
"""


def loaded() -> Any:
    loader = importlib.machinery.SourceFileLoader("prove_change", str(TOOL))
    spec = importlib.util.spec_from_loader("prove_change", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prove_change"] = module  # which its dataclasses ask for
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool() -> Any:
    return loaded()


def test_lines_go_where_they_belong(tool: Any) -> None:
    text = tool.edited(SOURCE, tool.Edit("f.c", "second", "return 0", ("a = b;",), "linux/two.h"))
    assert text == SOURCE.replace("\treturn 0;", "\ta = b;\n\treturn 0;").replace(
        "one.h>", "one.h>\n#include <linux/two.h>"
    )
    text = tool.edited(SOURCE, tool.Edit("f.c", "before", "", ("if (0)", "\treturn 1;")))
    assert text == SOURCE.replace("\treturn second", "\tif (0)\n\t\treturn 1;\n\treturn second")


@pytest.mark.parametrize(
    ("function", "before", "said"),
    [("third", "", "0 functions are called third"), ("second", "switch", "has no line that begins with 'switch'")],
)
def test_a_kernel_that_changed_is_refused(tool: Any, function: str, before: str, said: str) -> None:
    with pytest.raises(tool.ProofError, match=said):
        tool.edited(SOURCE, tool.Edit("f.c", function, before, ("a = b;",)))


def test_findings_tell_of_every_change_that_is_tried(tool: Any) -> None:
    assert {finding.name for finding in KERNEL_FINDINGS if finding.tried} == tool.CHANGES.keys() - tool.BY_KEXEC.keys()
    assert tool.BY_KEXEC["kexec-ttbr0-pan"] == RESTART_FEATURE
    for finding in KERNEL_FINDINGS:
        if finding.tried:
            assert finding.change
            _, edits = tool.CHANGES[finding.name]
            assert all(edit.function in finding.tried for edit in edits), finding.name


@pytest.mark.parametrize(
    ("words", "code", "said"), [(["ram-14m"], 2, "no change is described"), (["--series", "4.9"], 2, "invalid choice")]
)
def test_usage(words: list[str], code: int, said: str) -> None:
    done = subprocess.run([sys.executable, str(TOOL), *words], capture_output=True, text=True)
    assert done.returncode == code
    assert said in done.stderr


@pytest.mark.nightly
@pytest.mark.oracle
@pytest.mark.parametrize("series", ["6.12", "6.1"])
def test_changes_are_proven(tool: Any, series: str, tmp_path: Path) -> None:
    """Debian's source is built twice and booted: half an hour of an idle core."""
    absent = [name for name in tool.TOOLS if shutil.which(name) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    wanted = [name for name, (each, _) in tool.CHANGES.items() if series in each]
    if not (KERNELS / "busybox").exists() or not (KERNELS / "kexec" / "kexec").exists():
        wanted = [name for name in wanted if name not in tool.BY_KEXEC]
    command = [sys.executable, str(TOOL), "--series", series, "--work", str(tmp_path), "--programs", str(KERNELS)]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PROVEN, ") == len(wanted)
