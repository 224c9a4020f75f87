"""Predictions read back: the document of ``bootmap predict --json`` as memory, one per state.

So a prediction made elsewhere can be walked, listed, audited and compared like a dump.  Only the tables
are read here; the document's other keys are the business of whoever wrote it.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from bootmap.errors import ImageError
from bootmap.image.facts import PA_BITS, KernelFacts, check_number
from bootmap.image.pages import PageMemory

SCHEMA = "bootmap.predict/1"
_REGISTER_BITS = 64


class PredictedTables(Struct, frozen=True):
    """Page tables of one state: ``pages`` is ``{"0xPA": 8192 hex digits}``, ``root`` the first level's address."""

    format: Literal["short", "long"]
    root: int
    pages: dict[str, str]


def _decoded(pages: dict[str, str]) -> dict[int, bytes]:
    """``{"0xPA": hex digits}`` as bytes by address.

    Raises:
        ImageError: an address or a page is malformed.
    """
    decoded = {}
    for address, digits in pages.items():
        try:
            number, page = int(address, 16), bytes.fromhex(digits)
        except ValueError:
            raise ImageError(f"page {address[:40]!r}: expected a hexadecimal address and digits") from None
        check_number("the address of a page", number, PA_BITS)
        decoded[number] = page
    return decoded


class PredictedState(Struct, frozen=True):
    """What is kept of one state of the timeline: the tables, and ``memory``, pages that are none, in the same form."""

    tables: PredictedTables
    memory: dict[str, str] = {}

    def pages(self) -> PageMemory:
        """All of it as memory.

        Raises:
            ImageError: an address or a page is malformed.
        """
        return PageMemory(_decoded(self.memory) | _decoded(self.tables.pages))


class PredictedKernel(Struct, frozen=True):
    """What the document says of the kernel; documents of earlier versions say less."""

    version: str | None = None
    cpu: str | None = None
    page_offset: int | None = None
    phys_offset: int | None = None
    high_memory: int | None = None

    def facts(self) -> KernelFacts:
        """The same as every image tells it."""
        return KernelFacts(
            self.version,
            self.cpu,
            page_offset=self.page_offset,
            phys_offset=self.phys_offset,
            high_memory=self.high_memory,
        )


class PredictionDocument(Struct, frozen=True):
    """The states of a prediction by name, in the order of the document, which is time's.

    ``registers`` are those that the kernel sets for its tables, by their names in the architecture.
    """

    schema: str
    states: dict[str, PredictedState]
    kernel: PredictedKernel = PredictedKernel()
    registers: dict[str, int] = {}


class _Document(Struct, frozen=True):
    schema: str = ""


def is_prediction(document: bytes) -> bool:
    """Whether the JSON text ``document`` calls itself a prediction, of whatever version."""
    try:
        return msgspec.json.decode(document, type=_Document).schema.startswith("bootmap.predict/")
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


def parse_prediction(document: bytes) -> PredictionDocument:
    """Read the JSON text of ``bootmap predict --json``.

    Raises:
        ImageError: it is not one; names the key and what was expected there.
    """
    try:
        prediction = msgspec.json.decode(document, type=PredictionDocument)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ImageError(f"not a prediction: {error}") from None
    if prediction.schema != SCHEMA:
        raise ImageError(f"schema {prediction.schema!r}, expected {SCHEMA!r}")
    for name, state in prediction.states.items():
        check_number(f"root of {name}", state.tables.root, PA_BITS)
        state.pages()
    for name, value in prediction.registers.items():
        check_number(name, value, _REGISTER_BITS)
    prediction.kernel.facts()
    return prediction
