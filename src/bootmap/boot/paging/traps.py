"""early_trap_init: what the vectors page, and since 3.11 the stubs page behind it, hold.

    +0x0000  vectors      eight branches; later those against Spectre-BHB, on some CPUs
    ...      filling      0xe7fddef1, undefined in ARM and in Thumb; zeroes before 3.11
    +0x0fxx  user helpers up to the end of the page
    +0x1000  stubs        entry code of each mode, with the addresses of the handlers; +0x0200 before 3.11

All of it is copied from the kernel's own image, so nothing is said where that is not at hand, nor for a kernel that
runs from flash.  What changes at run time is not followed: a FIQ handler, and on CPUs without a register for it the
thread pointer at +0x0ff0.

Source: arch/arm/kernel/traps.c ``early_trap_init``, ``kuser_init``, ``spectre_bhb_update_vectors``; entry-armv.S;
arch/arm/include/asm/tls.h; arch/arm/mm/proc-v7-bugs.c ``cpu_v7_spectre_bhb_init``; head.S ``__fixup_smp``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bootmap.facts.arm.cpus import SPECTRE_BHB
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

POISON = 0xE7FDDEF1
_STUBS_OF_ONE_PAGE = 0x200
_SIGRETURN_CODES = 0x500
_SIGRETURN_BYTES = 28
_RESTART_BYTES = 8
_GET_TLS, _HARDWARE_TLS = 0xFE0, 0xFE8
_ALTERNATIVE = struct.Struct("<2I")


def early_trap_init(state: BootState) -> None:
    """Fill the vectors page, where the kernel's image is at hand."""
    kernel, base = state.kernel, state.vars.vectors
    vectors, stubs = _image(state, "__vectors"), _image(state, "__stubs")
    if not base or vectors is None or stubs is None:
        return
    if kernel.has("vectors_two_pages"):
        first = bytearray(struct.pack("<I", POISON) * (PAGE_SIZE // 4))
        second = stubs.ljust(PAGE_SIZE, b"\0")
        if not _user_helpers(state, first):
            return
        state.memory[base + PAGE_SIZE] = second
    else:
        first = bytearray(PAGE_SIZE)
        first[_STUBS_OF_ONE_PAGE : _STUBS_OF_ONE_PAGE + len(stubs)] = stubs
        if not _user_helpers(state, first) or not _signal_returns(state, first):
            return
    first[: len(vectors)] = vectors
    state.memory[base] = bytes(first)


def spectre_bhb_update_vectors(state: BootState) -> None:
    """Replace the vectors by those that flush the branch history, on CPUs that need it."""
    kernel, base = state.kernel, state.vars.vectors
    method = SPECTRE_BHB.get(state.handover.cpu.name)
    if method is None or base not in state.memory or not kernel.config.enabled("HARDEN_BRANCH_HISTORY"):
        return
    vectors = _image(state, f"__vectors_bhb_{method}")
    if vectors is not None:
        state.memory = {**state.memory, base: vectors + state.memory[base][len(vectors) :]}


def _image(state: BootState, name: str) -> bytes | None:
    """The bytes of the image between two symbols, as head.S left them; None where they are not at hand."""
    start, end = (state.kernel.symbols.get(f"{name}_{edge}") for edge in ("start", "end"))
    if start is None or end is None or not 0 < end - start <= PAGE_SIZE:
        return None
    return _patched(state, start, end - start)


def _patched(state: BootState, start: int, size: int) -> bytes | None:
    """Bytes of the image, with the instructions for one CPU where an SMP kernel has found but one (__fixup_smp)."""
    kernel = state.kernel
    data = kernel.read(start, size)
    if data is None or state.smp or not kernel.has("smp"):
        return data
    first, last = (kernel.symbols.get(f"__smpalt_{edge}") for edge in ("begin", "end"))
    table = kernel.read(first, last - first) if first is not None and last is not None else None
    if table is None or first is None or len(table) % _ALTERNATIVE.size:
        return None
    patched = bytearray(data)
    for index, (place, instruction) in enumerate(_ALTERNATIVE.iter_unpack(table)):
        # Up to 5.10 the place is an address, since then the distance from the entry; no distance looks like one.
        entry = first + index * _ALTERNATIVE.size
        for address in (place, (place + entry) & 0xFFFFFFFF):
            if start <= address <= start + size - 4:
                struct.pack_into("<I", patched, address - start, instruction)
    return bytes(patched)


def _user_helpers(state: BootState, page: bytearray) -> bool:
    """Copy the user helpers to the end of the page; False where it cannot be known what they are."""
    kernel = state.kernel
    if not kernel.has("kuser_helpers") and kernel.has("kuser_option"):
        return True
    start, end = (kernel.symbols.get(f"__kuser_helper_{edge}") for edge in ("start", "end"))
    if start is None or end is None or not 0 < end - start < PAGE_SIZE:
        return False
    helpers = _patched(state, start, end - start)
    if helpers is None:
        return False
    page[PAGE_SIZE - len(helpers) :] = helpers
    if _has_tls_register(state):
        page[_GET_TLS : _GET_TLS + 4] = page[_HARDWARE_TLS : _HARDWARE_TLS + 4]
    return True


def _has_tls_register(state: BootState) -> bool:
    """Whether the helper for the thread pointer reads a register (asm/tls.h ``has_tls_reg``, ``tls_emu``)."""
    config = state.kernel.config
    if config.enabled("TLS_REG_EMUL"):
        return True
    if state.handover.cpu.name == "arm1136" and config.enabled("CPU_V6"):
        state.assume("the ARM1136 is of r1 or later, which has the register for the thread pointer")
    return config.enabled("CPU_V6") or config.enabled("CPU_V6K") or config.enabled("CPU_32v6K")


def _signal_returns(state: BootState, page: bytearray) -> bool:
    """The code that returns from signal handlers, which had its place here when there was but one page."""
    kernel, at = state.kernel, _SIGRETURN_CODES
    for name, size in (("sigreturn_codes", _SIGRETURN_BYTES), ("syscall_restart_code", _RESTART_BYTES)):
        symbol = kernel.symbols.get(name)
        if symbol is None:
            if name == "sigreturn_codes":
                return False
            continue
        code = kernel.read(symbol, size)
        if code is None:
            return False
        page[at : at + size] = code
        at += size
    return True
