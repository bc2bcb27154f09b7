"""What a change can affect: the checks and the tests of a pull request, by the paths that differ.

A path that no row knows affects everything: a new kind of file is looked at
until somebody says what it concerns. Rows say which checks run; what those of the
templates then look at, a stack at a time, ``policy/filled.py`` says by the stacks' contents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gitops.repository import Checkout, package

EVERYTHING = "*"
# A rehearsal that ships HEAD: the strongest test of a service, a template or an environment.
REHEARSED = "tests/rehearsal/ship"


@dataclass(frozen=True)
class Row:
    """Paths (``*`` stands for any characters, ``{service}`` for one of services/) and what they can affect."""

    paths: tuple[str, ...]
    checks: tuple[str, ...]
    tests: tuple[str, ...]


# The first row that holds a path decides. {package} is the service's name as Python writes it.
ROWS = (
    Row(("docs/*", "*.md", "LICENSE*"), (), ("tests/docs",)),
    Row(
        ("services/{service}/*",),
        ("python", "types", "render", "contract", "dockerfile", "locks", "shell"),
        ("tests/services/{package}", REHEARSED),
    ),
    Row(("tests/services/{package}/*",), ("python", "types"), ("tests/services/{package}",)),
    Row(("taskdefs/{service}/*",), ("render", "contract"), ("tests/services/{package}", REHEARSED)),
    Row(
        ("infra/environments/*/{service}.yaml",),
        ("render", "contract", "policy", "templates"),
        ("tests/infra", "tests/services/{package}", REHEARSED),
    ),
    Row(("infra/*",), ("render", "contract", "policy", "templates"), ("tests/infra", REHEARSED)),
    Row((".github/*",), ("workflows",), ("tests/github", "tests/rehearsal/runner")),
    Row(("*",), (EVERYTHING,), (EVERYTHING,)),
)


@dataclass(frozen=True)
class Selection:
    """The names of checks and the folders of tests that a change asks for, sorted; None means all there are."""

    checks: tuple[str, ...] | None
    tests: tuple[str, ...] | None


def selection(paths: Iterable[str], services: Sequence[str]) -> Selection:
    """What the changed ``paths`` (from the repository's top, with ``/``) can affect, given the names of its services.

    Not every folder of tests need exist: a service may have none.
    """
    # A credential may stand in any file.
    checks, tests = {"secrets"}, set[str]()
    for path in paths:
        row, service = _row(path, services)
        checks.update(row.checks)
        tests.update(name.format(package=package(service)) for name in row.tests)
    return Selection(_unless_everything(checks), _unless_everything(tests))


def selected(checkout: Checkout, base: str) -> Selection:
    """What the work tree's difference from a commit can affect; everything where there is no such commit."""
    paths = checkout.changed(base)
    return Selection(None, None) if paths is None else selection(paths, checkout.services())


def _row(path: str, services: Sequence[str]) -> tuple[Row, str]:
    for row in ROWS:
        for pattern in row.paths:
            for service in services if "{" in pattern else ("",):
                if fnmatchcase(path, pattern.format(service=service, package=package(service))):
                    return row, service
    raise AssertionError("the last row holds every path")


def _unless_everything(names: set[str]) -> tuple[str, ...] | None:
    return None if EVERYTHING in names else tuple(sorted(names))
