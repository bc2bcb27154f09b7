"""The paths that a Flask service answers to GET, read from its code without running it.

A deploy must not run the code it deploys: it holds a role. So this reads what
stands there as plain strings; a path that is computed is not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_METHODS = {"route", "get", "add_url_rule"}


def uses_flask(texts: Iterable[str]) -> bool:
    """Whether any module imports Flask."""
    return any(
        (isinstance(node, ast.ImportFrom) and node.module == "flask")
        or (isinstance(node, ast.Import) and any(name.name == "flask" for name in node.names))
        for text in texts
        for node in ast.walk(ast.parse(text))
    )


def paths(texts: Iterable[str]) -> set[str]:
    """Every path, with the prefix of its blueprint.

    Raises SyntaxError for a text that is not Python.
    """
    trees = [ast.parse(text) for text in texts]
    calls = [call for tree in trees for call in ast.walk(tree) if isinstance(call, ast.Call)]
    prefixes = _prefixes(trees, calls)
    return {
        (prefixes.get(owner, "") + path) or "/"
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS and _answers_get(call)
        for owner, path in [(_name(call.func.value), _path(call))]
        if path is not None and path.startswith("/")
    }


def _prefixes(trees: Iterable[ast.Module], calls: Iterable[ast.Call]) -> dict[str, str]:
    """Blueprint variable to its prefix; the one given when it is registered wins, as in Flask."""
    found = {}
    for target, value in _assigned(trees):
        if isinstance(value, ast.Call) and _name(value.func) == "Blueprint":
            found[target] = _keyword(value, "url_prefix") or ""
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "register_blueprint" and call.args:
            prefix = _keyword(call, "url_prefix")
            if prefix is not None:
                found[_name(call.args[0])] = prefix
    return {name: prefix.rstrip("/") for name, prefix in found.items()}


def _assigned(trees: Iterable[ast.Module]) -> Iterator[tuple[str, ast.expr]]:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                yield from ((_name(target), node.value) for target in node.targets)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                yield _name(node.target), node.value


def _name(node: ast.expr) -> str:
    """The last part of a name: ``pages`` of ``views.pages``, which is how another module calls it."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _path(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return _keyword(call, "rule")


def _keyword(call: ast.Call, name: str) -> str | None:
    for keyword in call.keywords:
        if keyword.arg == name and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str):
            return keyword.value.value
    return None


def _answers_get(call: ast.Call) -> bool:
    for keyword in call.keywords:
        if keyword.arg == "methods" and isinstance(keyword.value, ast.List | ast.Tuple | ast.Set):
            named = {item.value for item in keyword.value.elts if isinstance(item, ast.Constant)}
            return "GET" in {str(name).upper() for name in named}
    return True
