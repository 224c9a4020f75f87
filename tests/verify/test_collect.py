"""``bootmap collect`` on a board: a guest with busybox and nothing else runs the script and prints the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.guest_linux import console_of

import bootmap
from bootmap.bootlog.judgement import Judgement

if TYPE_CHECKING:
    from pathlib import Path


def test_collect_on_a_guest(tmp_path: Path) -> None:
    script = bootmap.collect_script().replace(
        "release=$(uname -r)", "release=$(uname -r); for f in config System.map; do mv /boot/$f /boot/$f-$release; done"
    )
    text = console_of(
        "deb-6.1", script, tmp_path, arguments="--text", append="memblock=debug androidboot.serialno=ABC123"
    )
    capture, kept = tmp_path / "console.txt", tmp_path / "case.tar.gz"
    capture.write_text(text)
    report = bootmap.verify_archive(str(capture))
    assert report.contradicted == 0
    assert report.count(Judgement.MATCHED) >= 45
    assert report.outcome == ""
    names = bootmap.keep_archive(str(capture), str(kept))
    assert {"dmesg", "iomem", "config", "System.map", "fdt", "memblock-reserved"} <= set(names)
    found = bootmap.open_archive(str(kept))
    assert found is not None
    assert b"ABC123" not in b"".join(found.files.values())
