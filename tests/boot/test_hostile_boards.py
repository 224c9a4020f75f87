"""Device trees that nobody meant: an error that names the place, or a prediction; nothing else, and soon.

Real trees are damaged in two ways: any byte, which mostly makes a malformed blob, and the value of a property in its
place, which keeps the blob well-formed and the numbers wild.
"""

from __future__ import annotations

import random
import time
from functools import cache

import pytest
from support.machines import KERNELS, Setup, cpu
from support.recordings import DATA, case, fresh_kernel
from support.trees import Node, board, cells, reserved_memory, text

from bootmap.analysis.overview import Overview
from bootmap.boot.handover import Handover
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.errors import InputError
from bootmap.inputs.board import parse_board
from bootmap.inputs.fdt import Fdt, Property
from bootmap.report.dmesg import dmesg_text
from bootmap.report.predict_json import predict_json
from bootmap.report.predict_text import predict_text

INPUTS = 5000
BATCHES = 10
SECONDS = 1.0  # of the processor, for one input
BOARDS = ("virt-1g-resv-6.1", "virt-1g-2banks-6.1", "virt-512m-lpae-6.1", "fuzz-1-023-deb-5.10", "own-spitz")
EXTREMES = (0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFF000, 0x40000000, 0x3FFFFFFF, 0x1000, 0xFFF)
WORTH = ("reg", "size", "alignment", "alloc-ranges", "#address-cells", "#size-cells", "linux,initrd-start")
WORTH += ("linux,initrd-end", "linux,usable-memory", "device_type", "bootargs", "compatible", "ranges", "status")
ARGUMENTS = (
    b"mem=",
    b"vmalloc=",
    b"cma=",
    b"@",
    b"-",
    b"0x",
    b"G",
    b"earlycon",
    b"memblock=debug",
    b"9" * 30,
    b"\xff",
    b" ",
)


@cache
def real_board(index: int) -> tuple[bytes, tuple[Property, ...]]:
    """A real board, and those of its properties that the kernel looks at before paging_init."""
    name = BOARDS[index]
    raw = case(name).board
    tree = parse_board(raw)
    if not isinstance(tree, Fdt):
        return raw, ()
    found = [prop for node in tree.root.walk() for prop in node.properties.values()]
    near = [prop for prop in found if prop.name in WORTH and prop.node.count("/") < 3 and prop.value]
    return raw, tuple(near)


def damaged(rng: random.Random, raw: bytes, properties: tuple[Property, ...]) -> bytes:
    data = bytearray(raw)
    if properties and rng.random() < 0.7:
        for prop in rng.choices(properties, k=rng.randint(1, 4)):
            _damage_value(rng, data, prop)
    else:
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 0xFF, rng.randrange(256)))
        if rng.random() < 0.1:
            del data[rng.randrange(len(data)) :]
    if properties and rng.random() < 0.3:  # the memory reservation block of version 17 begins at 0x28 or a little later
        at = int.from_bytes(raw[16:20], "big")
        data[at : at + 16] = rng.choice(EXTREMES).to_bytes(8, "big") + rng.choice(EXTREMES).to_bytes(8, "big")
    return bytes(data)


