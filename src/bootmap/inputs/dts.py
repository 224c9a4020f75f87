"""Device tree source: compiled by ``dtc``, after ``cpp`` where it has directives; overlays, by ``fdtoverlay``.

Every node and property of the compiled tree can be found in the source again: dtc annotates what it writes with file
and line, and these are read back.

Source: dtc(1), options -T and -@; scripts/Makefile.dtbs for how the kernel's build calls cpp.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bootmap.errors import InputError, ToolMissingError
from bootmap.inputs.fdt import parse
from bootmap.inputs.fs import file_name, read_file
from bootmap.output import one_line, write_file
from bootmap.units import MIB

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

MAX_SIZE = 8 * MIB
_TIMEOUT = 60.0
# What a tool may take; the kernel's largest board needs 0.1 s.  Source can include files that never end, name macros
# that double, or have so many nodes side by side that dtc, which compares each with all others, never gets done.
_SECONDS, _MEMORY, _OUTPUT = 1, 160 * MIB, 32 * MIB
_MARKS = re.compile(rb"^\s*(/dts-v1/|/plugin/|#include|/include/|/\s*\{)", re.M)
_PREPROCESSED = re.compile(rb"^\s*#\s*(include|define|if|ifdef|ifndef|undef)\b", re.M)
_NODE = re.compile(r"\s*+(?:[\w,.+-]+:\s*+)*(?:/omit-if-no-ref/\s*+)?([\w,.+@/-]++) \{$")
_PROPERTY = re.compile(r"\s*+([\w,.+?#-]++)(?: = |;)")
_NOTE, _NOTE_END = " /* ", " */"
_LINE_OF = re.compile(r":(\d{1,9})(?::\d+-\d+:\d+)?$")
_LONGEST_MESSAGE = 64 << 10
_STDIN = "<stdin>"  # dtc's name for it
_PACKAGES = {"dtc": "device-tree-compiler", "fdtoverlay": "device-tree-compiler", "cpp": "cpp"}


def is_source(data: bytes) -> bool:
    """Whether ``data`` looks like device tree source."""
    return b"\0" not in data[:4096] and _MARKS.search(data[:65536]) is not None


def compile_source(path: str) -> tuple[bytes, Mapping[str, tuple[str, int]]]:
    """The blob of the source at ``path``, and for each of its nodes and properties by path its file and line.

    Raises:
        InputError: dtc or the preprocessor refuses it; the message is theirs.
        ToolMissingError: one of them is not installed.
    """
    data = read_file(path, MAX_SIZE)
    folder = os.path.dirname(os.path.abspath(path))
    beside = folder  # where dtc's own names of files begin; the preprocessor's begin here
    if _PREPROCESSED.search(data):
        data, beside = _preprocess(path, folder), ""
    annotated = _dtc(path, folder, data, ["-I", "dts", "-O", "dts", "-T", "-T"]).decode("utf-8", "replace")
    blob = _dtc(path, folder, data, ["-I", "dts", "-O", "dtb", "-@"])
    spots = places(annotated)
    return blob, {name: (_shown(file, path, beside), line) for name, (file, line) in spots.items()}


def _shown(file: str, path: str, beside: str) -> str:
    """A file that dtc names, as the user would: the source itself comes in through standard input."""
    return os.path.relpath(path if file == _STDIN else os.path.join(beside, file))


def apply_overlays(base: bytes, overlays: Sequence[str], name: str) -> bytes:
    """The blob ``base`` with overlay files applied by libfdt, in order; sources are compiled first.

    Raises:
        InputError: one does not apply.
        ToolMissingError: fdtoverlay or dtc is not installed.
    """
    import tempfile

    tool = _tool("fdtoverlay")
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
        base_file, out = Path(folder, "base.dtb"), Path(folder, "out.dtb")
        write_file(base_file, base)
        files = []
        for i, overlay in enumerate(overlays):
            data = read_file(overlay, MAX_SIZE, gunzip=True)
            if is_source(data):
                data, _ = compile_source(overlay)
            try:
                parse(data, MAX_SIZE)  # libfdt trusts what it is given
            except InputError as error:
                raise error.in_file(file_name(overlay)) from None
            file = Path(folder, f"{i}.dtbo")
            write_file(file, data)
            files.append(str(file))
        done = _run([tool, "-i", str(base_file), "-o", str(out), *files], b"")
        if done.returncode or not out.exists():
            said = " ".join(done.stderr.decode("utf-8", "replace").split())
            for i, overlay in enumerate(overlays):
                said = said.replace(str(Path(folder, f"{i}.dtbo")), overlay).replace(str(base_file), name)
            reason = _not_found(base, overlays, files) or one_line(said)[:400]
            raise InputError(f"overlays do not apply: {reason}", file=name)
        return out.read_bytes()


def _not_found(base: bytes, overlays: Sequence[str], files: Sequence[str]) -> str:
    """What of the first overlay that looks for something is not in the base, and in those before it; "" for nothing.

    Source: scripts/dtc/libfdt/fdt_overlay.c ``overlay_fixup_phandle``, ``fdt_overlay_target_offset``.
    """
    tree = parse(base, MAX_SIZE)
    symbols = tree.node("/__symbols__")
    labels = set(symbols.properties) if symbols is not None else set()
    for overlay, file in zip(overlays, files, strict=True):
        added = parse(read_file(file, MAX_SIZE), MAX_SIZE)
        fixups, own = added.node("/__fixups__"), added.node("/__symbols__")
        missing = [name for name in fixups.properties if name not in labels] if fixups is not None else []
        if missing:
            named = ", ".join(map(one_line, missing[:4]))
            if symbols is None:
                return f"{overlay} names {named}, and the base has no symbols: compile it with dtc -@"
            return f"{overlay} names {named}: the base has no such label"
        for fragment in added.root.children:
            target = fragment.get("target-path")
            path = target.value.rstrip(b"\0").decode("latin-1") if target is not None else "/"
            if tree.node(path) is None:
                return f"{overlay}: {fragment.path} is for {one_line(path)[:200]}, which the base has not"
        labels |= set(own.properties) if own is not None else set()
    return ""


def places(annotated: str) -> dict[str, tuple[str, int]]:
    """From the source that ``dtc -T`` annotates: path of a node or property -> (file, line)."""
    found: dict[str, tuple[str, int]] = {}
    above: list[str] = []
    for line in annotated.split("\n"):
        text = line.strip()
        if text.startswith("};"):
            if above:
                above.pop()
            continue
        said, note = line, ""
        if line.endswith(_NOTE_END):
            said, _, note = line.removesuffix(_NOTE_END).rpartition(_NOTE)
        node = _NODE.match(said)
        if node is not None:
            above.append("" if node[1] == "/" else node[1])
            _keep(found, "/".join(above) or "/", note)
            continue
        prop = _PROPERTY.match(said)
        if prop is not None and above and said.endswith(";"):
            _keep(found, f"{'/'.join(above)}/{prop[1]}", note)
    return found


def _keep(found: dict[str, tuple[str, int]], path: str, note: str) -> None:
    """The last place counts: an override is what took effect."""
    for spot in reversed(note.split(",")):
        line = _LINE_OF.search(spot)
        if line is not None and (file := spot[: line.start()].strip()):
            found[path] = (file, int(line[1]))
            return


def _preprocess(path: str, folder: str) -> bytes:
    tool = _tool("cpp")
    include = [f"-I{folder}", f"-I{os.path.join(folder, 'include')}"]
    for parent in Path(folder).parents:
        if (parent / "include" / "dt-bindings").is_dir():
            include.append(f"-I{parent / 'include'}")
            break
    done = _run([tool, "-nostdinc", "-undef", "-x", "assembler-with-cpp", "-D__DTS__", *include, path], b"")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"cpp: {one_line(said[0] if said else 'failed')[:400]}", file=file_name(path))
    return done.stdout


def _dtc(path: str, folder: str, data: bytes, options: list[str]) -> bytes:
    done = _run([_tool("dtc"), "-q", *options, "-i", folder, "-"], data, folder)
    if done.returncode:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "FATAL" not in line]
        first = (said[0] if said else "failed").removeprefix("Error: ").replace(_STDIN, file_name(path))
        raise InputError(f"dtc: {one_line(first)[:400]}", file=file_name(path))
    return done.stdout


def _run(command: list[str], data: bytes, folder: str | None = None) -> subprocess.CompletedProcess[bytes]:
    import subprocess
    import tempfile

    tool = os.path.basename(command[0])
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(data)
        given.seek(0)
        try:
            done = subprocess.run(
                command,
                stdin=given,
                stdout=out,
                stderr=err,
                timeout=_TIMEOUT,
                check=False,
                cwd=folder,
                preexec_fn=_bounded,
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"{tool} did not end within {_TIMEOUT:.0f} seconds") from None
        except OSError as error:
            raise InputError(f"{tool} cannot be run: {error.strerror}") from None
        if done.returncode < 0:
            raise InputError(
                f"{tool} was stopped: it took more than {_SECONDS} s of processor, {_MEMORY // MIB} MiB of memory or "
                f"{_OUTPUT // MIB} MiB of output"
            )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read(_LONGEST_MESSAGE))


def _bounded() -> None:
    """Limits for the tool that is about to start."""
    import resource

    for kind, most in (
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, _OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _tool(name: str) -> str:
    import shutil

    found = shutil.which(name)
    if found is None:
        raise ToolMissingError(f"{name} is not installed, which reads device tree source (package {_PACKAGES[name]})")
    return found
