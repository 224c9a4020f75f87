"""``bootmap oops`` on a log, on standard input, and beside a predicted board."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from bootmap.cli.commands.oops import command
from bootmap.errors import InputError, UsageError

DATA = Path(__file__).parents[1] / "data"
PUBLIC = str(DATA / "oops" / "public.txt")
BOARD = Path(__file__).parents[2] / "boards" / "imx6q-sabrelite.dtb"
KERNEL = ["--config", str(DATA / "kernels/deb-6.1/config.gz"), "--system-map", str(DATA / "kernels/deb-6.1/System.map")]


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=text, standalone_mode=False)


def test_oops_text_of_public_ones() -> None:
    result = run(PUBLIC)
    assert result.return_value == 1  # two of them do not agree
    assert result.output.count("\noops ") == 23
    assert "page permission fault (code 0x0f), domain 0; a write in kernel mode" in result.output
    assert "level 2 [0x0dd] at 0x393adf74: 0x3611a65e small page" in result.output
    assert "[9] AP[2] = 1: access permissions, upper bit: 1 for read-only" in result.output


def test_oops_json_from_standard_input() -> None:
    text = "[00000048] *pgd=192f2831, *pte=00000000, *ppte=00000000\r\nInternal error: Oops: 817 [#1] ARM\r\n"
    result = run("-", "--json", text=text)
    assert result.return_value == 0
    document = json.loads(result.output)
    assert document["schema"] == "bootmap.oops/1"
    (found,) = document["oopses"]
    assert (found["address"], found["agreement"], found["access"]) == (0x48, "agrees", "write")
    assert found["status"] == {"code": 7, "kind": "translation fault", "level": 2, "domain": 1}
    assert [step["word"] for step in found["steps"]] == [0x192F2831, 0]
    assert found["outcome"] == {"fault": "translation fault", "level": 2}


def test_oops_beside_a_board() -> None:
    text = "Unable to handle kernel paging request at virtual address c4000000\n[c4000000] *pgd=00000000\n"
    result = run("-", "--board", str(BOARD), *KERNEL, text=text + "Internal error: Oops: 5 [#1] SMP ARM\n")
    assert result.return_value == 1
    assert "*pgd = 0x0: predicted 0x1400041e" in result.output
    assert "map_lowmem, section" in result.output  # the word as a recording of this board has it
    document = json.loads(run("-", "--json", "--board", str(BOARD), *KERNEL, text=text).output)
    (found,) = document["oopses"]
    assert found["prediction"]["differs"] is True
    assert found["prediction"]["words"] == [{"name": "pgd", "printed": 0, "predicted": 0x1400041E}]


def test_oops_refuses() -> None:
    assert isinstance(run("-", text="nothing").exception, InputError)
    assert isinstance(run(PUBLIC, "--cmdline", "mem=1G").exception, UsageError)
