"""``bootmap serve``: a server for this machine only, whose pages follow their boards' files."""

from __future__ import annotations

import http.client
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from explore.conftest import CONFIG, SYSTEM_MAP
from support.browser import Tab
from support.sabrelite import BOARD

import bootmap
from bootmap.errors import UsageError
from bootmap.explore.serve import boards_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPTIONS = {"config": CONFIG, "system_map": SYSTEM_MAP, "phys_offset": 0x1000_0000}


@contextmanager
def serving(*words: Path) -> Iterator[Any]:
    with bootmap.serve([str(word) for word in words], OPTIONS) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server: Any, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(BOARD, tmp_path / "one.dtb")
    shutil.copy(BOARD.parent / "imx6q-sabrelite-moved.dtb", tmp_path / "two.dtb")
    (tmp_path / "notes.txt").write_text("no board")
    return tmp_path


def test_list_and_pages_of_a_folder(folder: Path) -> None:
    with serving(folder) as server:
        status, text = get(server, "/")
        assert status == 200
        assert "one.dtb" in text
        assert "two.dtb" in text
        assert "notes.txt" not in text
        status, text = get(server, "/1/")
        assert status == 200
        assert 'id="document"' in text
        assert get(server, "/7/")[0] == get(server, "/../etc/passwd")[0] == get(server, "/0/other")[0] == 404
        assert get(server, "/", method="POST")[0] == 501


def test_only_this_machine_is_answered(folder: Path) -> None:
    with serving(folder) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert get(server, "/", host="localhost")[0] == 200
        for host in ("evil.example", "127.0.0.1.evil.example", ""):
            assert get(server, "/", host=host or "x")[0] == 403


def test_page_follows_its_file(browser: Any, folder: Path) -> None:
    file = folder / "one.dtb"
    tab = Tab(browser)
    with serving(file) as server:
        tab.open(f"{server.address}0/", "#stage=map_lowmem&lang=en")
        assert tab.text(".badge") == "BOOTS"
        shutil.copy(folder / "two.dtb", file)
        tab.page.wait_for_function(
            "() => document.querySelector('.badge')?.textContent === 'UNCERTAIN'", timeout=20_000
        )
        assert "stage=map_lowmem" in tab.link, "the view stays"
        file.write_bytes(b"\xd0\x0d\xfe\xed broken")
        tab.page.wait_for_selector("[role=alert]", timeout=20_000)
        assert "one.dtb" in tab.text("[role=alert]")
        shutil.copy(BOARD, file)
        tab.page.wait_for_selector("html[data-ready]", timeout=20_000)
    assert {problem for problem in tab.problems if "Failed to load" not in problem} == set()
    tab.context.close()


@pytest.mark.skipif(shutil.which("dtc") is None, reason="no dtc on this machine")
def test_source_is_compiled_and_its_faults_are_shown(folder: Path) -> None:
    source = folder / "three.dts"
    source.write_text(
        '/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>; compatible = "fsl,imx6q";\n'
        ' cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { compatible = "arm,cortex-a9"; '
        'device_type = "cpu"; reg = <0>; }; };\n'
        ' memory@10000000 { device_type = "memory"; reg = <0x10000000 0x20000000>; };\n};\n'
    )
    with serving(source) as server:
        status, text = get(server, "/0/")
        assert status == 200
        assert 'id="document"' in text
        source.write_text("/dts-v1/;\n/ { memory@0 { reg = <; };\n")
        status, text = get(server, "/0/")
        assert 'role="alert"' in text
        assert "three.dts" in text
        assert str(folder) not in text


def test_hostile_file_names_stay_text(folder: Path) -> None:
    shutil.copy(BOARD, folder / "<img src=x onerror=alert(1)>.dtb")
    with serving(folder) as server:
        _, text = get(server, "/")
        assert "<img" not in text
        assert "&lt;img" in text


def test_boards_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        boards_of([str(tmp_path / "none.dtb")], {})
    with pytest.raises(UsageError, match=r"holds no \.dtb"):
        boards_of([str(tmp_path)], {})
