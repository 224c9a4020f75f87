"""Diagnosing a capture that a test has as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bootmap
from bootmap.report.diagnose_text import diagnoses_text

if TYPE_CHECKING:
    from pathlib import Path


def diagnosed(text: str, tmp_path: Path, **options: object) -> tuple[bootmap.Diagnosis, str]:
    """The diagnosis of the last boot in ``text``, and what is printed of all, in one line."""
    log = tmp_path / "log"
    log.write_text(text)
    found = bootmap.diagnose(str(log), **options)
    return found[-1], " ".join(diagnoses_text("log", found).split())
