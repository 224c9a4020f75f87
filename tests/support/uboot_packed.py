"""Write tests/data/loaders/kernels-packed.json.gz anew, after recording: ``python -m support.uboot_packed`` in tests.

The programs must be of the releases that the recordings were made with: each kernel must have the recorded size.
"""

from __future__ import annotations

import base64
import gzip
import json

from bootmap.verify.loader.cases import LoaderCase
from support.uboot import DATA, NAMES, document


def main() -> None:
    """Pack every kernel of the recordings once."""
    rows: dict[str, str] = {}
    for case in (LoaderCase.of(row["case"]) for name in NAMES for row in document(name)["cases"]):
        key = f"{case.packing}-{case.kernel[1]}"
        if not case.packing or key in rows:
            continue
        data = case.kernel_data()
        if len(data) != case.packed:
            raise SystemExit(f"{key}: {len(data)} bytes, {case.packed} were recorded")
        rows[key] = base64.b64encode(data).decode()
    text = json.dumps(dict(sorted(rows.items()))).encode()
    (DATA / "kernels-packed.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main()
