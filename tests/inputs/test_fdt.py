from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.make_inputs import DTB, END, END_NODE, NOP, STRUCTURE_AT, begin, blob, prop, words

from bootmap.errors import FdtError
from bootmap.inputs import fdt

if TYPE_CHECKING:
    import random
    from pathlib import Path

libfdt = pytest.importorskip("libfdt", reason="pylibfdt is the oracle of these tests")
pytestmark = pytest.mark.oracle

BLOBS = sorted(DTB.glob("*.dtb"))
MUTATIONS = 5000

# What bootmap refuses and libfdt does not, each with its reason in the module's docstring.
STRICTER = re.compile(
    "no root node|begins with a NOP|property after a child|property outside|printable ASCII|is named"
    "|not aligned|nested deeper|the limit is|inside the strings block"
)


def flat(node: fdt.Node) -> list[tuple[str, int, int, list[tuple[str, bytes, int]]]]:
    return [
        (n.name, n.depth, n.offset, [(p.name, p.value, p.offset) for p in n.properties.values()]) for n in node.walk()
    ]


def libfdt_flat(data: bytes) -> list[tuple[str, int, int, list[tuple[str, bytes, int]]]]:
    """The same list from libfdt's own iterators; of properties with one name the first."""
    tree = libfdt.FdtRo(data)
    base = tree.off_dt_struct()
    found = []
    node, depth = 0, 0
    while depth >= 0:
        properties: dict[str, tuple[str, bytes, int]] = {}
        at = tree.first_property_offset(node, libfdt.QUIET_NOTFOUND)
        while at >= 0:
            item = tree.get_property_by_offset(at)
            properties.setdefault(item.name, (item.name, bytes(item), base + at + 12))
            at = tree.next_property_offset(at, libfdt.QUIET_NOTFOUND)
        found.append((tree.get_name(node), depth, base + node, list(properties.values())))
        node, depth = tree.next_node(node, depth, (libfdt.BADOFFSET, libfdt.NOTFOUND))
        if node < 0:
            break
    return found


def by_name(tree: fdt.Fdt, name: str) -> tuple[dict[int, bytes | None], dict[int, bytes]]:
    """By its offset, each node's property of that name: asked of the node, and of all nodes at once."""
    single = {node.offset: node.value(name) for node in tree.walk()}
    at_once = {tree.numbered(number).offset: value for number, _, value in tree.values(name)}
    assert [node.offset for node in tree.walk(name)] == list(at_once)
    for node in tree.walk():  # now that all nodes were asked
        assert node.value(name) == single[node.offset]
    return single, at_once


def libfdt_by_name(data: bytes, tree: fdt.Fdt, name: str) -> dict[int, bytes]:
    oracle = libfdt.FdtRo(data)
    base = oracle.off_dt_struct()
    found = {node.offset: oracle.getprop(node.offset - base, name, libfdt.QUIET_NOTFOUND) for node in tree.walk()}
    return {at: bytes(value) for at, value in found.items() if not isinstance(value, int)}


def libfdt_accepts(data: bytes) -> bool:
    return libfdt.fdt_check_full(bytearray(data), len(data)) == 0


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: path.stem)
def test_parse_real_boards(path: Path) -> None:
    data = path.read_bytes()
    tree = fdt.parse(data)
    oracle = libfdt.FdtRo(data)
    assert flat(tree.root) == libfdt_flat(data)
    assert (tree.version, tree.last_comp_version, tree.totalsize, tree.boot_cpuid_phys) == (
        oracle.version(),
        oracle.last_comp_version(),
        oracle.totalsize(),
        oracle.boot_cpuid_phys(),
    )
    expected = [tuple(oracle.get_mem_rsv(n))[-2:] for n in range(oracle.num_mem_rsv())]
    assert [entry[:2] for entry in tree.reservations] == expected
    for entry in tree.reservations:
        assert data[entry.offset : entry.offset + 16] == words(
            entry.address >> 32, entry.address & 0xFFFFFFFF, entry.size >> 32, entry.size & 0xFFFFFFFF
        )


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: path.stem)
def test_properties_by_name_real_boards(path: Path) -> None:
    data = path.read_bytes()
    tree = fdt.parse(data)
    names = {prop for node in tree.walk() for prop in node.properties}
    assert "compatible" in names
    for name in (*sorted(names)[::3], "no-such-name"):
        single, at_once = by_name(tree, name)
        assert at_once == {at: value for at, value in single.items() if value is not None}
        assert at_once == libfdt_by_name(data, tree, name)


