from __future__ import annotations

from bootmap.image.exceptions import TakenException, taken_exceptions

# What QEMU 7.2 wrote for a kernel that unmapped itself, a hypervisor call before it.
LOG = """Taking exception 11 [Hypervisor Call] on CPU 0
...from EL1 to EL2
...with ESR 0x12/0x4a000000
...handled as PSCI call
Taking exception 3 [Prefetch Abort] on CPU 0
...from EL1 to EL1
...with ESR 0x21/0x86000005
...with IFSR 0x5 IFAR 0xc0240094
Taking exception 4 [Data Abort] on CPU 1
...from EL1 to EL1
...with ESR 0x25/0x96000045
...with DFSR 0x805 DFAR 0x12345678
Taking exception 1 [Undefined Instruction] on CPU 0
...from EL1 to EL1
"""


def test_taken_exceptions_of_a_dying_kernel() -> None:
    assert taken_exceptions(LOG) == (
        TakenException("Hypervisor Call", 0, None, None),
        TakenException("Prefetch Abort", 0, 0x5, 0xC0240094),
        TakenException("Data Abort", 1, 0x805, 0x12345678),
        TakenException("Undefined Instruction", 0, None, None),
    )
    assert [str(taken) for taken in taken_exceptions(LOG)[1:]] == [
        "Prefetch Abort IFSR 0x5 IFAR 0xc0240094",
        "Data Abort DFSR 0x805 DFAR 0x12345678",
        "Undefined Instruction",
    ]


def test_taken_exceptions_stop_at_the_limit_and_pass_over_the_rest() -> None:
    assert len(taken_exceptions("noise\n" + LOG, limit=2)) == 2
    assert taken_exceptions("") == ()
