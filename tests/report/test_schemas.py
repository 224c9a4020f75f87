"""The JSON Schemas: closed, complete, and what every command prints is as they say.

Beside what is run here, every document that any other test prints is held against its schema (conftest.py).
"""

from __future__ import annotations

import copy
import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from support import booting
from support.schemas import hold, hold_text, validator
from support.uboot import document as uboot_document

from bootmap.report.schemas.table import SCHEMAS, SCHEMAS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
SOURCE = ROOT / "src" / "bootmap"
SABRELITE = ("boards/imx6q-sabrelite.dtb", "--phys-offset", "0x10000000")
KERNEL = ("--config", "boards/linux-6.1-armmp/config.gz", "--system-map", "boards/linux-6.1-armmp/System.map")
# Not printed, but inside a page; its reader is the page's own program.
INSIDE = {"explore"}

COMMANDS = [
    ("predict", ("predict", *SABRELITE, *KERNEL, "--json")),
    ("predict", ("predict", "boards/findings/ram-14m.dtb", *KERNEL, "--json", "--stage", "arm_memblock_init")),
    ("predict", ("predict", "boards/findings/first-bank-off-2m.dtb", *KERNEL, "--json", "--stage", "mark_rodata_ro")),
    ("check", ("check", *SABRELITE, *KERNEL, "--format", "json")),
    ("check", ("check", "boards/findings/ram-14m.dtb", "boards/findings/pool-refused.dtb", "--format", "json")),
    ("layout", ("layout", *SABRELITE, *KERNEL, "--json")),
    (
        "layout",
        (
            "layout",
            "--image-size",
            "0x1000000",
            "--zimage",
            "0x500000",
            "--load-addr",
            "0x8000",
            "--initrd",
            "0x800000,0x100000",
            "--json",
        ),
    ),
    ("mem-types", ("mem-types", *SABRELITE, *KERNEL, "--json")),
    ("features", ("features", "--kernel-version", "6.1", "--kernel-version", "3.10", "--json")),
    ("walk", ("walk", *SABRELITE, *KERNEL, "0xffff0000", "0xc0008000", "0x10", "--json")),
    ("walk", ("walk", "tests/data/cases/fuzz-1-048-deb-6.1-lpae.json.gz", "0xffff0000", "0xc0300000", "--json")),
    ("tables", ("tables", *SABRELITE, *KERNEL, "--format", "json")),
    ("tables", ("tables", "tests/data/cases/fuzz-1-048-deb-6.1-lpae.json.gz", "--format", "json")),
    (
        "diff",
        ("diff", *SABRELITE[:1], "boards/imx6q-sabrelite-moved.dtb", "--phys-offset", "0x10000000", *KERNEL, "--json"),
    ),
    ("audit", ("audit", *SABRELITE, *KERNEL, "--format", "json")),
    ("oops", ("oops", "tests/data/oops/public.txt", "--json")),
    ("diagnose", ("diagnose", "tests/data/captures/wdmc-ex2-5.10-initrd.txt", "--json")),
    ("diagnose", ("diagnose", "tests/data/captures/beaglebone-3.8-old-uboot.txt", "--json")),
    ("verify-log", ("verify", "--log", "tests/data/logs/am335x-5.15-rc1.log", "--json")),
]


def parts_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key == "properties":
                for inner in value.values():
                    yield from parts_of(inner)
            elif isinstance(value, dict | list) and key not in ("enum", "required"):
                yield from parts_of(value)
    elif isinstance(schema, list):
        for inner in schema:
            yield from parts_of(inner)


@pytest.mark.parametrize("name", SCHEMAS_BY_NAME)
def test_schema_is_closed_and_says_what_everything_is(name: str) -> None:
    row = SCHEMAS_BY_NAME[name]
    schema = row.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == row.document == schema["properties"]["schema"]["const"]
    assert "$ref" not in json.dumps(schema)
    for part in parts_of(schema):
        if part.get("type") == "object" or "object" in part.get("type", ()):
            assert "additionalProperties" in part, part
        if "properties" in part:
            assert part["additionalProperties"] is False
            assert set(part.get("required", ())) <= part["properties"].keys()
            assert all(inner["description"] for inner in part["properties"].values()), part["properties"]