def _damage_value(rng: random.Random, data: bytearray, prop: Property) -> None:
    size = len(prop.value)
    if prop.name == "bootargs":
        text = b" ".join(rng.choices(ARGUMENTS, k=8)) if rng.random() < 0.5 else b"".join(rng.choices(ARGUMENTS, k=8))
        data[prop.offset : prop.offset + size] = text[: size - 1].ljust(size, b"\0")
        return
    at = prop.offset + 4 * rng.randrange(max(size // 4, 1))
    word = rng.choice((rng.choice(EXTREMES), rng.getrandbits(32), rng.getrandbits(12) << 20))
    room = min(4, prop.offset + size - at)
    data[at : at + room] = word.to_bytes(4, "big")[:room]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_boot_of_damaged_boards(batch: int) -> None:
    rng = random.Random(batch)
    keys = sorted(KERNELS)
    answers = {True: 0, False: 0, None: 0, "error": 0}
    for number in range(INPUTS // BATCHES):
        raw, properties = real_board(rng.randrange(len(BOARDS)))
        data = damaged(rng, raw, properties)
        key = rng.choice(keys)
        started = time.process_time()
        answer = answer_to(key, data)
        if isinstance(answer, Replay):
            answers[answer.outcome.verdict.boots] += 1
            if number % 10 == 0:
                check_reports(answer)
        else:
            answers["error"] += 1
            assert answer
            assert "\n" not in answer
        took = time.process_time() - started
        assert took < SECONDS, f"input {number} of batch {batch} took {took:.1f} s"
    assert all(answers.values()), answers


def answer_to(key: str, data: bytes) -> Replay | str:
    """The prediction, or what is wrong with the input."""
    try:
        board = parse_board(data)
        handover = Handover(board, 0x48000000, 0x40000000, cpu(KERNELS[key][0]), machine_id=0x2E6)
        return boot(fresh_kernel(key), handover)
    except InputError as error:
        return str(error)


def check_reports(prediction: Replay) -> None:
    """What was predicted of such a board can be told, in every form."""
    assert predict_json(prediction, ["adjust_lowmem_bounds", "paging_init"])
    seen = Overview(prediction)
    text = predict_text(prediction, seen)
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) <= {"\n"}
    assert dmesg_text(prediction, seen.layout)


MANY = {"banks": 4095, "areas": 512, "dynamic areas": 10_000, "memreserve": 4096}
"""The most of each that is read (one bank is there already, an area counts as a node too)."""


def crowded(kind: str, more: int = 0) -> tuple[Node, list[tuple[int, int]]]:
    """A board with as many of one thing as are read, and ``more``."""
    places = [(0x50000000 + index * 0x4000, 0x1000) for index in range(MANY[kind] + more)]
    root, memreserve = board([(0x40000000, 0x20000000)]), []
    areas = reserved_memory(root)
    if kind == "banks":
        root.add("memory@50000000", device_type=text("memory"), reg=b"".join(cells(*place) for place in places))
        root.children[2].properties["reg"] = cells(0x40000000, 0x8000000)
    elif kind == "areas":
        for index, place in enumerate(places):
            areas.add(f"area@{index}", reg=cells(*place), no_map=b"")
    elif kind == "dynamic areas":
        for index in range(len(places)):
            areas.add(f"area{index}", size=cells(0x1000), alignment=cells(0x2000))
    else:
        memreserve = places
    return root, memreserve


@pytest.mark.parametrize("kind", ["banks", "areas", "dynamic areas", "memreserve"])
@pytest.mark.parametrize("key", ["old49", "deb-6.1", "deb-7.2"])
def test_boot_of_crowded_boards(key: str, kind: str) -> None:
    """memblock holds 128 regions until it may grow: what is beyond is lost in silence, since 6.7 the kernel panics."""
    setup = Setup(key, *crowded(kind))
    started = time.process_time()
    prediction = setup.boot()
    assert time.process_time() - started < 4 * SECONDS
    regions = prediction.stages[-1].memblock.memory.regions
    assert len(regions) <= 128 or prediction.stages[-1].memblock.memory.array  # the array that it grew into
    if key == "deb-7.2":
        assert prediction.outcome.verdict is Verdict.DIES
        assert "cannot resize" in str(prediction.outcome.reason)
    elif kind == "banks":
        full = [lost for lost in prediction.state.lost if "full" in lost.reason]
        assert sum(lost.end - lost.start for lost in full) == (MANY[kind] + 1 - len(regions)) * 0x1000
    elif kind == "areas":
        taken = [lost for lost in prediction.state.lost if lost.reason == "no-map"]
        assert len(taken) < 128
    assert predict_json(prediction, ["setup_machine_fdt"])


@pytest.mark.parametrize("kind", ["banks", "areas", "memreserve"])
def test_boot_of_boards_that_are_too_crowded(kind: str) -> None:
    """One line, before anything is done with them."""
    with pytest.raises(InputError, match=r"bootmap reads|more than"):
        Setup("deb-6.1", *crowded(kind, 1)).boot()


def test_real_trees_boot_on_any_kernel_or_say_why() -> None:
    """The blobs of tests/data/dtb, undamaged, on a kernel that may know nothing of them."""
    for path in sorted((DATA / "dtb").glob("*.dtb")):
        for key in ("deb-6.1", "deb-7.2", "old49", "v7-lpae"):
            tree = parse_board(path.read_bytes())
            prediction = boot(fresh_kernel(key), Handover(tree, 0x48000000, 0x40000000, cpu("cortex-a15")))
            assert prediction.outcome.verdict is Verdict.BOOTS or prediction.outcome.reason
