"""What the page shows is what the real kernel had, what ``predict --json`` prints and what ``explain`` finds."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from explore.conftest import recorded, sabrelite

import bootmap
from bootmap.analysis.explain import explain_physical, explain_virtual
from bootmap.explore.document import side_of
from bootmap.mmu.bulk import snapshot
from bootmap.mmu.walk import Mapped
from bootmap.report.predict_json import predict_json
from bootmap.report.words import attributes_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.browser import Tab

    from bootmap.boot.sequence import Replay, Snapshot

RECORDED = ("virt-1024m-6.1", "own-v310-plain", "own-lpae-4096m", "own-v5-128m")
BOARDS = (*RECORDED, "sabrelite")
SAMPLES = 50


def replay_of(name: str) -> Replay:
    return sabrelite().replay if name == "sabrelite" else recorded(name).prediction


@pytest.fixture
def opened(tab: Tab, page_file: Callable[[str, str], Path], request: pytest.FixtureRequest) -> Tab:
    name = request.param
    return tab.open(page_file(name, bootmap.explore_page(side_of(replay_of(name), name))))


def each(names: tuple[str, ...]) -> Any:
    return pytest.mark.parametrize(("opened", "name"), [(name, name) for name in names], indirect=["opened"])


@each(RECORDED)
def test_words_are_the_recorded_ones(opened: Tab, name: str) -> None:
    case = recorded(name)
    for stage, moment in (("adjust_lowmem_bounds", "before"), ("paging_init", "after")):
        shown = opened.ask("(stage) => bootmap.pages(stage)", stage)
        for address, data in case.pages(moment).items():
            assert shown[f"{address:#x}"].startswith(data.hex()), f"{moment}: page {address:#x}"


@each(BOARDS)
def test_words_at_every_stage_are_those_of_json(opened: Tab, name: str) -> None:
    replay = replay_of(name)
    stages = sorted({stage.name for stage in replay.stages})
    document = json.loads(predict_json(replay, stages))
    for stage in stages:
        expected = document["states"][stage]["tables"]["pages"]
        assert opened.ask("(stage) => bootmap.pages(stage)", stage) == expected, stage


@each(BOARDS)
def test_ranges_are_those_of_the_listing(opened: Tab, name: str) -> None:
    replay = replay_of(name)
    from bootmap.analysis.registers import linux_registers, stage_memory

    for stage in replay.stages:
        if replay.stage(stage.name) is not stage or not replay.tables_at(stage):
            continue
        listed = snapshot(stage_memory(replay, stage), linux_registers(replay)).ranges()
        expected = [[row.va, row.size, row.pa, attributes_words(row.attributes)] for row in listed]
        assert opened.ask("(stage) => bootmap.ranges(stage)", stage.name) == expected, stage.name


def addresses(replay: Replay, stage: Snapshot, rng: random.Random) -> list[int]:
    """Addresses worth asking about: at the edges of what is mapped, inside, and anywhere."""
    from bootmap.analysis.registers import linux_registers, stage_memory

    listed = snapshot(stage_memory(replay, stage), linux_registers(replay)).ranges()
    edges = [at for row in listed for at in (row.va, row.end - 1, row.end & 0xFFFFFFFF)]
    inside = [rng.randrange(row.va, row.end) for row in listed]
    anywhere = [rng.randrange(1 << 32) for _ in range(10)]
    found = edges + inside + anywhere
    return rng.sample(found, min(SAMPLES, len(found)))


@each(BOARDS)
def test_why_of_a_virtual_address_is_what_explain_says(opened: Tab, name: str) -> None:
    replay, rng = replay_of(name), random.Random(name)
    for stage_name in ("create_page_tables", "map_lowmem", "paging_init"):
        stage = replay.stage(stage_name)
        assert stage is not None
        for va in addresses(replay, stage, rng):
            shown = opened.ask("([stage, va]) => bootmap.explain(stage, va)", [stage_name, va])
            found = explain_virtual(replay, va, stage)
            where = f"{stage_name} {va:#x}"
            assert shown["areas"] == list(found.areas), where
            assert shown["physical"] == found.physical, where
            _same_words(opened, shown, found, where)
            outcome = found.walk.outcome
            if isinstance(outcome, Mapped):
                text = opened.ask(
                    "(n) => bootmap.models()[0].side.decode.attributes[n].text", shown["walk"]["outcome"]["meaning"]
                )
                assert text == attributes_words(outcome.attributes), where
            else:
                fault = shown["walk"]["outcome"]
                assert (fault["text"], fault["level"], fault["status"]) == (
                    outcome.kind.value,
                    outcome.level,
                    outcome.status,
                ), where


def _same_words(opened: Tab, shown: dict[str, Any], found: Any, where: str) -> None:
    """Hardware's and Linux's words in the order of the walk, each with its fields and its writers."""
    expected = []
    for entry in found.entries:
        step = entry.step
        expected.append((step.index, step.address, step.word, [_writer(*writer) for writer in entry.writers]))
        if entry.linux is not None:
            half = entry.linux
            expected.append((half.index, half.address, half.word, [_writer(*writer) for writer in half.writers]))
    seen = []
    for word in shown["words"]:
        writers = [_shown_writer(opened, writer) for writer in word["writers"]]
        seen.append((word["index"], word["address"], word["hi"] << 32 | word["lo"], writers))
    assert seen == expected, where


def _writer(cause: Any, word: int) -> tuple[str, str, str | None, int]:
    return cause.stage, cause.kind, cause.map_desc.what if cause.map_desc is not None else None, word


def _shown_writer(opened: Tab, writer: dict[str, int]) -> tuple[str, str, str | None, int]:
    causes = opened.__dict__.setdefault("causes", None) or opened.ask("() => bootmap.models()[0].side.causes")
    descs = opened.__dict__.setdefault("descs", None) or opened.ask("() => bootmap.models()[0].side.mapDescs")
    opened.__dict__.update(causes=causes, descs=descs)
    stage, step, desc, _ = causes[writer["cause"]]
    return stage, step, descs[desc][4] if desc >= 0 else None, writer["hi"] << 32 | writer["lo"]


@each(BOARDS)
def test_fields_in_the_panel_are_those_of_the_walk(opened: Tab, name: str) -> None:
    """What a reader sees: the table of fields, the chain, in the panel itself."""
    from bootmap.mmu.describe import step_fields

    replay = replay_of(name)
    stage = replay.stage("paging_init")
    assert stage is not None
    for va in (0xFFFF0000, replay.state.kernel.page_offset + 0x10_0000):
        opened.ask("(link) => { location.hash = link }", f"#stage=paging_init&va={va:#x}&lang=en")
        opened.page.wait_for_selector(f"#why h3:has-text('{va:#010x}')")
        opened.settle()
        rows = opened.ask(
            "() => [...document.querySelectorAll('#why [data-part=virtual] .fields tr')]"
            ".map((row) => [...row.children].map((cell) => cell.textContent))"
        )
        found = explain_virtual(replay, va, stage)
        expected = [
            [f.name + f.place, f.value, f.meaning]
            for step in found.walk.steps
            for f in step_fields(step, found.walk.regime)
        ]
        assert rows == expected, f"{va:#x}"


@each(BOARDS)
def test_why_of_a_physical_address_is_what_explain_says(opened: Tab, name: str) -> None:
    replay, rng = replay_of(name), random.Random(name)
    origins = opened.ask("() => bootmap.models()[0].side.origins")
    for stage_name in ("arm_memblock_init", "paging_init"):
        stage = replay.stage(stage_name)
        assert stage is not None
        regions = [*stage.memblock.memory.regions, *stage.memblock.reserved.regions]
        places = [at for base, size, _ in regions for at in (base, base + size - 1, base + size, base + size // 2)]
        for pa in rng.sample(places, min(SAMPLES, len(places))):
            shown = opened.ask("([stage, pa]) => bootmap.explainPhysical(stage, pa)", [stage_name, pa])
            found = explain_physical(replay, pa, stage)
            where = f"{stage_name} {pa:#x}"
            assert shown["kind"] == found.kind, where
            assert shown["linear"] == found.linear, where
            assert [op[:3] for op in shown["operations"]] == [[op.name, op.base, op.size] for op in found.operations]
            chain, at = [], shown["bank"]
            while at >= 0:
                chain.append(origins[at][1])
                at = origins[at][3]
            assert chain == ([str(link) for link in found.bank.chain()] if found.bank is not None else []), where
