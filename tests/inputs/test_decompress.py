from __future__ import annotations

import functools
import gzip
import lzma
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_inputs import DATA, big_image, kernel_image

from bootmap.errors import ImageError
from bootmap.inputs import decompress

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = kernel_image()
PACKED = DATA / "packed"  # written by lzop 1.04 and lz4 1.9.4


def sized(packed: bytes, size: int) -> bytes:
    return packed + size.to_bytes(4, "little")


def xz(data: bytes) -> bytes:
    """As the kernel's xzkern: CRC-32, the ARM branch filter, a 32 MiB dictionary."""
    filters = [{"id": lzma.FILTER_ARM}, {"id": lzma.FILTER_LZMA2, "dict_size": 32 << 20}]
    return lzma.compress(data, lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=filters)


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    packed: bytes = zstandard.ZstdCompressor().compress(data)
    return packed


def lzma_alone(data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20}]
    return lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)


# name -> packed form of IMAGE with its size behind it, as a zImage holds it
PACKERS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(IMAGE, mtime=0),
    "xz": lambda: sized(xz(IMAGE), len(IMAGE)),
    "lzma": lambda: sized(lzma_alone(IMAGE), len(IMAGE)),
    "lzo": lambda: sized((PACKED / "small.lzo").read_bytes(), len(IMAGE)),
    "zstd": lambda: sized(zstd(IMAGE), len(IMAGE)),
}


@functools.cache
def packed_image(name: str) -> bytes:
    return PACKERS[name]()


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("known", [True, False], ids=["size known", "size unknown"])
def test_unpack_every_format(name: str, known: bool) -> None:
    packed = packed_image(name)
    data = b"\x5d\0\0 code \x1f\x8b\x08" + packed + bytes(40)
    end = 12 + len(packed)
    payload = decompress.unpack(data, start=0, end=len(data), size_at=end - 4 if known else None)
    assert (payload.compression, payload.offset, payload.image) == (name, 12, IMAGE)
    assert payload.end == (end if name == "gzip" else end - 4)


@pytest.mark.parametrize("name", ["lzo", "lz4"])
@pytest.mark.parametrize("known", [True, False], ids=["size known", "size unknown"])
def test_unpack_several_blocks(name: str, known: bool) -> None:
    image = big_image()
    data = bytes(7) + sized((PACKED / f"big.{name}").read_bytes(), len(image)) + bytes(3)
    payload = decompress.unpack(data, start=0, end=len(data), size_at=len(data) - 7 if known else None)
    assert (payload.compression, payload.offset) == (name, 7)
    assert payload.image == image


@pytest.mark.parametrize("name", ["gzip", "xz", "lzma", "lzo", "zstd"])
def test_unpack_does_not_believe_a_wrong_size(name: str) -> None:
    data = packed_image(name)
    for wrong in (len(IMAGE) - 1, len(IMAGE) + 1, 1):
        with pytest.raises(ImageError, match=f"no packed kernel found .*tried {name} at 0x0"):
            decompress.unpack(sized(data[:-4], wrong), start=0, end=len(data), size_at=len(data) - 4)
    with pytest.raises(ImageError, match="no packed kernel found"):
        decompress.unpack(data + data[-4:], start=0, end=len(data) + 4, size_at=len(data))


def test_unpack_takes_the_stream_that_its_size_confirms() -> None:
    """A complete gzip stream in front, such as IKCONFIG's in a decompressor, is not the kernel."""
    decoy = gzip.compress(b"decoy", mtime=0)
    data = decoy + PACKERS["gzip"]()
    payload = decompress.unpack(data, start=0, end=len(data), size_at=len(data) - 4)
    assert (payload.offset, payload.image) == (len(decoy), IMAGE)


def test_unpack_bounds() -> None:
    data = bytes(50)
    with pytest.raises(ImageError, match="lies behind the image") as error:
        decompress.unpack(data, start=0, end=50, size_at=48)
    assert error.value.offset == 48
    for size in (0, decompress.MAX_IMAGE + 1):
        with pytest.raises(ImageError, match=f"is said to have {size:#x} bytes, the limit is 128 MiB"):
            decompress.unpack(sized(bytes(40), size), start=0, end=44, size_at=40)


def test_unpack_a_bomb_stops_at_the_recorded_size() -> None:
    bomb = gzip.compress(bytes(30_000_000), mtime=0)
    data = bomb[:-4] + (1000).to_bytes(4, "little")
    with pytest.raises(ImageError, match="no packed kernel found"):
        decompress.unpack(data, start=0, end=len(data), size_at=len(data) - 4)


def test_unpack_without_the_library_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PACKERS["zstd"]()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImageError, match=r"zstd at 0x0 \(needs the Python package zstandard\); install bootmap\[comp"):
        decompress.unpack(data, start=0, end=len(data), size_at=len(data) - 4)


@given(st.sampled_from(sorted(PACKERS)), st.data())
@settings(deadline=None, max_examples=300)
def test_unpack_damaged_streams(name: str, data: st.DataObject) -> None:
    packed = bytearray(packed_image(name))
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    for blob, size_at in ((bytes(packed), len(packed) - 4), (bytes(packed[:cut]), None)):
        try:
            payload = decompress.unpack(blob, start=0, end=len(blob), size_at=size_at)
        except ImageError:
            continue
        assert len(payload.image) == len(IMAGE)
