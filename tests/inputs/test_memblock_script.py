"""Scripts of memblock calls: what is read, and that nothing else ever comes of bad ones but an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.errors import ScriptError
from bootmap.inputs.memblock_script import PARAMETERS, parse_script


def test_parse_script_comments_blanks_and_prefixes():
    text = b"# a board\r\n\n  add 0x40000000 2000  # RAM\r\n\talloc 28 4 0 0\nreset"
    assert [(op.line, str(op)) for op in parse_script(text, 32)] == [
        (3, "add 40000000 2000"),
        (4, "alloc 28 4 0 0"),
        (5, "reset"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"reset\nfrob 1", 2, "'frob' is not an operation; known are reset, add"),
        (b"Add 1 1", 1, "'Add' is not an operation"),
        (b"add 1", 1, "add takes 2 numbers, not 1: add BASE SIZE"),
        (b"reset 1", 1, "reset takes 0 numbers, not 1"),
        (b"add 1 2 3", 1, "not 3"),
        (b"\n\nadd 1 -1", 3, "'-1' is not a hexadecimal number: add BASE SIZE"),
        (b"add 1 0x", 1, "'0x' is not a hexadecimal number"),
        (b"add 1 1_0", 1, "is not a hexadecimal number"),
        (b"add 1 10M", 1, "is not a hexadecimal number"),
        (b"add 1 \xd9\xa1", 1, "is not a hexadecimal number"),
        (b"add 100000000 1", 1, "'100000000' does not fit into 32 bits: add BASE SIZE"),
        (b"add 1 " + b"f" * 100000, 1, "does not fit into 32 bits"),
        (b"trim 0", 1, "the alignment 0 is not a power of two: trim ALIGN"),
        (b"trim 3000", 1, "the alignment 3000 is not a power of two"),
        (b"alloc 10 6 0 0", 1, "the alignment 6 is not a power of two"),
        (b"bottom_up 2", 1, "2 is neither 0 nor 1"),
        (b"x" * 100000, 1, "is not an operation"),
        (b"\x1b[31m\0", 1, "is not an operation"),
    ],
)
def test_parse_script_error_names_line_and_form(text, line, words):
    with pytest.raises(ScriptError) as caught:
        parse_script(text, 32)
    assert caught.value.line == line
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# only a comment"])
def test_parse_script_empty(text):
    with pytest.raises(ScriptError, match="holds no operation"):
        parse_script(text, 32)


def test_parse_script_binary_has_offset():
    with pytest.raises(ScriptError, match="is not text") as caught:
        parse_script(b"reset\n\xff\xfe", 32)
    assert caught.value.offset == 6


def test_parse_script_leading_zeros_and_width():
    assert parse_script(b"limit 00000000000000000000ffffffff", 32)[0].arguments == (0xFFFFFFFF,)
    assert parse_script(b"limit ffffffffffffffff", 64)[0].arguments == ((1 << 64) - 1,)
    assert parse_script(b"alloc 10 0 0 0", 32)[0].arguments == (16, 0, 0, 0)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="".join(PARAMETERS) + " 0123456789abcdef\n#").map(str.encode))
def test_parse_script_hostile(data):
    try:
        ops = parse_script(data, 32)
    except ScriptError:
        return
    assert ops
    assert all(0 <= value < 1 << 32 for op in ops for value in op.arguments)
    assert parse_script("\n".join(map(str, ops)).encode(), 32) == [
        op._replace(line=number) for number, op in enumerate(ops, 1)
    ]
