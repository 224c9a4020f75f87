"""``bootmap collect`` on a board: a guest with busybox and nothing else runs the script and prints the archive."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from support.guest_linux import console_of

import bootmap
from bootmap.bootlog.judgement import Judgement

if TYPE_CHECKING:
    from pathlib import Path


NAMES = (
    "androidboot.serialno=ABC123",
    "ethaddr=52:54:00:ab:cd:ef",
    "smsc95xx.macaddr=525400abcd01",
    "ip=10.1.2.3::10.1.2.1:255.255.255.0:secretbox:eth0:off",
    "systemd.hostname=hiddenhost",
)
SECRETS = ("ABC123", "52:54:00:ab:cd:ef", "525400abcd01", "10.1.2.3", "secretbox", "hiddenhost")


def test_collect_on_a_guest(tmp_path: Path) -> None:
    script = bootmap.collect_script().replace(
        "release=$(uname -r)", "release=$(uname -r); for f in config System.map; do mv /boot/$f /boot/$f-$release; done"
    )
    text = console_of("deb-6.1", script, tmp_path, arguments="--text", append=f"memblock=debug {' '.join(NAMES)}")
    capture, kept = tmp_path / "console.txt", tmp_path / "case.tar.gz"
    capture.write_text(text)
    told = bootmap.open_archive(str(capture))
    assert told is not None
    assert all(secret in told.text("cmdline") for secret in SECRETS), "the guest has what is to be taken out"
    report = bootmap.verify_archive(str(capture))
    assert report.contradicted == 0
    assert report.count(Judgement.MATCHED) >= 45
    assert report.outcome == ""
    names = bootmap.keep_archive(str(capture), str(kept))
    assert {"dmesg", "iomem", "config", "System.map", "fdt", "memblock-reserved"} <= set(names)
    found = bootmap.open_archive(str(kept))
    assert found is not None
    assert bootmap.verify_archive(str(kept)).contradicted == 0
    with gzip.open(kept) as packed:  # heads of the archive's members, too
        everything = packed.read()
    for secret in SECRETS:
        assert secret.encode() not in everything, secret
