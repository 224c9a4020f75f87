"""The registers that a gdb stub describes: its target description, parsed.

    <target> <xi:include href="system-registers.xml"/> ...   <reg name="SCTLR" bitsize="32" regnum="181"/>

Source: the gdb manual, appendix G "Target Descriptions".  QEMU leaves the ``xi:`` prefix undeclared, so the
text is read without namespaces.  Not here: types, fields and groups of registers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from bootmap.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_ANNEXES = 64
_MAX_REGISTERS = 1 << 16


class StubRegister(NamedTuple):
    """A register as the stub names it: width in bits, and the number that the ``p`` packet takes."""

    name: str
    bits: int
    number: int


def stub_registers(read_annex: Callable[[str], bytes]) -> tuple[StubRegister, ...]:
    """Every register of the description whose files ``read_annex`` delivers, beginning with ``target.xml``.

    Raises:
        MachineError: the description is malformed or beyond the bounds.
    """
    registers: list[StubRegister] = []
    annexes: list[str] = []

    def element(name: str, attributes: dict[str, str]) -> None:
        if name == "reg":
            following = registers[-1].number + 1 if registers else 0
            try:
                number = int(attributes.get("regnum", following))
                registers.append(StubRegister(attributes["name"], int(attributes["bitsize"]), number))
            except (KeyError, ValueError):
                raise MachineError(f"target description: malformed register {attributes}") from None
            if len(registers) > _MAX_REGISTERS:
                raise MachineError("target description: too many registers")
        elif name == "xi:include" and "href" in attributes:
            parse(attributes["href"])

    def parse(annex: str) -> None:
        if annex in annexes or len(annexes) == _MAX_ANNEXES:
            raise MachineError(f"target description: {annex} is included twice, or too much is included")
        annexes.append(annex)
        parser = expat.ParserCreate("UTF-8")  # whatever it declares: no codecs are looked up
        parser.StartElementHandler = element
        try:
            parser.Parse(read_annex(annex), True)
        except (expat.ExpatError, ValueError) as error:
            raise MachineError(f"target description: {annex}: {error}") from None

    parse("target.xml")
    return tuple(registers)
