"""The vectors page and the stubs page.

The kernel's image is made up here, of bytes that say where they come from; the places are those that QEMU 7.2 guests
showed at 0xffff0000 and 0xffff1000.  With Debian's 6.1.0-50-armmp and its real image the predicted pages were compared
with the guests' (``dump memory`` of gdb, at the prompt of init): all 8192 bytes were equal on virt with one and with
two Cortex-A15 (vectors against Spectre-BHB: "enabling loop workaround") and Cortex-A7 (no such line), and on
vexpress-a9 with four Cortex-A9 and with one (where head.S has patched five instructions of the user helpers).
"""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest
from support.recordings import DATA, case, fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.image.open import open_image
from bootmap.inputs import fdt, kconfig
from bootmap.inputs.kernel_file import KernelFile
from bootmap.inputs.symbols import Symbols
from bootmap.report.predict_json import predict_json

TREE = fdt.parse((Path(DATA) / "dtb" / "virt.dtb").read_bytes())
TEXT = 0xC0208000  # _text of Debian's kernel
VECTORS, LOOP8, BPIALL, STUBS, KUSER, SIGNAL, ALTERNATIVES = (TEXT + 0x100000 + i * 0x1000 for i in range(7))
KUSER_BYTES = 0xA0

# symbol -> address; the sizes are Debian's
SYMBOLS = {
    "__vectors_start": VECTORS,
    "__vectors_end": VECTORS + 0x20,
    "__vectors_bhb_loop8_start": LOOP8,
    "__vectors_bhb_loop8_end": LOOP8 + 0x20,
    "__vectors_bhb_bpiall_start": BPIALL,
    "__vectors_bhb_bpiall_end": BPIALL + 0x20,
    "__stubs_start": STUBS,
    "__stubs_end": STUBS + 0x350,
    "__kuser_helper_start": KUSER,
    "__kuser_helper_end": KUSER + KUSER_BYTES,
    "sigreturn_codes": SIGNAL,
    "syscall_restart_code": SIGNAL + 0x100,
}


def content(address: int, size: int) -> bytes:
    """Bytes that are different at each address."""
    return b"".join(
        struct.pack("<I", 0xE0000000 | (at * 2654435761 & 0xFFFFFFF)) for at in range(address, address + size, 4)
    )


def image() -> bytearray:
    data = bytearray(0x108000)
    for name, start in SYMBOLS.items():
        if name.endswith("_start") or not name.startswith("__"):
            data[start - TEXT : start - TEXT + 0x400] = content(start, 0x400)
    return data


def kernel(
    version: tuple[int, ...] = (6, 1), options: bytes = b"", drop: tuple[str, ...] = (), data: bytes | None = None
) -> KernelModel:
    parsed = fresh_kernel("deb-6.1")
    text = gzip.decompress((Path(DATA) / "kernels" / "deb-6.1" / "config.gz").read_bytes()) + options
    names = {name: parsed.symbols[name] for name in parsed.symbols} | SYMBOLS
    names |= {"__smpalt_begin": ALTERNATIVES, "__smpalt_end": ALTERNATIVES + 24}
    names |= {"__enable_mmu" + end: parsed.symbols["__turn_mmu_on" + end] for end in ("", "_end")}
    for name in drop:
        del names[name]
    symbols = Symbols(list(names), list(names.values()), ["T"] * len(names))
    file = KernelFile(kind="Image", path="Image", image=bytes(image() if data is None else data))
    return KernelModel(version, None, kconfig.parse(text), symbols, file=file)


def booted(kernel: KernelModel, cpu: str = "cortex-a7", cpus: int | None = None) -> Replay:
    core = cpu_by_name(cpu)
    assert core is not None
    return boot(kernel, Handover(TREE, 0x48000000, 0x40000000, core, cpus=cpus))


def pages(prediction: Replay) -> tuple[bytes, bytes]:
    at = prediction.state.vars.vectors
    return prediction.memory[at], prediction.memory[at + 0x1000]


def helpers() -> bytes:
    """The user helpers of a CPU with a register for the thread pointer: +0xfe8 is copied to +0xfe0."""
    plain = content(KUSER, KUSER_BYTES)
    return plain[:0x80] + plain[0x88:0x8C] + plain[0x84:]


POISON = bytes.fromhex("f1defde7")


