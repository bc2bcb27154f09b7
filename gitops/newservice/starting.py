"""Where each file of a new service comes from: the service it is made after, or a starter beside this file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

from gitops.errors import GitopsError
from gitops.newservice import imports, inherited, locks
from gitops.newservice.names import Names

STARTER = Path(__file__).parent / "starter"

# as it is: the source's, to the byte. renamed: the source's, with the package's name changed. image: renamed, its
# labels too, and it has to run the application. locked: the source's versions of what the starter requires.
# starter: what differs from service to service, written below STARTER.
How = Literal["as it is", "renamed", "image", "locked", "starter"]

FILES: Mapping[str, How] = {
    "services/{service}/.dockerignore": "renamed",
    "services/{service}/Dockerfile": "image",
    "services/{service}/gunicorn.conf.py": "renamed",
    "services/{service}/requirements.in": "starter",
    "services/{service}/requirements.txt": "locked",
    "services/{service}/{module}/__init__.py": "starter",
    "services/{service}/{module}/config.py": "starter",
    "services/{service}/{module}/headers.py": "as it is",
    "services/{service}/{module}/logs.py": "as it is",
    "services/{service}/{module}/static/style.css": "starter",
    "services/{service}/{module}/templates/page.html": "starter",
    "services/{service}/{module}/views.py": "starter",
    "tests/services/{module}/__init__.py": "starter",
    "tests/services/{module}/conftest.py": "starter",
    "tests/services/{module}/test_config.py": "starter",
    "tests/services/{module}/test_gunicorn.py": "starter",
    "tests/services/{module}/test_page.py": "starter",
}
REQUIREMENTS = "services/{service}/requirements.in"
_PACKAGE = "services/{service}/{module}/"
# Longest first. In a starter file, `Starter` stands for the service's name, `starter` for its package and
# "/starter" for its folder of the load balancer.
_FOLDERS = {
    _PACKAGE: "starter/",
    "services/{service}/": "",
    "tests/services/{module}/": "starter_tests/",
}
_PREFIX = '"/starter"'


def files(root: Path, source: Names, new: Names, prefix: str) -> dict[Path, str]:
    """The files of a new service below ``prefix``, by their path below ``root``, in the shape of ``source``.

    Raises GitopsError for a file that the source does not have (any more), and for
    one that imports what a new service does not have.
    """
    starter = {pattern: _starter(pattern, new, prefix) for pattern, how in FILES.items() if how == "starter"}
    locked = locks.part(
        read(root, f"services/{source.service}/requirements.txt"),
        starter[REQUIREMENTS].split(),
        REQUIREMENTS.format(service=source.service),
        REQUIREMENTS.format(service=new.service),
    )
    copied = {
        pattern: read(root, str(_place(pattern, source)))
        for pattern, how in FILES.items()
        if how not in ("starter", "locked")
    }
    _require_imports(starter | copied, source, locks.names(locked))
    make: Mapping[How, Callable[[str], str]] = {
        "as it is": lambda text: text,
        "renamed": lambda text: inherited.renamed(text, source, new),
        "image": lambda text: inherited.docker_file(text, source, new),
        "locked": lambda _: locked,
        "starter": lambda text: text,
    }
    texts = starter | copied
    return {_place(pattern, new): make[how](texts.get(pattern, "")) for pattern, how in FILES.items()}


def _require_imports(texts: Mapping[str, str], source: Names, packages: Collection[str]) -> None:
    modules = {
        Path(pattern).stem: text
        for pattern, text in texts.items()
        if pattern.startswith(_PACKAGE) and pattern.endswith(".py")
    }
    problems = [
        problem
        for pattern, text in texts.items()
        if pattern.endswith(".py") and FILES[pattern] != "starter"
        for problem in imports.problems(
            text,
            str(_place(pattern, source)),
            # What is copied as it is cannot name the package it came from.
            source.module if FILES[pattern] == "renamed" else "",
            imports.Available(packages, modules),
        )
    ]
    if problems:
        raise GitopsError(
            problems[0], others=tuple(problems[1:]), fix="take it out of there, or give another service as --from"
        )


def read(root: Path, where: str) -> str:
    """A file that a new service is made from; GitopsError when it is not there."""
    try:
        return (root / where).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GitopsError(f"{where} is missing", fix="restore it, or give another service as --from") from None


def _starter(pattern: str, new: Names, prefix: str) -> str:
    folder = next(folder for folder in _FOLDERS if pattern.startswith(folder))
    text = (STARTER / _FOLDERS[folder] / pattern.removeprefix(folder)).read_text(encoding="utf-8")
    return fill(text, new, prefix)


def fill(text: str, names: Names, prefix: str) -> str:
    """The text of a starter file, written for a service."""
    text = text.replace(_PREFIX, f'"{prefix}"')
    return re.sub(r"\bstarter\b", names.module, re.sub(r"\bStarter\b", names.service, text))


def _place(pattern: str, names: Names) -> Path:
    return Path(pattern.format(service=names.service, module=names.module))
