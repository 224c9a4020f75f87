"""Numbers as the kernel reads them and as people type them."""

from __future__ import annotations

import pytest

from bootmap.units import memparse, whole_number


def test_memparse_of_thousands_of_digits_wraps_as_the_kernel() -> None:
    digits = "123456789" * 700
    value = 0
    for digit in digits:  # lib/kstrtox.c _parse_integer: res = res * base + val, in 64 bits
        value = (value * 10 + int(digit)) & (1 << 64) - 1
    assert memparse(digits + "K@1") == (value << 10 & (1 << 64) - 1, "@1")
    assert memparse("0x" + "f" * 5000) == ((1 << 64) - 1, "")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0x40000000", 0x40000000),
        ("1G", 1 << 30),
        ("18446744073709551615", (1 << 64) - 1),
        ("18446744073709551616", None),
        ("17179869184G", None),
        ("0x1ffffffffffffffff", None),
        ("9" * 5000, None),
        ("4foo", None),
        ("0x", None),
        ("", None),
    ],
)
def test_whole_number_refuses_what_does_not_fit(text: str, number: int | None) -> None:
    assert whole_number(text) == number