def test_early_trap_init_fills_two_pages() -> None:
    first, second = pages(booted(kernel()))
    assert first == content(VECTORS, 0x20) + POISON * ((0xF60 - 0x20) // 4) + helpers()
    assert second == content(STUBS, 0x350) + bytes(0x1000 - 0x350)


def test_early_trap_init_at_its_moment() -> None:
    """The pages are there from devicemaps_init on, and where the tables map the vectors."""
    prediction = booted(kernel())
    before, after = prediction.stage("early_fixmap_shutdown"), prediction.stage("devicemaps_init")
    assert before is not None
    assert after is not None
    assert not before.memory
    assert dict(after.memory) == dict(prediction.memory)
    assert prediction.state.mapped(0xFFFF0000) in after.memory
    assert prediction.state.mapped(0xFFFF1000) in after.memory


@pytest.mark.parametrize(
    ("cpu", "source"),
    [
        ("cortex-a15", LOOP8),
        ("cortex-a72", LOOP8),
        ("cortex-a73", BPIALL),
        ("cortex-a7", VECTORS),
        ("cortex-a8", VECTORS),
    ],
)
def test_spectre_bhb_update_vectors_by_core(cpu: str, source: int) -> None:
    prediction = booted(kernel(), cpu)
    stage = prediction.stage("paging_init")
    assert stage is not None
    assert stage.memory[prediction.state.vars.vectors][:0x20] == content(VECTORS, 0x20)
    first, _ = pages(prediction)
    assert first[:0x20] == content(source, 0x20)
    assert first[0x20:] == stage.memory[prediction.state.vars.vectors][0x20:]


def test_spectre_bhb_update_vectors_not_configured() -> None:
    first, _ = pages(booted(kernel(options=b"# CONFIG_HARDEN_BRANCH_HISTORY is not set\n"), "cortex-a15"))
    assert first[:0x20] == content(VECTORS, 0x20)


def test_early_trap_init_without_user_helpers() -> None:
    first, _ = pages(booted(kernel(options=b"# CONFIG_KUSER_HELPERS is not set\n")))
    assert first == content(VECTORS, 0x20) + POISON * ((0x1000 - 0x20) // 4)


def test_early_trap_init_without_tls_register() -> None:
    """Before ARMv6K the helper reads the word at +0xff0, which every switch of threads writes."""
    options = b"# CONFIG_CPU_32v6K is not set\n# CONFIG_CPU_V6K is not set\n"
    first, _ = pages(booted(kernel(options=options)))
    assert first[0xF60:] == content(KUSER, KUSER_BYTES)


@pytest.mark.parametrize("relative", [False, True], ids=["up to 5.10", "since 5.11"])
def test_early_trap_init_alternatives_for_one_cpu(relative: bool) -> None:
    """A Cortex-A9 alone: what head.S replaced in the helpers and in the stubs is replaced in the pages."""
    data = image()
    places = (KUSER + 0x0C, STUBS + 0x10, KUSER + 0x1000)  # the last is not copied
    for index, place in enumerate(places):
        entry = ALTERNATIVES + 8 * index
        value = (place - entry) & 0xFFFFFFFF if relative else place
        struct.pack_into("<2I", data, entry - TEXT, value, 0xE320F000 + index)
    alone, many = (booted(kernel(data=bytes(data)), "cortex-a9", cpus) for cpus in (1, 4))
    assert (alone.state.smp, many.state.smp) == (False, True)
    first, second = pages(alone)
    patched = bytearray(helpers())
    struct.pack_into("<I", patched, 0x0C, 0xE320F000)
    assert first[0xF60:] == bytes(patched)
    assert second[0x10:0x14] == struct.pack("<I", 0xE320F001)
    assert second[:0x10] + second[0x14:] == pages(many)[1][:0x10] + pages(many)[1][0x14:]
    assert pages(many)[0][0xF60:] == helpers()


def test_early_trap_init_one_page_before_3_11() -> None:
    """Not poisoned; stubs at +0x200, the code that returns from signals at +0x500."""
    prediction = booted(kernel((3, 5)))
    at = prediction.state.vars.vectors
    page = prediction.memory[at]
    assert at + 0x1000 not in prediction.memory
    expected = bytearray(0x1000)
    expected[:0x20] = content(VECTORS, 0x20)
    expected[0x200:0x550] = content(STUBS, 0x350)
    expected[0x500:0x51C] = content(SIGNAL, 0x1C)  # copied last, over the end of stubs as large as these
    expected[0x51C:0x524] = content(SIGNAL + 0x100, 8)
    expected[0xF60:] = helpers()
    assert page == bytes(expected)


def test_early_trap_init_after_paging_init_before_3_4() -> None:
    prediction = booted(kernel((3, 3)))
    stage, later = prediction.stage("paging_init"), prediction.stage("early_trap_init")
    assert stage is not None
    assert later is not None
    assert not stage.memory
    assert set(later.memory) == {prediction.state.vars.vectors}
    assert booted(kernel((3, 4))).stage("early_trap_init") is None


@pytest.mark.parametrize("name", ["__vectors_end", "__stubs_start", "__kuser_helper_end"])
def test_early_trap_init_claims_nothing_without_symbols(name: str) -> None:
    assert not booted(kernel(drop=(name,))).memory


def test_early_trap_init_claims_nothing_without_an_image() -> None:
    assert not case("raspi2b-1g-6.1").prediction.memory
    assert not booted(kernel(data=bytes(0x1000))).memory


def test_predict_json_carries_the_pages(tmp_path: Path) -> None:
    """And whoever reads a prediction as memory finds them."""
    prediction = booted(kernel())
    file = tmp_path / "p.json"
    file.write_text(predict_json(prediction, ("paging_init",)))
    at = prediction.state.vars.vectors
    assert set(json.loads(file.read_text())["states"]["paging_init"]["memory"]) == {f"{at:#x}", f"{at + 0x1000:#x}"}
    with open_image(str(file)) as opened:
        assert opened.memory.read(at, 0x2000) == b"".join(pages(prediction))
