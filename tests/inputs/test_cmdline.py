from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.make_inputs import DATA

from bootmap.inputs import cmdline

# What next_arg() of Linux 6.1, compiled for the host, made of each text: [name, value or null, offset].
RECORDED = [json.loads(line) for line in (DATA / "cmdline" / "next_arg.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: repr(case["text"]))
def test_parse_as_the_kernel(case: dict[str, object]) -> None:
    found = cmdline.parse(str(case["text"]))
    assert [[param.name, param.value, param.offset] for param in found] == case["params"]


@given(st.text(alphabet='ab="-= \t\xa0\0', max_size=40))
def test_parse_texts_are_what_stands_there(text: str) -> None:
    end = 0
    for param in cmdline.parse(text):
        assert text[param.offset : param.offset + len(param.text)] == param.text
        assert param.offset >= end
        assert param.text.startswith(param.name) or param.text.startswith('"' + param.name)
        end = param.offset + len(param.text)


def test_parse_ends_at_a_bare_double_dash_only() -> None:
    names = [param.name for param in cmdline.parse("a --b -- mem=1M")]
    assert names == ["a", "--b"]
    assert [param.name for param in cmdline.parse("--=1 c")] == ["--", "c"]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("no-map", "no_map", True),
        ("a_b-c", "a-b_c", True),
        ("mem", "mem", True),
        ("mem", "Mem", False),
        ("a", "a_", False),
    ],
)
def test_parameq(a: str, b: str, same: bool) -> None:
    assert cmdline.parameq(a, b) is same
