"""Whether a file copied from one service can be imported in another."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gitops.errors import GitopsError


@dataclass(frozen=True)
class Available:
    """What a new service can import: its locked ``packages``, and the ``modules`` of its own package by name."""

    packages: Collection[str]
    modules: Mapping[str, str]


def problems(text: str, where: str, own: str, have: Available) -> list[str]:
    """A line for each import that a new service does not have.

    ``own`` is the package that the file calls its own, "" for a file that must not name one.
    Raises GitopsError when ``where`` (the file's name for people) is not Python.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise GitopsError(f"{where}:{error.lineno}: not Python: {error.msg}", fix="correct the file") from None
    packages = {name.replace("-", "_") for name in have.packages}
    found = []
    for line, module, names in _imports(tree):
        top, _, rest = module.partition(".")
        if own and top == own:
            missing = [f"{own}.{name}" for name in _not_ours(rest, names, have.modules)]
        else:
            missing = [] if top in sys.stdlib_module_names or top in packages else [module]
        found += [f"{where}:{line}: imports {name}, which a new service does not have" for name in missing]
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[int, str, list[str]]]:
    """Line, module and the names taken from it, of every import however deep it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative one is as good as none: services write theirs out.
            yield node.lineno, "." * node.level + (node.module or ""), [alias.name for alias in node.names]


def _not_ours(module: str, names: Collection[str], modules: Mapping[str, str]) -> list[str]:
    """What of the package's own is asked for and not there, as ``module.name``."""
    if not module:
        # From the package itself: its modules, or what it defines.
        return [name for name in names if name not in modules and name not in _defined(modules["__init__"])]
    if module not in modules:
        return [module]
    return [f"{module}.{name}" for name in names if name not in _defined(modules[module])]


def _defined(text: str) -> set[str]:
    """The names that stand at the top of a module."""
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found
