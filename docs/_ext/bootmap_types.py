"""Names that modules import for their types alone, given to Sphinx, which evaluates the types of signatures."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from typing import TYPE_CHECKING

import bootmap

if TYPE_CHECKING:
    from types import ModuleType

    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Do it before the first page is read."""
    app.connect("builder-inited", lambda _: _public_types())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _public_types() -> None:
    """A `msgspec.Struct` has its signature from its types, so that they must be there."""
    for name in bootmap.__all__:
        module = sys.modules.get(getattr(getattr(bootmap, name), "__module__", ""))
        if module is not None and module.__name__.startswith("bootmap."):
            _import_types(module)


def _import_types(module: ModuleType) -> None:
    for node in ast.parse(inspect.getsource(module)).body:
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            continue
        for each in node.body:
            if isinstance(each, ast.ImportFrom) and each.module is not None:
                source = importlib.import_module(each.module)
                for alias in each.names:
                    module.__dict__.setdefault(alias.asname or alias.name, getattr(source, alias.name))
            elif isinstance(each, ast.Assign):  # Path = str | PathLike[str]
                exec(compile(ast.Module([each], []), module.__name__, "exec"), module.__dict__)
