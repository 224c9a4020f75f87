from __future__ import annotations

import base64
import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.errors import ImageError, InputError
from bootmap.image.recording import RecordedTables, Recording, parse_recording, read_recording, write_recording
from bootmap.units import Span

FOLDER = Path(__file__).parent.parent / "data" / "recordings"
FILES = sorted(FOLDER.glob("*.json.gz"))
LATE = FOLDER / "virt-1g-init-lpae-6.1.json.gz"
SPITZ = FOLDER / "own-spitz.json.gz"
DIES = FOLDER / "fuzz-1-103-deb-6.1-lpae.json.gz"


def document(path: Path) -> dict[str, object]:
    text: dict[str, object] = json.loads(gzip.decompress(path.read_bytes()))
    return text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_write_recording_gives_the_document_that_was_read(path: Path, tmp_path: Path) -> None:
    write_recording(read_recording(str(path)), str(tmp_path / "again.json.gz"))
    assert gzip.decompress((tmp_path / "again.json.gz").read_bytes()) == gzip.decompress(path.read_bytes())
    assert [file.name for file in tmp_path.iterdir()] == ["again.json.gz"]


def test_memory_of_a_recording_is_its_tables() -> None:
    recording = read_recording(str(LATE))
    raw = document(LATE)["late"]["tables"]  # type: ignore[index]
    memory = recording.memory("late")
    assert recording.moments == ("before", "after", "late")
    assert recording.root("late") == raw["pgd"]["pa"]
    assert memory.read(raw["pgd"]["pa"], 32) == bytes.fromhex(raw["pgd"]["hex"])
    for pages in (raw["pmd"], raw["pte"]):
        for address, digits in pages.items():
            assert memory.read(int(address, 16), 4096) == bytes.fromhex(digits)
    assert sum(span.size for span in memory.ranges) == 32 + 4096 * (len(raw["pmd"]) + len(raw["pte"]))


def test_handover_is_a_device_tree_or_an_atag_list() -> None:
    blob = read_recording(str(LATE)).handover()
    assert blob[:4] == b"\xd0\x0d\xfe\xed"
    assert int.from_bytes(blob[4:8], "big") <= len(blob)
    atags = read_recording(str(SPITZ)).handover()
    assert atags[4:8] == bytes.fromhex("01004154")  # ATAG_CORE


def test_moment_that_was_not_recorded() -> None:
    recording = read_recording(str(DIES))
    assert recording.outcome
    assert recording.moments == ("before",)
    with pytest.raises(ImageError, match="nothing was recorded 'after'; there is: before"):
        recording.memory("after")


def test_tables_of_bytes_are_those_of_the_recording() -> None:
    tables = read_recording(str(LATE)).moment("after").tables
    assert isinstance(tables.pmd, dict)
    bare = [{int(pa, 16): bytes.fromhex(digits) for pa, digits in pages.items()} for pages in (tables.pte, tables.pmd)]
    assert RecordedTables.of(tables.pgd.pa, bytes.fromhex(tables.pgd.hex), *bare) == tables
    assert not isinstance(RecordedTables.of(0, bytes(16384), {}).pmd, dict)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("before", "tables", "pgd", "hex"), "00", "before.tables.pgd: 1 bytes at"),
        (("before", "tables", "pgd", "hex"), "zz", "before.tables.pgd: expected hexadecimal digits"),
        (("before", "tables", "pte"), {"0xzz": "00" * 4096}, "before.tables.pte.0xzz: expected a hexadecimal address"),
        (("before", "tables", "pte"), {"-1": "00" * 4096}, "expected a hexadecimal address"),
        (("before", "tables", "pte"), {"0x1000": "00"}, "before.tables.pte.0x1000: 1 bytes at 0x1000, expected 4096"),
        (("before",), None, "before"),
        (("lpae",), 3, "$.lpae"),
        (("symbols",), [], "$.symbols"),
    ],
)
def test_parse_recording_names_the_key(path: tuple[str, ...], value: object, words: str) -> None:
    whole = document(SPITZ)
    place = whole
    for key in path[:-1]:
        place = place[key]  # type: ignore[assignment]
    place[path[-1]] = value
    with pytest.raises(ImageError) as caught:
        parse_recording(json.dumps(whole).encode())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"{" * 100000, b"[" * 100000, b"\x1f\x8b", SPITZ.read_bytes()[:-20], b"\xff\xfe", b"1e999"],
    ids=range(9),
)
def test_parse_recording_refuses(data: bytes) -> None:
    with pytest.raises(ImageError):
        parse_recording(data)


@pytest.mark.parametrize("damage", ["!!!!", "AAAA", SPITZ.name])
def test_handover_that_is_damaged(damage: str) -> None:
    whole = document(SPITZ) | {"dtb": damage}
    with pytest.raises(ImageError, match="damaged"):
        parse_recording(json.dumps(whole).encode()).handover()


def test_handover_bounds_what_it_unpacks() -> None:
    bomb = base64.b64encode(gzip.compress(bytes(17 << 20))).decode()
    whole = document(SPITZ) | {"dtb": bomb}
    with pytest.raises(ImageError, match="unpacks to more than"):
        parse_recording(json.dumps(whole).encode()).handover()


def test_write_recording_that_fails_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    (target / "x").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        write_recording(read_recording(str(SPITZ)), str(target))
    with pytest.raises(InputError, match="cannot be written"):
        write_recording(read_recording(str(SPITZ)), str(tmp_path / "absent" / "file"))
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1500), st.binary(min_size=1, max_size=4))
def test_parse_recording_takes_any_bytes(at: int, patch: bytes) -> None:
    for data in (SPITZ.read_bytes(), gzip.decompress(SPITZ.read_bytes())):
        broken = data[:at] + patch + data[at + len(patch) :]
        with contextlib.suppress(ImageError):
            assert isinstance(parse_recording(broken), Recording)


def test_memory_of_a_short_recording_is_sixteen_kibibytes_and_pages() -> None:
    recording = read_recording(str(SPITZ))
    root = recording.root("before")
    assert Span(root, root + 16384).size == 16384
    assert len(recording.memory("before").read(root, 16384)) == 16384
