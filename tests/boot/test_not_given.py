"""What a boot was not given or cannot use: the prediction goes on without, and says so."""

from __future__ import annotations

import pytest
from support.machines import cpu, kernel
from support.recordings import fresh_kernel, loaded_kernel
from support.trees import Node, blob, board, cells, text

from bootmap.assemble.whatif import with_options
from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.setup.machine import scu_base
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_midr
from bootmap.inputs.board import parse_board
from bootmap.inputs.symbols import Symbols
from bootmap.units import GIB, MIB

START = 0x40000000


def booted(model: KernelModel, root: Node, core: str = "cortex-a15", cpus: int | None = None) -> Replay:
    return boot(model, Handover(parse_board(blob(root)), START + 0x4000000, START, cpu(core), cpus))


def assumed(prediction: Replay, words: str) -> bool:
    return any(words in str(each) for each in prediction.state.assumptions)


def test_kasan_without_the_symbols_of_its_shadow() -> None:
    found = fresh_kernel("v612-kasan")
    names = [name for name in found.symbols if not name.startswith("kasan_early_shadow")]
    kept = Symbols(names, [found.symbols[name] for name in names], ["T"] * len(names))
    prediction = booted(KernelModel(found.version, found.sublevel, found.config, kept), board([(START, GIB)]))
    assert assumed(prediction, "KASAN's early shadow is left out")
    assert not assumed(booted(found, board([(START, GIB)])), "KASAN's early shadow is left out")


def test_debug_uart_without_its_addresses() -> None:
    """CONFIG_DEBUG_LL without DEBUG_UART_PHYS and DEBUG_UART_VIRT, as with a platform's own addruart."""
    words = "early map of the debug UART is left out"
    assert assumed(booted(kernel("v7", (6, 1), "DEBUG_LL"), board([(START, GIB)])), words)
    assert not assumed(booted(fresh_kernel("v7-debugll"), board([(START, GIB)])), words)


@pytest.mark.parametrize(
    ("nodes", "base"),
    [
        ([Node("scu@1e000000", {"compatible": text("arm,cortex-a9-scu"), "reg": cells(0x1E000000, 0x58)})], 0x1E000000),
        (
            [Node("gic@1e001000", {"compatible": text("arm,cortex-a9-gic"), "reg": cells(0x1E001000, 0x1000)})],
            0x1E000000,
        ),
        ([Node("scu@1e000000", {"compatible": text("arm,cortex-a9-scu")})], 0),
        ([], 0),
    ],
)
def test_scu_base_by_the_tree(nodes: list[Node], base: int) -> None:
    """TRM DDI 0407, 1.5: the SCU begins the private registers, the GIC's distributor is 0x1000 into them."""
    root = board([(START, GIB)], cpu="arm,cortex-a9")
    root.children += nodes
    tree = parse_board(blob(root))
    assert scu_base(Handover(tree, START + 0x4000000, START, cpu("cortex-a9"), 4)) == base
    assert scu_base(Handover(tree, START + 0x4000000, START, cpu("cortex-a9"))) == 0
    assert scu_base(Handover(tree, START + 0x4000000, START, cpu("cortex-a15"), 4)) == 0


@pytest.mark.parametrize(
    ("midr", "name"),
    [(0x410FC073, "cortex-a7"), (0x412FC0F1, "cortex-a15"), (0x413FC090, "cortex-a9"), (0x410FB767, "arm1176")],
)
def test_cpu_by_midr(midr: int, name: str) -> None:
    """Main ID registers that boot logs of these CPUs print (``CPU: ARMv7 Processor [413fc090]``)."""
    found = cpu_by_midr(midr)
    assert found is not None
    assert found.name == name


def test_cpu_by_midr_of_no_arm() -> None:
    assert cpu_by_midr(0x51000000) is None


@pytest.mark.parametrize(("banks", "kept"), [(8, 8), (9, 8)])
def test_banks_beyond_the_array(banks: int, kept: int) -> None:
    """``arm_add_memory`` of 3.10: NR_BANKS is 8 where CONFIG_ARM_NR_BANKS says nothing (asm/setup.h)."""
    root = board([(START + n * 64 * MIB, 32 * MIB) for n in range(banks)])
    prediction = booted(fresh_kernel("v310"), root)
    line = f"NR_BANKS too low, ignoring memory at 0x{START + 8 * 64 * MIB:08x}"
    assert (line in prediction.state.dmesg) is (banks > kept)
    assert len(prediction.state.memblock.memory.regions) == kept


def test_no_memory_at_all() -> None:
    """A tree without memory nodes: memblock is empty, and setup_arch dies of it."""
    prediction = booted(fresh_kernel("deb-6.1"), board([]))
    assert prediction.outcome.verdict is Verdict.DIES


def without_highmem(key: str) -> KernelModel:
    found = with_options(loaded_kernel(key), {"HIGHMEM": None})
    return KernelModel(found.version, found.sublevel, found.config, found.symbols)


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        # 3.10: arch/arm/mm/mmu.c sanity_check_meminfo, VMALLOC_END 0xff000000, last bytes
        (
            "v310",
            "Truncating RAM at 40000000-7fffffff to -6f7fffff (vmalloc region overlap).",
            "Ignoring RAM at 80000000-9fffffff (vmalloc region overlap).",  # !CONFIG_HIGHMEM is for what is above 4 GiB
        ),
        # 4.4: VMALLOC_END 0xff800000, the bytes behind
        (
            "v44",
            "Truncating RAM at 0x40000000-0x80000000 to -0x70000000",
            "Ignoring RAM at 0x80000000-0xa0000000 (!CONFIG_HIGHMEM)",
        ),
    ],
)
def test_sanity_check_meminfo_without_highmem(key: str, first: str, second: str) -> None:
    """The last of lowmem is VMALLOC_END less 240 MiB and VMALLOC_OFFSET (8 MiB), as a physical address."""
    prediction = booted(without_highmem(key), board([(START, 992 * MIB), (START + GIB, 512 * MIB)]))
    said = [line for line in prediction.state.dmesg if "RAM" in line or "HIGHMEM" in line]
    assert said[0] == first.replace("7fffffff", "7dffffff").replace("0x80000000 to", "0x7e000000 to")
    assert said[1] == second
    assert ("Consider using a HIGHMEM enabled kernel." in said) is (key == "v44")
    regions = prediction.state.memblock.memory.regions
    assert max(base + size for base, size, _ in regions) == (0x6F800000 if key == "v310" else 0x70000000)
