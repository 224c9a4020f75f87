"""What runs on GitHub and in editors, run here: the action's script on a small repository, the hook, the matcher."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.booting import REPOSITORY, bootmap

SCRIPT = REPOSITORY / "contrib" / "github" / "check-trees"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

needs_tools = pytest.mark.skipif(
    shutil.which("dtc") is None or shutil.which("git") is None, reason="dtc or git is not installed"
)

SOC = """/ {
	#address-cells = <1>;
	#size-cells = <1>;
	compatible = "linux,dummy-virt";
	memory@40000000 { device_type = "memory"; reg = <0x40000000 SIZE>; };
	chosen { bootargs = "console=ttyAMA0"; };
};
"""
BOARD = '/dts-v1/;\n/include/ "soc.dtsi"\n'
OVERLAP = """/ {
	reserved-memory {
		#address-cells = <1>;
		#size-cells = <1>;
		ranges;
		one@50000000 { reg = <0x50000000 0x200000>; };
		two@50100000 { reg = <0x50100000 0x200000>; };
	};
};
"""


class Trees:
    """A git repository with device trees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "trees"
        self.out = folder / "out"
        self.out.mkdir()
        self.git("init", "-q", str(self.folder), cwd=folder)
        soc, alone = (SOC.replace("SIZE", size) for size in ("0x20000000", "0x10000000"))
        trees = {"soc.dtsi": soc, "one.dts": BOARD, "alone.dts": f"/dts-v1/;\n{alone}"}
        self.commit({**{f"boards/{name}": text for name, text in trees.items()}, "README": "trees\n"})

    def git(self, *words: str, cwd: Path | None = None) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        return subprocess.run(command, cwd=cwd or self.folder, capture_output=True, text=True, check=True).stdout

    def commit(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", "trees")

    def check(self, **settings: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": PATH, "BASE": "HEAD~1", "FOLDER": str(self.out), "GITHUB_OUTPUT": str(self.out / "outputs")}
        return subprocess.run(
            [str(SCRIPT)], cwd=self.folder, env={**os.environ, **own, **settings}, capture_output=True, text=True
        )

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=") for line in (self.out / "outputs").read_text().splitlines())


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


@needs_tools
def test_action_follows_what_a_tree_includes(trees: Trees) -> None:
    """Only an include changed: the tree that has it is checked, no other is, and the map's change is shown."""
    trees.commit({"boards/soc.dtsi": SOC.replace("SIZE", "0x8000000"), "README": "more\n"})
    done = trees.check()
    assert (done.returncode, done.stderr) == (0, "")
    assert trees.outputs() == {"trees": "1", "failed": "0"}
    comment = (trees.out / "comment.md").read_text()
    assert "**`boards/one.dts`** BOOTS" in comment
    assert "alone.dts" not in comment
    assert re.search(r"(?m)^-  0x[0-9a-f]{8}  .*device tree", comment)
    assert re.search(r"(?m)^\+  0x[0-9a-f]{8}  .*device tree", comment)
    assert not trees.git("worktree", "list").splitlines()[1:]
    page = (REPOSITORY / "docs" / "plugins.md").read_text()
    shown = page.split("$ BASE=HEAD~1 check-trees && cat comment.md\n")[1].split("~~~~")[0]
    assert shown.strip() == f"{done.stdout}{comment}".strip()


@needs_tools
def test_action_tells_findings_where_they_are(trees: Trees) -> None:
    trees.commit({"boards/one.dts": BOARD + OVERLAP})
    done = trees.check(OPTIONS="--strict")
    assert done.returncode == 1
    assert trees.outputs() == {"trees": "1", "failed": "1"}
    line = 1 + (BOARD + OVERLAP).splitlines().index("\t\ttwo@50100000 { reg = <0x50100000 0x200000>; };")
    assert f"::warning file=boards/one.dts,line={line},title=two reserved areas overlap" in done.stdout
    sarif = json.loads((trees.out / "bootmap.sarif").read_text())
    places = [result["locations"][0]["physicalLocation"] for result in sarif["runs"][0]["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"boards/one.dts"}


@needs_tools
def test_action_comments_with_the_verdict_the_options_and_the_budget(trees: Trees) -> None:
    """More RAM moves nothing in the load map, but lowmem and highmem; the options' kernel is the comment's too."""
    trees.commit({"boards/soc.dtsi": SOC.replace("SIZE", "0x60000000")})
    options = "--defconfig imx_v6_v7 --cpu cortex-a9"
    assert trees.check(OPTIONS=options).returncode == 0
    comment = (trees.out / "comment.md").read_text()
    layout = bootmap("layout", *options.split(), "boards/one.dts", cwd=trees.folder)
    (kernel,) = re.findall(r"(?m)^  (0x\w+  0x\w+) {2}kernel ", layout.stdout)
    assert f"   {kernel}  kernel" in comment
    assert re.search(r"(?m)^-  lowmem +512 MiB$", comment)
    assert re.search(r"(?m)^\+  lowmem +768 MiB$", comment)
    assert re.search(r"(?m)^\+  highmem +768 MiB$", comment)
    trees.commit({"boards/soc.dtsi": SOC.replace("SIZE", "0xe00000")})
    assert trees.check().returncode == 1
    assert "**`boards/one.dts`** DOES NOT BOOT\n" in (trees.out / "comment.md").read_text()


@needs_tools
def test_action_on_a_branch_that_is_new(trees: Trees) -> None:
    """GitHub gives zeros for the commit before; a commit that the clone lacks is one clear line."""
    trees.commit({"boards/soc.dtsi": SOC.replace("SIZE", "0x8000000")})
    assert trees.check(BASE="0" * 40).returncode == 0
    assert trees.outputs() == {"trees": "1", "failed": "0"}
    done = trees.check(BASE="1" * 40)
    assert done.returncode == 2
    assert done.stderr.startswith(f"check-trees: BASE={'1' * 40} is not in this clone")
    assert len(done.stderr.splitlines()) == 1


@needs_tools
def test_action_has_nothing_to_do(trees: Trees) -> None:
    trees.commit({"README": "no tree\n"})
    done = trees.check()
    assert done.returncode == 0
    assert done.stdout.startswith("no device tree changed")
    assert trees.outputs() == {"trees": "0", "failed": "0"}


@needs_tools
def test_action_says_what_it_cannot_read(trees: Trees) -> None:
    trees.commit({"boards/one.dts": "/dts-v1/;\n/ { broken"})
    done = trees.check()
    assert done.returncode == 3
    assert "boards/one.dts" in done.stderr


def test_action_runs_the_script_and_nothing_else() -> None:
    """What is tried here is what the action runs, and nothing of a pull request's words gets into a shell."""
    text = (REPOSITORY / "action.yml").read_text()
    assert "run: '\"$ACTION/contrib/github/check-trees\"'" in text
    for script in re.findall(r"(?m)run: (?:\|\n((?: {8}.*\n)+)|(.*)\n)", text):
        assert "${{" not in "".join(script)
    wanted = set(re.findall(r"\$\{([A-Z]+):[-?]", SCRIPT.read_text())) - {"GITHUB_OUTPUT"}
    assert wanted == {"BASE", "TREES", "OPTIONS", "FOLDER"}
    assert all(f"\n        {name}: " in text for name in wanted)


@needs_tools
def test_hook_checks_the_files_of_a_commit(trees: Trees) -> None:
    hook = dict(re.findall(r"(?m)^[- ] (\w+): (.*)$", (REPOSITORY / ".pre-commit-hooks.yaml").read_text()))
    files = [name for name in trees.git("ls-files").split() if re.search(hook["files"], name)]
    assert files == ["boards/alone.dts", "boards/one.dts"]
    done = subprocess.run(
        [*shlex.split(hook["entry"]), *files], cwd=trees.folder, env={**os.environ, "PATH": PATH}, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def matched(output: str) -> list[tuple[str, ...]]:
    """What VS Code makes of the lines, by the patterns of the task."""
    (task,) = json.loads((REPOSITORY / "contrib" / "vscode" / "tasks.json").read_text())["tasks"]
    found = []
    for line in output.splitlines():
        for matcher in task["problemMatcher"]:
            pattern = matcher["pattern"]
            if match := re.search(pattern["regexp"], line):
                keys = ("severity", "file", "line", "code", "message")
                found.append(tuple(match[pattern[key]] if key in pattern else "" for key in keys))
                break
    return found


@needs_tools
def test_problem_matcher_reads_the_findings(tmp_path: Path) -> None:
    """Of a source with lines, and of a blob, which has none: as many, and the same, as the JSON has."""
    source = tmp_path / "one.dts"
    source.write_text("/dts-v1/;\n" + SOC.replace("SIZE", "0x20000000") + OVERLAP)
    blob = tmp_path / "one.dtb"
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", str(blob), str(source)], check=True)
    for file in (source, blob):
        rows = matched(bootmap("check", "--format", "github", str(file), cwd=tmp_path).stdout)
        told = json.loads(bootmap("check", "--format", "json", str(file), cwd=tmp_path).stdout)
        boards = told.get("boards", [told])
        wanted = [(found["severity"], found["rule"]) for found in boards[0]["findings"]]
        assert [(row[0], row[3]) for row in rows] == [pair for pair in wanted if pair[0] in ("error", "warning")]
        assert rows
        assert any(row[2] for row in rows) == (file is source)
