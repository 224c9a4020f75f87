"""What bootm unpacks: unpacked from what the usual programs make."""

from __future__ import annotations

import bz2
import lzma
import random
import shutil
import subprocess

import pytest

from bootmap.errors import InputError
from bootmap.inputs.packings import PACKINGS, unpacked

LIMIT = 32 << 20
DATA = random.Random(1).randbytes(70_000) + bytes(5 << 20) + b"kernel" * 30_000
PROGRAMS = (
    ("lzo", ("lzop", "-c")),
    ("lz4", ("lz4", "-z", "-c")),
    ("lz4", ("lz4", "-z", "-c", "-B4", "-BX", "--no-frame-crc")),
    ("zstd", ("zstd", "-c")),
    ("gzip", ("gzip", "-c")),
    ("bzip2", ("bzip2", "-c")),
    ("lzma", ("lzma", "-c")),
)


@pytest.mark.parametrize(("packing", "words"), PROGRAMS)
def test_unpacked_is_what_the_program_packed(packing: str, words: tuple[str, ...]) -> None:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    packed = subprocess.run(words, input=DATA, capture_output=True, check=True).stdout
    assert unpacked(packed, packing, LIMIT) == DATA
    with pytest.raises(InputError):
        unpacked(packed, packing, len(DATA) - 1)
    with pytest.raises(InputError):
        unpacked(packed[: len(packed) // 2], packing, LIMIT)


@pytest.mark.parametrize("packing", PACKINGS[2:])
def test_what_is_no_such_stream_is_one_error(packing: str) -> None:
    for data in (b"", b"\1", bytes(100), b"BZh9" + bytes(40), b"\x04\x22\x4d\x18\x60\x40\x00\xff\xff\xff\x7f"):
        with pytest.raises(InputError, match=f"packed by {packing}, is damaged"):
            unpacked(data, packing, LIMIT)


def test_the_library_s_own_streams() -> None:
    assert unpacked(bz2.compress(DATA), "bzip2", LIMIT) == DATA
    assert unpacked(lzma.compress(DATA, lzma.FORMAT_ALONE), "lzma", LIMIT) == DATA
    assert unpacked(DATA, "none", 0) == DATA