def test_properties_by_name_share_the_ends_of_names() -> None:
    """Names that are the ends of others, stand in the strings block twice, ten times; a node of many properties."""
    strings = b"big-reg\0reg\0?\0" + b"x\0" * 10
    many = b"".join(prop(4 if i == 7 else 14 + 2 * (i % 10), b"%d" % i) for i in range(20))
    inner = (
        begin("a")
        + prop(4, b"end")
        + prop(8, b"own")
        + words(2)
        + begin("b")
        + prop(8, b"2")
        + prop(0, b"3")
        + words(2)
    )
    data = blob(begin() + many + inner + words(2, 9), strings=strings)
    tree = fdt.parse(data)
    for name, values in (("reg", [b"7", b"end", b"2"]), ("big-reg", [b"3"]), ("x", [b"0"]), ("?", [])):
        _, at_once = by_name(tree, name)
        assert list(at_once.values()) == values
        assert at_once == libfdt_by_name(data, tree, name)
    for name in ("\u20ac", "\udc80", "reg\0x", "\xff"):  # a name of ASCII has no other spelling
        assert by_name(tree, name) == (dict.fromkeys(node.offset for node in tree.walk()), {})
    assert list(tree.root.properties) == ["x", "reg"]


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: path.stem)
def test_lookups_real_boards(path: Path) -> None:
    """Every path, with and without unit addresses, and every phandle leads where libfdt says."""
    data = path.read_bytes()
    tree = fdt.parse(data)
    oracle = libfdt.FdtRo(data)
    base = oracle.off_dt_struct()
    phandles = 0
    for node in tree.walk():
        for name in (node.path, re.sub("@[^/]*", "", node.path)):
            found = tree.node(name)
            at = oracle.path_offset(name, (libfdt.NOTFOUND,))
            assert (found.offset - base if found else -libfdt.NOTFOUND) == at
        phandle = oracle.get_phandle(node.offset - base)
        if phandle:
            phandles += 1
            found = tree.by_phandle(phandle)
            assert found is not None
            assert found.offset - base == oracle.node_offset_by_phandle(phandle)
    assert phandles
    aliases = tree.node("/aliases")
    for name in aliases.properties if aliases else ():
        found = tree.node(name)
        at = oracle.path_offset(name, (libfdt.NOTFOUND, libfdt.BADPATH))
        assert (found.offset - base if found else None) == (at if at >= 0 else None)
    assert tree.node("/no/such/node") is None
    assert tree.node("no-such-alias") is None
    assert tree.by_phandle(0) is None
    assert tree.by_phandle(0xFFFFFFFF) is None


SEEDS = [(DTB / name).read_bytes() for name in ("small.dtb", "small-v16.dtb", "virt.dtb")]
INTERESTING = [0, 1, 2, 3, 4, 5, 9, 16, 17, 0x28, 0x38, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF]


