"""Dependencies point one way: rehearsal → gitops → nothing of ours; and within gitops from the verbs down."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gitops
from gitops import tools
from tests.conftest import ROOT
from tests.imports import circles, graph, imported_modules, imports, modules, top

# The modules that the rehearsal takes more of than public names: the reason.
BEYOND: dict[str, str] = {
    "gitops.aws": "what AWS answers, as a problem and its fix",
    "gitops.environments": "which environment stands on this machine, and what a service needs there",
    "gitops.repository": "the layout, which is written down once",
    "gitops.stacks.templates": "the permissions are read from templates as the plan reads them",
}


def shared(module: str) -> bool:
    """Whether a module is a room that all share: a file of its own in gitops/, below every folder there."""
    return module.startswith("gitops.") and module.count(".") == 1 and modules()[module].name != "__init__.py"


def against() -> Iterator[tuple[str, str]]:
    """The imports that point the wrong way."""
    for module, imported in ((module, imported) for module, them in graph().items() for imported in them):
        below = {top(module), "gitops"} if top(module) == "rehearsal" else {top(module)}
        # The command imports a verb by its name when it is called: nothing else imports one.
        verb = imported.startswith("gitops.verbs.")
        folder = shared(module) and imported.count(".") > 1
        if top(imported) not in below or verb or folder:
            yield module, imported


def test_the_files_are_all_there() -> None:
    """A walk that finds nothing finds no fault either."""
    assert {top(module) for module in modules()} > {"gitops", "rehearsal"}
    assert "gitops.errors" in imported_modules("gitops.repository")
    assert "gitops.errors.GitopsError" in imports("gitops.repository")
    assert shared("gitops.repository")
    assert not shared("gitops.verbs")
    assert not shared("gitops.taskdefs.tree")


def test_nothing_imports_itself_over_others() -> None:
    assert circles(graph()) == set()


def test_a_circle_is_seen_over_any_number_of_modules() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a", "e"], "e": []}) == {("a", "b", "c")}
    assert circles({"a": ["b", "c"], "b": ["a"], "c": ["d"], "d": ["c"]}) == {("a", "b"), ("c", "d")}
    assert circles({"a": ["b", "c"], "b": ["c"], "c": []}) == set()


def test_no_import_points_the_wrong_way() -> None:
    assert list(against()) == []


def test_the_rehearsal_takes_public_names_of_gitops_alone() -> None:
    public = {f"{getattr(gitops, name).__module__}.{name}" for name in gitops.__all__}
    public |= {f"gitops.{name}" for name in gitops.__all__}
    taken = {name for module in modules() if top(module) == "rehearsal" for name in imports(module)}
    beyond = {name for name in taken if top(name) == "gitops"} - public
    assert {name if name in modules() else name.rpartition(".")[0] for name in beyond} == BEYOND.keys()


@pytest.mark.parametrize("name", gitops.__all__)
def test_a_public_name_is_what_its_module_has(name: str) -> None:
    value = getattr(gitops, name)
    assert value.__name__ == name
    assert value.__doc__
    assert value.__module__ in modules()


def test_what_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'everything'"):
        gitops.everything  # noqa: B018


# What is run or loaded by its name and imported nowhere.
RUN = {"pip-audit"}
# What is read as files.
DATA = {"cfn-lint"}
CHECKERS = set(tools.PACKAGES.values()) | {"cfn-lint", "check-jsonschema", "mypy", "ruff", "zizmor"}


def foreign(package: str) -> set[str]:
    """The distributions that a package of ours imports."""
    found = {top(name) for module in modules() if top(module) == package for name in imports(module)}
    owners = packages_distributions()
    there = found - sys.stdlib_module_names - {"gitops", "rehearsal"}
    return {canonicalize_name(owners[name][0]) for name in there}


def declared(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours, extras = declared(project["dependencies"]), project["optional-dependencies"]
    # boto3 brings botocore of its own version; ministack pins another in turn.
    assert ours == (foreign("gitops") | RUN) - {"botocore"}
    assert declared(extras["rehearsal"]) == (foreign("rehearsal") | DATA) - ours - {"botocore"}
    assert declared(extras["checks"]) == CHECKERS
    locks = "".join((ROOT / f"requirements/{name}.txt").read_text() for name in ("dev", "bootstrap"))
    locked = re.findall(r"^([a-z0-9.-]+)==", locks, re.MULTILINE)
    everything = ours.union(*(declared(extra) for extra in extras.values()))
    assert everything <= set(locked), "what is declared is tested in the version that is locked"
