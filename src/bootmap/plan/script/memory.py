"""What lies in RAM while a boot script runs, as far as the files that it loads are known."""

from __future__ import annotations

from msgspec import Struct

_MOST = 256  # loads that are remembered


class _Loaded(Struct, frozen=True):
    """Bytes at an address; None where they, and how many there are, are not known."""

    address: int
    data: memoryview | None
    file: str
    at: str

    @property
    def end(self) -> int:
        return self.address + (1 if self.data is None else len(self.data))


class ScriptMemory:
    """The loads of a script; the later lies over the earlier."""

    def __init__(self) -> None:
        self._loads: list[_Loaded] = []

    def put(self, address: int, data: memoryview | None, file: str, at: str) -> None:
        """A file is loaded: its bytes, None where they are not known; its name, and where the script says so."""
        self._loads = [*self._loads[1 - _MOST :], _Loaded(address, data, file, at)]

    def from_on(self, address: int) -> memoryview | None:
        """What is known from an address on; None for nothing."""
        for i in reversed(range(len(self._loads))):
            load = self._loads[i]
            if not load.address <= address < load.end:
                continue
            if load.data is None:
                return None
            return _under(load.data[address - load.address :], address, self._loads[i + 1 :])
        return None

    def number(self, address: int, width: int) -> int | None:
        """A number as the CPU reads it, little-endian; None where a byte of it is not known."""
        data = bytearray()
        for each in range(address, address + width):
            known = next((load for load in reversed(self._loads) if load.address <= each < load.end), None)
            if known is None or known.data is None:
                return None
            data.append(known.data[each - known.address])
        return int.from_bytes(data, "little")

    def file_at(self, address: int) -> tuple[str, str] | None:
        """The file that was loaded to an address last, and where; None for none."""
        return next(((load.file, load.at) for load in reversed(self._loads) if load.address == address), None)

    def name_at(self, address: int) -> str:
        """The file that lies at an address; "" for none."""
        return next((load.file for load in reversed(self._loads) if load.address <= address < load.end), "")

    def may_reach(self, address: int) -> str:
        """The last file of unknown size that was loaded below, after what lies at the address; "" for none."""
        for load in reversed(self._loads):
            if load.data is not None and load.address <= address < load.end:
                return ""
            if load.data is None and load.address < address:
                return f"{load.file!r} ({load.at})"
        return ""


def _under(data: memoryview, address: int, later: list[_Loaded]) -> memoryview:
    """Bytes with what was loaded over them since."""
    end = address + len(data)
    over = [load for load in later if load.address < end and load.end > address]
    if not over:
        return data
    copy = bytearray(data)
    for load in over:
        start = max(0, load.address - address)
        if load.data is None:
            del copy[start:]
        else:
            piece = load.data[max(0, address - load.address) : max(0, address - load.address) + len(copy) - start]
            copy[start : start + len(piece)] = piece
    return memoryview(bytes(copy))