def mutate(seed: bytes, rng: random.Random) -> bytes:
    """Damage a blob as files get damaged, with a liking for the header, tokens and lengths."""
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        kind = rng.randrange(8)
        at = rng.randrange(0, len(data) // 4) * 4 if rng.random() < 0.7 else rng.randrange(0, 10) * 4
        if kind == 0:
            data[rng.randrange(len(data))] = rng.randrange(256)
        elif kind == 1:
            data[at : at + 4] = words(rng.choice(INTERESTING))
        elif kind == 2:
            value = int.from_bytes(data[at : at + 4], "big")
            data[at : at + 4] = words((value + rng.choice((-8, -4, -1, 1, 4, 8))) & 0xFFFFFFFF)
        elif kind == 3:
            del data[rng.randrange(len(data)) :]
        elif kind == 4:  # overwrite a token with NOPs: legal, and common in edited trees
            data[at : at + 12] = words(NOP, NOP, NOP)
        elif kind == 5:
            source = rng.randrange(0, len(data) // 4) * 4
            size = rng.randrange(1, 16) * 4
            data[at : at + size] = data[source : source + size]
        elif kind == 6:
            data[at : at + 4] = words(rng.choice((1, 2, 3, 4, 9)))
        else:
            data += bytes(rng.randrange(64))
        if len(data) < 4:
            break
    return bytes(data)


def test_parse_mutated_blobs_as_libfdt() -> None:
    """Of 5,000 damaged blobs each gives an FdtError, or libfdt's tree; nothing that libfdt refuses passes."""
    seen: Counter[str] = Counter()
    stricter: list[str] = []

    @settings(max_examples=MUTATIONS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=True))
    def check(rng: random.Random) -> None:
        data = mutate(rng.choice(SEEDS), rng)
        accepted = libfdt_accepts(data)
        try:
            tree = fdt.parse(data)
        except FdtError as error:
            seen["refused by both" if not accepted else "refused by bootmap"] += 1
            if accepted:
                stricter.append(str(error))
            return
        seen["accepted"] += 1
        assert accepted
        assert flat(tree.root) == libfdt_flat(data[: tree.totalsize])
        assert by_name(tree, "reg")[1] == libfdt_by_name(data[: tree.totalsize], tree, "reg")

    check()
    assert sum(seen.values()) >= MUTATIONS
    assert seen["accepted"] > MUTATIONS // 10
    assert seen["refused by both"] > MUTATIONS // 10
    assert not [message for message in stricter if not STRICTER.search(message)]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_parse_random_structure(noise: bytes) -> None:
    data = blob(begin() + noise)
    try:
        tree = fdt.parse(data)
    except FdtError:
        return
    assert libfdt_accepts(data)
    assert flat(tree.root) == libfdt_flat(data)


ROOT = begin() + words(END_NODE, END)


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"", 0, "header has 36 bytes, found 0"),
        (b"\xd0\x0d\xfe\xed", 0, "found 4"),
        (blob(ROOT, magic=0xD00DFEEE), 0, "magic is 0xd00dfeee, expected 0xd00dfeed"),
        (blob(ROOT, version=15, last_comp=15), 20, "version is 15"),
        (blob(ROOT, version=18, last_comp=18), 20, "compatible back to 18"),
        (blob(ROOT, version=16, last_comp=17), 20, "compatible back to 17"),
        (blob(ROOT, totalsize=39), 4, "less than the header's 40 bytes"),
        (blob(ROOT, totalsize=0x1000), 4, "the file has only"),
        (blob(ROOT, totalsize=0x200001), 4, "the limit is 2 MiB"),
        (blob(ROOT, off_dt_struct=0x1000), 8, "structure block is [0x1000"),
        (blob(ROOT, size_dt_struct=0xFFFFFFF0), 8, "structure block is [0x38, 0x100000028)"),
        (blob(ROOT, off_dt_struct=20), 8, "structure block is [0x14"),
        (blob(ROOT, size_dt_strings=0x1000), 12, "strings block is"),
        (blob(ROOT, off_mem_rsvmap=8), 16, "memory reservation block is"),
        (blob(ROOT, off_mem_rsvmap=44), 16, "not aligned to 8"),
        (blob(b"\0\0" + ROOT, off_dt_struct=58), 8, "not aligned to 4"),
        (blob(ROOT, b"", reservations=words(0, 1, 0, 1), totalsize=72), 40, "no terminating entry"),
        (blob(words(END)), STRUCTURE_AT, "no root node"),
        (blob(words(NOP) + ROOT), STRUCTURE_AT, "begins with a NOP"),
        (blob(words(END_NODE, END)), STRUCTURE_AT, "ends where none is open"),
        (blob(prop(0) + ROOT), STRUCTURE_AT, "outside of any node"),
        (blob(begin("soc") + words(END_NODE, END)), STRUCTURE_AT + 4, "expected an empty name"),
        (blob(begin() + words(END_NODE) + ROOT), STRUCTURE_AT + 12, "second root node"),
        (blob(begin() + words(END_NODE, NOP, END)), STRUCTURE_AT + 12, "token after the root node"),
        (blob(begin() + words(END_NODE)), STRUCTURE_AT + 12, "no end token"),
        (blob(begin() + words(END)), STRUCTURE_AT + 8, "ends inside /"),
        (blob(begin() + words(5)), STRUCTURE_AT + 8, "unknown token 0x5"),
        (blob(begin() + words(1) + b"abcd"), STRUCTURE_AT + 12, "no terminating NUL"),
        (blob(begin() + begin("a\x1bb") + words(2, 2, 9)), STRUCTURE_AT + 12, "not printable ASCII"),
        (blob(begin() + begin("a/b") + words(2, 2, 9)), STRUCTURE_AT + 12, "is named 'a/b'"),
        (blob(begin() + begin("") + words(2, 2, 9)), STRUCTURE_AT + 12, "is named ''"),
        (blob(begin() + words(3, 4)), STRUCTURE_AT + 8, "ends inside a property of /"),
        (blob(begin() + words(3, 1, 0)), STRUCTURE_AT + 12, "has 0x1 bytes, the structure block ends after 0x0"),
        (blob(begin() + words(3, 0xFFFFFFFF, 0, 0)), STRUCTURE_AT + 12, "has 0xffffffff bytes"),
        (blob(begin() + prop(4) + words(2, 9), b"reg\0mo"), STRUCTURE_AT + 16, "inside the strings block of 0x6"),
        (blob(begin() + prop(0x7FFFFFFF) + words(2, 9)), STRUCTURE_AT + 16, "inside the strings block"),
        (blob(begin() + prop(0) + words(2, 9), b"r\xe4g\0"), STRUCTURE_AT + 28, "not printable ASCII"),
        (blob(begin() + begin("a") + words(2) + prop(0) + words(2, 9)), STRUCTURE_AT + 20, "after a child node in /"),
    ],
)
def test_parse_faults_name_their_place(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(FdtError) as error:
        fdt.parse(data)
    assert error.value.offset == offset
    assert message in error.value.message
    assert "\n" not in str(error.value)
    if libfdt_accepts(data):
        assert STRICTER.search(error.value.message)


def nested(depth: int) -> bytes:
    return blob(begin() + begin("n") * (depth - 1) + words(END_NODE) * depth + words(END))


def test_parse_depth_at_and_over_the_bound() -> None:
    assert max(node.depth for node in fdt.parse(nested(64)).walk()) == 63
    with pytest.raises(FdtError, match="nested deeper than 64"):
        fdt.parse(nested(65))


def test_parse_duplicate_property_keeps_the_first() -> None:
    data = blob(begin() + prop(0, b"one\0") + prop(4, b"m\0") + prop(0, b"two\0") + words(2, 9))
    root = fdt.parse(data).root
    assert list(root.properties) == ["reg", "model"]
    found = root.get("reg")
    assert found is not None
    assert found.value == libfdt.FdtRo(data).getprop(0, "reg") == b"one\0"
    assert found.offset == data.index(b"one\0")


def test_parse_nops_and_trailing_bytes_are_passed_over() -> None:
    nop = words(NOP)
    data = blob(begin() + nop + prop(0, b"abc") + nop + begin("a") + words(NOP, 2, NOP, 2, 9)) + b"tail"
    assert flat(fdt.parse(data).root) == libfdt_flat(data)
    assert fdt.parse(data).data == data[:-4]


def test_reservations_end_at_the_first_size_of_zero() -> None:
    entries = words(0, 0x1000, 0, 0x2000) + words(1, 0, 0, 1) + words(0, 5, 0, 0) + words(0, 6, 0, 6)
    tree = fdt.parse(blob(ROOT, reservations=entries))
    assert tree.reservations == (
        fdt.Reservation(0x1000, 0x2000, 40),
        fdt.Reservation(0x100000000, 1, 56),
    )


def test_property_readings() -> None:
    tree = fdt.parse((DTB / "small.dtb").read_bytes())
    memory = tree.node("/memory")
    assert memory is not None
    reg = memory.properties["reg"]
    assert reg.cells() == (0, 0x40000000, 0x04000000, 1, 0, 0x02000000)
    assert tree.data[reg.offset + 4 : reg.offset + 8] == b"\x40\0\0\0"
    assert tree.root.properties["compatible"].strings() == ("bootmap,small", "bootmap,any")
    assert tree.root.properties["compatible"].string() == "bootmap,small"
    assert (memory.unit_name, memory.unit_address, memory.parent) == ("memory", "40000000", tree.root)
    assert tree.root.unit_address is None
    bus = tree.node("/bus")
    assert bus is not None
    assert bus.properties["empty"].cells() == ()
    assert bus.properties["empty"].strings() == ()
    leaf = tree.root.children[3].children[0].children[0].children[0].children[0].properties["leaf"]
    assert leaf.node == "/bus/a@1/deep/deeper/deepest"
    for reading in (leaf.cells, leaf.string, leaf.strings):
        with pytest.raises(FdtError, match="'leaf' of /bus/a@1/deep/deeper/deepest") as error:
            reading()
        assert error.value.offset == leaf.offset


def test_node_finds_the_first_of_several_units() -> None:
    tree = fdt.parse((DTB / "small.dtb").read_bytes())
    for path, expected in (("/bus/a", "/bus/a@1"), ("/bus/a@2", "/bus/a@2"), ("ram", "/memory@40000000"), ("/", "/")):
        node = tree.node(path)
        assert node is not None
        assert node.path == expected
    by_phandle = tree.by_phandle(0x17)
    assert by_phandle is not None
    assert by_phandle.path == "/bus/a@2"


def test_path_of_a_name_far_too_long_shows_both_ends() -> None:
    """Made when asked for: a name of a megabyte on thousands of paths costs nothing."""
    long = b"a" * 1000 + b"z"
    name = words(1) + (long + b"\0").ljust(len(long) // 4 * 4 + 4, b"\0")
    tree = fdt.parse(blob(begin() + name + begin("child") + words(2, 2, 2, 9), b""))
    child = tree.root.children[0].children[0]
    assert child.path == f"/{'a' * 32}...{'a' * 31}z/child"
