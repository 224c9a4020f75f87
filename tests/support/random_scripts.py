"""Random scripts of lines that U-Boot's parsers take, for recordings: words, chains, blocks, variables that are run.

    python tests/support/random_scripts.py FOLDER FIRST NUMBER

writes FOLDER/rSEED.cmd, which tools/record-script runs; the same seed makes the same script.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = "abcd"
_PIECES = ("x", "yy", "${v}", "$v", '"p ${v} q"', "'l m'", '"${v}"', "-", "'${v}'", '"n  o"', "z=")
_CONDITIONS = ("true", "false", 'test -n "${v}"', 'test -z "${v}"', 'test "${v}" = "x"', "test $? = 0", "itest 1 < 2",
               "itest.b 3 == 4")  # fmt: skip
_RUN = ("true", "false", 'setenv s "${s} f=$?"', "setenv a v", "exit 0", "exit 2", "if true; then exit 2; fi",
        'test -n "${b}"')  # fmt: skip
_VALUES = ("x", "'one two'", "'a  b'", '"q"', "1", "' lead'")
_LISTS = ("1 2", "${a} ${b}", '"3 4" 5', "6", "${none}")
_LINES, _RESET = 14, 2


class _Maker:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def _one(self, of: Sequence[str]) -> str:
        return self._random.choice(of).replace("v}", self._random.choice(_NAMES) + "}")

    def _words(self) -> str:
        def word() -> str:
            return "".join(self._one(_PIECES) for _ in range(self._random.choice((1, 1, 1, 2, 3))))

        return " ".join(word() for _ in range(self._random.choice((1, 1, 2, 3)))).replace("$v", "$a")

    def _action(self) -> str:
        kind, name = self._random.randrange(8), self._random.choice(_NAMES)
        if kind < 4:
            return f"setenv {name} {self._words()}"
        if kind == 4:
            return f"{name}={self._one(_PIECES)}".replace("$v", "$b")
        if kind == 5:
            return 'setenv s "${s} i=$?"'
        return self._one(_CONDITIONS) if kind == 6 else f"run f{self._random.randrange(3)}"

    def _chain(self) -> str:
        more = (self._action() + self._random.choice((" && ", " || ", "; ")) for _ in range(self._random.randrange(4)))
        return "".join(more) + self._action()

    def block(self, depth: int = 0) -> str:
        """A line: a chain of commands, or a block with others in it."""
        kind = self._random.randrange(7 if depth < 2 else 2)
        if kind < 2:
            return self._chain()
        condition, body = self._one(_CONDITIONS), self.block(depth + 1)
        if kind == 2:
            return f"if {condition}; then {body}; fi"
        if kind == 3:
            return f"if {condition}; then {body}; else {self.block(depth + 1)}; fi"
        if kind == 4:
            other = f"elif {self._one(_CONDITIONS)}; then {self.block(depth + 1)}; else {self._chain()}"
            return f"if {condition}; then {body}; {other}; fi"
        if kind == 5:
            return f"for k in {self._one(_LISTS)}; do {body}; done"
        count = f"n{depth}"
        return f"{count}=2; while itest ${{{count}}} > 0; do setexpr {count} ${{{count}}} - 1; {self._chain()}; done"

    def lines(self) -> list[str]:
        """The script."""
        found = ["#: setenv fdt_addr_r 0x43000000"]
        for number in range(3):
            others = (f"run f{number - 1}",) if number else ()
            body = "; ".join(self._one((*_RUN, *others)) for _ in range(self._random.choice((1, 2, 3))))
            found.append(f"#: setenv f{number} '{body}'")
        found += ["# Random.", "setenv s random"]
        for line in range(_LINES):
            if line % _RESET == 0:
                found += [f"setenv {name} {self._one(_VALUES)}" for name in _NAMES[:3]] + ["setenv d"]
            found += [self.block(), f'setenv s "${{s}} {line}=$?<${{a}}|${{b}}|${{c}}|${{d}}>"']
        found += ['setenv bootargs "${s}"', "load virtio 0 ${kernel_addr_r} vmlinuz"]
        return [*found, "load virtio 0 ${fdt_addr_r} board.dtb", "bootz ${kernel_addr_r} - ${fdt_addr_r}", ""]


def made_up(seed: int) -> str:
    """The script of a seed."""
    return "\n".join(_Maker(seed).lines())


if __name__ == "__main__":
    for each in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
        Path(sys.argv[1], f"r{each}.cmd").write_text(made_up(each))
