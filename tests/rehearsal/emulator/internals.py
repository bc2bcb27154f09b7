"""Prints each internal of ministack that the rehearsal uses and that is not held by ``seams``, one a line."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from rehearsal.emulator import seams

EMULATOR = Path(seams.__file__).parent


def used() -> Iterator[tuple[str, str]]:
    """Module and name of everything with a leading underscore that is taken from ministack."""
    for file in sorted(EMULATOR.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        modules = {}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ministack":
                for name in node.names:
                    modules[name.asname or name.name] = f"{node.module}.{name.name}"
                    if name.name.startswith("_"):
                        yield str(node.module), name.name
        for node in nodes:
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.attr.startswith("_")
                and node.value.id in modules
            ):
                yield modules[node.value.id], node.attr


def main() -> None:
    """Look each of them up."""
    for module_name, name in sorted(set(used())):
        found = getattr(importlib.import_module(module_name), name, None)
        if found is None:
            print(f"{module_name}.{name} is gone")
        elif inspect.isfunction(found) and name not in seams.FUNCTIONS.get(module_name.removeprefix("ministack."), {}):
            print(f"{module_name}.{name} stands in no table")


if __name__ == "__main__":
    main()
