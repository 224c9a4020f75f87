"""kexec-tools on 32-bit ARM: the numbers by which ``kexec -l`` and ``kexec -p`` place things, and what changed.

Source: kexec-tools 2.0.25 (Debian 12) and its history to 2.0.32: kexec/arch/arm/kexec-zImage-arm.c
``zImage_arm_load``, kexec/arch/arm/crashdump-arm.c ``load_crashdump_segments``, kexec/kexec.c ``locate_hole``.
"""

from __future__ import annotations

from bootmap.units import KIB, MIB

KexecVersion = tuple[int, int, int]
"""(2, 0, 25) for 2.0.25."""

OLDEST_KEXEC: KexecVersion = (2, 0, 17)
"""The first that counts the zImage's stack and heap (commit f57f0bf8975)."""
NEWEST_KEXEC: KexecVersion = (2, 0, 32)
"""The last whose source was read."""
CRASH_PROPERTIES: KexecVersion = (2, 0, 23)
"""From then on the crash kernel's tree has linux,elfcorehdr and linux,usable-memory-range (commit 5f8d632)."""
ELF64_ON_2M: KexecVersion = (2, 0, 29)
"""From then on headers of 64 bits lie on a multiple of 2 MiB, the section size of LPAE (commit 2a3e54e)."""

ASSUMED_TEXT_OFFSET = 0x8000
"""Into the memory that is looked for: where the zImage goes (``extra_size``); kernels may have another."""
WORK = 0x11000
"""Bytes behind a zImage for its stack and heap."""
RATIO = 5
"""A zImage without a table of sizes is taken to need so many times its size."""
BEHIND_ZIMAGE = 4
"""Bytes of zeroes behind a zImage, so that none takes what lies there for an appended tree."""
CORE_HEADER_ALIGN = 1 * KIB
"""ELF_CORE_HEADER_ALIGN: the crash headers' size is a multiple of it."""
ELF_SIZES = {False: (52, 32), True: (64, 56)}
"""Whether 64 bits -> bytes of an ELF header and of a program header."""
ELF_ALIGN = MIB
"""The crash headers begin on a multiple of this, so that mem= ends on a section."""
COMMAND_LINE = 1024
"""Bytes of the command line, terminator included."""
