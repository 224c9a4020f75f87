from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.make_inputs import DATA

from bootmap.errors import SymbolsError
from bootmap.inputs import symbols
from bootmap.inputs.symbols import Symbol

if TYPE_CHECKING:
    from pathlib import Path

MAP = DATA / "symbols" / "deb-6.1.map"


def test_read_system_map_real_lines() -> None:
    found = symbols.read_system_map(MAP)
    for line in MAP.read_text().splitlines():
        address, kind, name = line.split(" ")
        assert Symbol(name, int(address, 16), kind) in found.all(name)
    assert found["swapper_pg_dir"] == 0xC0204000
    assert found.type("__turn_mmu_on_end") == "t"
    assert len(found) == len({line.split()[2] for line in MAP.read_text().splitlines()}) == len(list(found))


def test_read_system_map_packed(tmp_path: Path) -> None:
    path = tmp_path / "System.map.gz"
    path.write_bytes(gzip.compress(MAP.read_bytes()))
    assert dict(symbols.read_system_map(path)) == dict(symbols.read_system_map(MAP))


def test_symbols_of_one_name_global_first_then_lowest() -> None:
    found = symbols.parse(b"c0003000 t f\nc0001000 t f\nc0004000 T f\nc0002000 d g\nc0001500 d g\nc0001600 T h\n")
    assert [symbol.address for symbol in found.all("f")] == [0xC0004000, 0xC0001000, 0xC0003000]
    assert (found["f"], found["g"], found.type("f")) == (0xC0004000, 0xC0001500, "T")
    assert [symbol.is_global for symbol in found.all("f")] == [True, False, False]
    assert found.all("h") == (Symbol("h", 0xC0001600, "T"),)
    assert found.all("nothing") == ()
    assert set(found) == {"f", "g", "h"}
    assert "nothing" not in found
    with pytest.raises(KeyError):
        found["nothing"]


def test_parse_kallsyms_and_nm_output() -> None:
    text = b"         w undefined_weak\n         U undefined\nC0008000 T _text\r\nbf000000 t init_module\t[ext4]\n\n"
    assert dict(symbols.parse(text)) == {"_text": 0xC0008000, "init_module": 0xBF000000}


def test_parse_symbol_without_a_name() -> None:
    """Two lines of the System.map of a Thumb-2 kernel, Linux 6.1.192, GNU ld 2.40, and the one between them."""
    text = b"c01f7c32 T _raw_write_unlock_irqrestore\nc01f7c48 t \nc01f7c4c T __lock_text_end\n"
    assert dict(symbols.parse(text)) == {"_raw_write_unlock_irqrestore": 0xC01F7C32, "__lock_text_end": 0xC01F7C4C}


def test_require() -> None:
    found = symbols.parse(b"c0008000 T _text\nc0004000 A swapper_pg_dir\n", file="System.map")
    assert found.require("swapper_pg_dir", "_text") == (0xC0004000, 0xC0008000)
    with pytest.raises(SymbolsError) as error:
        found.require("_end", "_text", "__bss_stop")
    assert str(error.value) == (
        "System.map: lacks the symbols _end, __bss_stop; give the System.map of exactly this kernel with --system-map"
    )


def test_parse_stub_of_debian() -> None:
    """The file that linux-image-6.1.0-50-armmp installs, and the form with eight digits."""
    for digits in (16, 8):
        text = b"f" * digits + b" B The real System.map is in the linux-image-<version>-dbg package\n"
        with pytest.raises(SymbolsError, match=r"stub .* in the package linux-image-<version>-dbg .*--system-map"):
            symbols.parse(text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"", None, "holds no symbols"),
        (b"\n \n", None, "holds no symbols"),
        (b"c0008000 T _text\nnonsense\n", 2, "found 'nonsense'"),
        (b"c0008000 T _text\nc000800 T short\n", 2, "found 'c000800 T short'"),
        (b"c0008000 T\n", 1, "expected 'ADDRESS TYPE NAME'"),
        (b"c0008000 TT name\n", 1, "expected 'ADDRESS TYPE NAME'"),
        (b"c0008000 T a b\n", 1, "expected 'ADDRESS TYPE NAME'"),
        (b"c0008000 T _text\nffffffff81000000 T startup_64\n", 2, "addresses have 64 bits"),
        (b"00000000 T _text\n00000000 T _end\n", None, "every address is 0"),
        (b"c0008000 T _te\x85xt\n", 1, "expected 'ADDRESS TYPE NAME'"),
        (b"c0008000 T _te\x1cxt\n", 1, "expected 'ADDRESS TYPE NAME'"),
        (b"\x7fELF\0\0\0\0", 1, "expected 'ADDRESS TYPE NAME'"),
    ],
)
def test_parse_faults_name_their_line(text: bytes, line: int | None, message: str) -> None:
    with pytest.raises(SymbolsError) as error:
        symbols.parse(text, file="m")
    assert error.value.line == line
    assert message in error.value.message
    assert "\n" not in str(error.value)


LINES = st.lists(
    st.tuples(st.integers(1, 0xFFFFFFFF), st.sampled_from("TtDdBbRrAVW"), st.text("abc_.$0", min_size=1, max_size=4)),
    min_size=1,
    max_size=30,
)


@given(LINES)
def test_parse_fast_and_slow_paths_agree(lines: list[tuple[int, str, str]]) -> None:
    text = "".join(f"{address:08x} {kind} {name}\n" for address, kind, name in lines)
    fast = symbols.parse(text.encode())
    slow = symbols.parse(text.encode() + b"         U undefined\n")
    assert dict(fast) == dict(slow)
    for _, _, name in lines:
        assert fast.all(name) == slow.all(name)
        assert sorted(symbol.address for symbol in fast.all(name)) == sorted(a for a, _, n in lines if n == name)


@given(st.binary(max_size=120))
def test_parse_any_bytes(noise: bytes) -> None:
    try:
        found = symbols.parse(b"c0008000 T _te" + noise + b"xt\nc0008000 T _text\n")
    except SymbolsError:
        return
    assert found["_text"] == 0xC0008000


def test_extended_takes_what_is_lacking() -> None:
    found = symbols.parse(b"c0008000 T _text\nc0300000 t local\nc0200000 t local\n").extended(
        {"_text": 1, "_end": 0xC1000000}
    )
    assert dict(found) == {"_text": 0xC0008000, "local": 0xC0200000, "_end": 0xC1000000}
    assert found.type("_end") == "D"
    assert len(found.all("local")) == 2
