"""Which of our modules import which, as their files say: nothing is imported to find out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

# What new services start from, and what the runner's stand-ins for actions run: files that are copied, no modules.
COPIED = ("gitops/newservice/starter", "rehearsal/runner/actions")


@cache
def modules() -> Mapping[str, Path]:
    """Every module of gitops, of the rehearsal and of each service, by its name; a package is its ``__init__``."""
    found = {}
    for base, folder in ((ROOT, "gitops"), (ROOT, "rehearsal"), *((one, "*") for one in (ROOT / "services").iterdir())):
        for path in base.glob(f"{folder}/**/*.py"):
            parts = path.relative_to(base).with_suffix("").parts
            if not path.relative_to(ROOT).as_posix().startswith(COPIED):
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """What a module of ours imports: modules by name, and names of modules (``gitops.errors.GitopsError``)."""
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    return frozenset(name for node in _running(tree) for name in _named(node))


@cache
def imported_modules(module: str) -> frozenset[str]:
    """The modules of ours that a module imports, itself left out."""
    known = modules()
    # ``from gitops import aws`` names a module, ``from gitops.errors import GitopsError`` a name in one.
    named = (name if name in known else name.rpartition(".")[0] for name in imports(module))
    return frozenset(name for name in named if name in known and name != module)


def graph() -> dict[str, frozenset[str]]:
    """Every module of ours with those it imports."""
    return {module: imported_modules(module) for module in modules()}


def circles(graph: Mapping[str, Collection[str]]) -> set[tuple[str, ...]]:
    """Groups of modules each of which, over others, imports itself."""
    reached = {one: _reached(graph, one) for one in graph}
    return {
        tuple(sorted(other for other in reached[one] if one in reached[other])) for one in graph if one in reached[one]
    }


def top(module: str) -> str:
    """The package that a module belongs to."""
    return module.partition(".")[0]


def _reached(graph: Mapping[str, Collection[str]], module: str) -> set[str]:
    found = set[str]()
    left = [module]
    while left:
        new = set(graph.get(left.pop(), ())) - found
        found |= new
        left += new
    return found


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: what stands under ``if TYPE_CHECKING`` does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from (other, *_running(other))
        else:
            yield child
            yield from _running(child)


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        yield from (f"{node.module}.{name.name}" for name in node.names)
