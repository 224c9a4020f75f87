"""Archives that `bootmap collect` made on a board: opened, unpacked for a prediction, kept without names."""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap.errors import InputError
from bootmap.inputs.anonymous import anonymous
from bootmap.inputs.collected import FOLDER, MOST_BYTES, Collected, is_archive, parse_collected, script
from bootmap.inputs.fs import file_name, read_file
from bootmap.output import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD = 8 << 20
_LOGS = ("iomem", "memblock-memory", "memblock-reserved", "kernel_page_tables")
_ROW = re.compile(r"^ *\d+: 0x([0-9a-f]{1,16})\.\.0x([0-9a-f]{1,16})", re.MULTILINE)
_IOMEM = re.compile(r"^ *([0-9a-f]{8,16})-([0-9a-f]{8,16}) : (System RAM|Kernel code)\s*$", re.MULTILINE)
_SECTION = 1 << 20
_NEEDED = ("swapper_pg_dir", "_stext", "_end", "__init_begin", "__init_end", "_sdata")


def collect_script() -> str:
    """The shell script that gathers an archive on a running board."""
    return script()


def open_archive(path: str) -> Collected | None:
    """The archive at ``path``; None where the file is something else.

    Raises:
        InputError: it cannot be read, or is a damaged archive.
    """
    data = read_file(path, MOST_BYTES)
    if not is_archive(data[:_HEAD]):
        return None
    try:
        return parse_collected(data)
    except InputError as error:
        raise error.in_file(file_name(path)) from None


@contextlib.contextmanager
def unpacked(found: Collected, options: Mapping[str, Any]) -> Iterator[tuple[str | None, list[str], dict[str, Any]]]:
    """Board, logs and options as the files of an archive give them; options that the user gives go before.

    Yields:
        the device tree's file (None without one), the files to hold against the prediction, and the options.
    """
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
        into = Path(folder)
        merged = {**options}

        def put(name: str, data: bytes) -> str:
            write_file((into / name), data)
            return str(into / name)

        board = put("board.dtb", found.blob) if found.blob is not None else None
        logs = [put("dmesg", found.log.encode())] if found.log.strip() else []
        logs += [put(name, found.files[name]) for name in _LOGS if name in found.files]
        if merged.get("config") is None and found.config is not None:
            merged["config"] = put("config", found.config)
        symbols = _symbols(found)
        if merged.get("system_map") is None and symbols is not None:
            merged["system_map"] = put("System.map", symbols)
        for name, value in (("cpus", found.cpus), ("dtb_addr", _tree_address(found)), ("version", _version(found))):
            if merged.get(name) is None and value is not None:
                merged[name] = min(value, 4) if name == "cpus" and isinstance(value, int) else value
        start = _ram_start(found) if board is None else None
        if merged.get("phys_offset") is None and start is not None:
            merged["phys_offset"] = start
        if merged.get("cpu") is None and found.midr is not None:
            merged["cpu"] = f"{found.midr:#x}"
        try:
            yield board, logs, merged
        except InputError as error:
            if error.file is not None and Path(error.file).parent == into:
                error.file = f"{FOLDER}/{Path(error.file).name}"  # the user knows no temporary folder
            raise


def keep_archive(path: str, output: str) -> list[str]:
    """Write an archive anew, without serial numbers, MAC addresses and host names; the names of what it holds.

    Args:
        path: the archive.
        output: where to write it (.tar.gz).

    Raises:
        InputError: it is none, or the file cannot be written.
    """
    found = open_archive(path)
    if found is None:
        raise InputError("is no archive of `bootmap collect`", file=file_name(path))
    kept = anonymous(found)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=9) as tar:
        for name, data in kept.files.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    write_file(output, packed.getvalue())
    return list(kept.files)


def _version(found: Collected) -> str | None:
    match = re.search(r"Linux version (\d{1,4}\.\d{1,4}(?:\.\d{1,4})?)(?!\d)", found.text("version"))
    return match[1] if match else None


def _symbols(found: Collected) -> bytes | None:
    """System.map, or kallsyms where it has the image's bounds too (CONFIG_KALLSYMS_ALL)."""
    text = found.files.get("System.map") or found.files.get("kallsyms")
    if text is None:
        return None
    names = {line.split()[2] for line in text.decode("latin-1").splitlines() if len(line.split()) >= 3}
    return text if names.issuperset(_NEEDED) else None


def _ram_start(found: Collected) -> int | None:
    """PHYS_OFFSET by /proc/iomem: where the RAM begins in which the kernel lies; None where it does not show that."""
    rows = [(int(row[1], 16), int(row[2], 16), row[3]) for row in _IOMEM.finditer(found.text("iomem"))]
    code = next((start for start, _, name in rows if name == "Kernel code"), 0)
    starts = [start for start, last, name in rows if name == "System RAM" and start <= code <= last]
    return starts[0] & -_SECTION if code and starts else None


def _tree_address(found: Collected) -> int | None:
    """Where the blob lies: memblock's list has a row that is as large as it."""
    blob = found.blob
    if blob is None or "fdt" not in found.files or len(blob) < 8:
        return None
    size = int.from_bytes(blob[4:8], "big")
    rows = [(int(row[1], 16), int(row[2], 16)) for row in _ROW.finditer(found.text("memblock-reserved"))]
    fitting = [start for start, last in rows if last - start + 1 == size]
    return fitting[0] if len(fitting) == 1 else None