def test_schema_of_every_document_that_the_sources_name() -> None:
    named = set()
    for path in SOURCE.rglob("*.py"):
        named |= set(re.findall(r"bootmap\.([a-z-]+)/1", path.read_text()))
    assert named == SCHEMAS_BY_NAME.keys() | INSIDE


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_output_is_what_its_schema_says(
    name: str, words: tuple[str, ...], command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    _, out, err = command_line(*words)
    found = json.loads(out)
    assert found["schema"] == SCHEMAS_BY_NAME[name].document, err
    hold(found)
    assert refused_everywhere(found)


def refused_everywhere(found: Any) -> bool:
    """Whether a key too many, or one too few, is seen wherever the document has an object of known keys."""
    check = validator(found["schema"].removeprefix("bootmap.").partition("/")[0])
    places = [place for place in paths_of(found) if len(json.dumps(inner(found, place))) < 20_000][:60]
    for place in places:
        broken = copy.deepcopy(found)
        inner(broken, place)["new key"] = 1
        if check.is_valid(broken) and not named_freely(check.schema, place):
            return False
    del (less := copy.deepcopy(found))[next(key for key in found if key != "schema")]
    return not check.is_valid(less)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every object of a document."""
    if isinstance(value, dict):
        yield path
    for key, one in value.items() if isinstance(value, dict) else enumerate(value[:2]):
        if isinstance(one, dict | list):
            yield from paths_of(one, (*path, key))


def inner(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def named_freely(schema: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """Whether the object at ``path`` may have any names as keys."""
    for key in path:
        schema = next(
            (
                one
                for one in [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
                if "items" in one or "properties" in one or "additionalProperties" in one
            ),
            schema,
        )
        schema = (
            schema["items"]
            if isinstance(key, int)
            else schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        )
    return isinstance(schema.get("additionalProperties"), dict)


def test_schema_of_plan_and_proposal(command_line: CommandLine, tmp_path: Path) -> None:
    doc = uboot_document("uboot-2026.10-a")
    (tmp_path / "printenv").write_text(doc["printenv"])
    (tmp_path / "bdinfo").write_text(f"{doc['uboot']}\n{doc['bdinfo']['1024']}")
    kernel = DATA / "kernels" / "deb-6.1"
    words = (
        "plan",
        DATA / "dtb" / "virt.dtb",
        "--printenv",
        tmp_path / "printenv",
        "--bdinfo",
        tmp_path / "bdinfo",
        "--config",
        kernel / "config.gz",
        "--system-map",
        kernel / "System.map",
        "--zimage",
        "0x532200",
        "--json",
    )
    for more in ((), ("--ramdisk", "20M"), ("--boot", "bootz 40400000 - 41700000"), ("--propose",)):
        _, out, _ = command_line(*words, *more)
        found = json.loads(out)
        assert found["schema"] == ("bootmap.proposal/1" if more == ("--propose",) else "bootmap.plan/1")
        hold(found)


@pytest.mark.parametrize("count", [3, 129])
def test_schema_of_memblock(count: int, command_line: CommandLine, tmp_path: Path) -> None:
    """The kernel dies of a hundred and twenty-nine reservations."""
    calls = [f"reserve {0x40000000 + number * 0x2000:x} 1000" for number in range(count)]
    (tmp_path / "script").write_text("\n".join(["add 40000000 10000000", "nomap 4f000000 100000", *calls]))
    code, out, _ = command_line("memblock", tmp_path / "script", "--json")
    hold(found := json.loads(out))
    assert (code, bool(found["death"])) == ((1, True) if count > 128 else (0, False))


def test_schema_of_locate(command_line: CommandLine, tmp_path: Path) -> None:
    tables = json.loads(gzip.decompress((DATA / "cases/virt-1g-init-6.1.json.gz").read_bytes()))["late"]["tables"]
    pages = {tables["pgd"]["pa"]: tables["pgd"]["hex"]} | {int(pa, 16): data for pa, data in tables["pte"].items()}
    with (tmp_path / "ram").open("wb") as file:
        for pa, digits in pages.items():
            file.seek(pa - 0x40000000)
            file.write(bytes.fromhex(digits))
        file.truncate(1 << 28)
    _, out, _ = command_line("locate", tmp_path / "ram", "--json")
    found = json.loads(out)
    assert found["kernels"]
    hold(found)


def test_schema_of_oops_beside_a_board(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    _, out, _ = command_line("oops", "tests/data/oops/public.txt", "--board", *SABRELITE, *KERNEL, "--json")
    found = json.loads(out)
    assert any("prediction" in one for one in found["oopses"])
    hold(found)


def test_schema_of_sweeps_and_their_changes(command_line: CommandLine, tmp_path: Path) -> None:
    kernels = [str(DATA / "kernels" / name) for name in ("deb-6.1", "deb-6.12")]
    for number, kernel in enumerate(kernels):
        command_line(
            "sweep", ROOT / "boards" / "findings", "--kernel", kernel, "--output", tmp_path / f"{number}.jsonl"
        )
        hold_text((tmp_path / f"{number}.jsonl").read_text())
    _, out, _ = command_line("sweep-diff", tmp_path / "0.jsonl", tmp_path / "1.jsonl", "--format", "jsonl")
    assert out.count("bootmap.sweep-diff/1") > 1
    hold_text(out)


def test_schema_of_a_baseline(command_line: CommandLine, tmp_path: Path) -> None:
    command_line("check", ROOT / "boards/findings/ram-14m.dtb", "--write-baseline", tmp_path / "known.json")
    found = json.loads((tmp_path / "known.json").read_text())
    assert any(found["boards"].values())
    hold(found)


@pytest.mark.oracle
def test_schema_of_boots(tmp_path: Path) -> None:
    """Under QEMU: alone, by a boot loader, and of made-up boards."""
    kernel = booting.kernel("deb-6.1")
    done = booting.bootmap("verify", str(booting.TREES / "virt.dtb"), "--machine", "virt", "--kernel", kernel, "--json")
    hold(json.loads(done.stdout))
    if Path("/usr/lib/u-boot/qemu_arm/u-boot.bin").exists():
        done = booting.bootmap("verify", "--loader", "u-boot", "--kernel", kernel, "--memory", "512M", "--json")
        hold(json.loads(done.stdout))
    done = booting.bootmap("fuzz", "--kernel", kernel, "--seed", "4711", "--count", "3", "--json")
    hold(json.loads(done.stdout))


def test_schema_command_lists_and_prints(command_line: CommandLine, tmp_path: Path) -> None:
    code, out, err = command_line("schema")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == [row.name for row in SCHEMAS]
    code, out, err = command_line("schema", "mem-types")
    assert (code, err, json.loads(out)) == (0, "", SCHEMAS_BY_NAME["mem-types"].schema())
    code, out, err = command_line("schema", "walk", "--output", tmp_path / "walk.json")
    assert (code, out, err) == (0, "", "")
    assert json.loads((tmp_path / "walk.json").read_text()) == SCHEMAS_BY_NAME["walk"].schema()


@pytest.mark.parametrize(
    ("words", "said"),
    [(("schema", "nothing"), "no document is called 'nothing'"), (("schema", "--output", "x"), "name it")],
)
def test_schema_command_usage(words: tuple[str, ...], said: str, command_line: CommandLine) -> None:
    code, out, err = command_line(*words)
    assert (code, out) == (2, "")
    assert said in err
