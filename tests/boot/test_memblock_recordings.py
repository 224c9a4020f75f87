"""Every recorded script, state for state: what Linux's own mm/memblock.c did, run as a program."""

import gzip
import json
from pathlib import Path

import pytest

from bootmap.boot.memblock import Memblock, MemblockRules
from bootmap.boot.memblock.script import run_script
from bootmap.inputs.memblock_script import parse_script
from bootmap.report.memblock import state_line, state_text

DATA = Path(__file__).parents[1] / "data" / "memblock"
RULES = {
    "linux-6.12-phys32": MemblockRules(),
    "linux-6.12-phys64": MemblockRules(width=64),
    "linux-7.2-phys32": MemblockRules(rsrv_kern=True),
}


def scripts(name):
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", RULES)
def test_run_script_recorded(name):
    rules = RULES[name]
    compared = 0
    for number, script in enumerate(scripts(name)):
        assert script["width"] == rules.width
        ops = parse_script("\n".join(script["ops"]).encode(), rules.width)
        steps = zip(run_script(ops, rules), script["states"], strict=True)
        for (op, result, memblock), expected in steps:
            got = state_line(result, memblock)
            assert got == expected, f"{name}, script {number}, call {op.line} ({op}):\n{got}\n{expected}"
            compared += 1
    assert compared > 3000


def test_recordings_are_all_tested():
    assert {path.name.removesuffix(".jsonl.gz") for path in DATA.iterdir()} == set(RULES)


def test_state_text_same_words_as_line():
    for script in scripts("linux-7.2-phys32")[:20]:
        for _, result, memblock in run_script(parse_script("\n".join(script["ops"]).encode(), 32)):
            text = state_text(result, memblock)
            assert max(map(len, text.splitlines())) <= 100
            assert " ".join(text.replace(" -", "").split()) == state_line(result, memblock)


def test_copy_at_every_call_keeps_its_state():
    for script in scripts("linux-6.12-phys32")[:50]:
        kept = []
        for _, result, memblock in run_script(parse_script("\n".join(script["ops"]).encode(), 32)):
            kept.append((memblock.copy(), state_line(result, memblock), result, len(memblock.log)))
        for copy, line, result, calls in kept:
            assert state_line(result, copy) == line
            assert len(copy.log) == calls


def test_log_replayed_gives_the_same_regions():
    """The log alone is enough to rebuild both lists: nothing changes them without an entry."""
    names = {"add", "remove", "reserve", "free", "mark_nomap", "clear_nomap"}
    for script in scripts("linux-6.12-phys32"):
        *_, (_, _, memblock) = run_script(parse_script("\n".join(script["ops"]).encode(), 32))
        replay = Memblock()
        for op in memblock.log:
            if op.name in names:
                assert getattr(replay, op.name)(op.base, op.size) == op.result
            elif op.name == "alloc_range":
                replay.reserve(op.base, op.size if op.result else 0)
            elif op.name in ("enforce_memory_limit", "trim_memory"):
                replay.remove(op.base, op.size)
                if op.name == "enforce_memory_limit":
                    replay.free(op.base, op.size)
            elif op.name == "trim_memory_wraps":
                replay.add(op.base, op.size)
            else:  # a cap keeps NOMAP regions, which a plain removal would not
                break
        else:
            assert replay.memory == memblock.memory
            assert replay.reserved == memblock.reserved
