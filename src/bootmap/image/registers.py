"""The system registers that decide what a translation means, read from a gdb stub by their architectural names.

QEMU lists them under names of its own that depend on the CPU model, and lists both banks where the CPU has
the Security Extensions.  The bank that the CPU uses now is the one that counts: secure while SCR.NS is 0,
or in Monitor mode whatever SCR says (DDI 0406C B1.5.1).

Which of two registers an address means depends on TTBCR.EAE (DDI 0406C B4.1.104, B4.1.152-B4.1.155):

    EAE 0   PRRR, NMRR, 32-bit TTBR0 and TTBR1        EAE 1   MAIR0, MAIR1, 64-bit TTBR0 and TTBR1

Not here: fields of these registers (spec and mmu have them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.image.rsp import RspClient
    from bootmap.image.target import StubRegister

# Architectural name -> the names that QEMU 7.2 lists (target/arm/helper.c, the reginfo tables) with the
# width in bits, the one that tells more first.  PRRR and NMRR share storage, and so a name, with MAIR0 and MAIR1.
_STUB_NAMES: dict[str, tuple[tuple[str, int], ...]] = {
    "MIDR": (("MIDR", 32),),
    "ID_MMFR0": (("ID_MMFR0", 32),),
    "ID_MMFR3": (("ID_MMFR3", 32),),
    "SCTLR": (("SCTLR", 32),),
    "TTBCR": (("TTBCR", 32),),
    "TTBR0": (("TTBR0", 64), ("TTBR0_EL1", 32)),
    "TTBR1": (("TTBR1", 64), ("TTBR1_EL1", 32)),
    "DACR": (("DACR", 32),),
    "PRRR": (("MAIR0", 32),),
    "NMRR": (("MAIR1", 32),),
    "CONTEXTIDR": (("CONTEXTIDR_EL1", 32),),
    "VBAR": (("VBAR", 32),),
    "DFSR": (("DFSR", 32),),
    "DFAR": (("DFAR", 32),),
    "IFSR": (("IFSR", 32),),
    "IFAR": (("IFAR", 32),),
}
_WITH_EAE = {"PRRR": "MAIR0", "NMRR": "MAIR1"}
_TABLE_BASES = ("TTBR0", "TTBR1")

_EAE = 1 << 31  # TTBCR, DDI 0406C B4.1.153
_SCR_NS = 1 << 0  # SCR, DDI 0406C B4.1.129
_MODE_FIELD, _MONITOR_MODE = 0x1F, 0x16  # CPSR.M, DDI 0406C B1.3.1


def system_registers(stub: RspClient) -> dict[str, int]:
    """The translation registers of the selected CPU, as far as its stub lists them.

    Keys: ``SCTLR TTBCR TTBR0 TTBR1 DACR``, ``PRRR NMRR`` or with TTBCR.EAE ``MAIR0 MAIR1``, ``MIDR ID_MMFR0
    ID_MMFR3 CONTEXTIDR VBAR``, the fault registers ``DFSR DFAR IFSR IFAR``.  Where the CPU has the Security
    Extensions ``SCR`` too, and ``secure``: 1 in Secure state, whose bank the values then are, else 0.
    A register that the CPU model does not have is not a key.

    Raises:
        MachineError: the stub names no system registers at all (it is not QEMU's).
    """
    by_name: dict[tuple[str, int], StubRegister] = {}
    for register in stub.stub_registers:
        by_name.setdefault((register.name, register.bits), register)
    values: dict[str, int] = {}
    secure = False
    if scr := by_name.get(("SCR", 32)) or by_name.get(("SCR_S", 32)):
        values["SCR"] = stub.read_stub_register(scr)
        monitor = stub.read_register("cpsr") & _MODE_FIELD == _MONITOR_MODE
        secure = monitor or not values["SCR"] & _SCR_NS
        values["secure"] = int(secure)
    for name, candidates in _STUB_NAMES.items():
        if found := _present(by_name, candidates, "_S" if secure else ""):
            values[name] = stub.read_stub_register(found)
    if "SCTLR" not in values:
        raise MachineError("the stub lists no system registers, as QEMU's does", file=stub.name)
    return _as_selected(values)


def _present(
    listed: Mapping[tuple[str, int], StubRegister], candidates: tuple[tuple[str, int], ...], suffix: str
) -> StubRegister | None:
    """The first candidate that is listed, in the wanted bank if there are banks."""
    for tail in dict.fromkeys((suffix, "")):
        for name, bits in candidates:
            banked = f"{name.removesuffix('_EL1')}_S" if tail else name
            for wanted in dict.fromkeys((name + tail, banked)):
                if (wanted, bits) in listed:
                    return listed[wanted, bits]
    return None


def _as_selected(values: dict[str, int]) -> dict[str, int]:
    """Name and cut the registers as TTBCR.EAE makes the CPU take them."""
    if values.get("TTBCR", 0) & _EAE:
        return {_WITH_EAE.get(name, name): value for name, value in values.items()}
    return {name: value & 0xFFFF_FFFF if name in _TABLE_BASES else value for name, value in values.items()}
