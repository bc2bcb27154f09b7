"""The checks by name, and the commands of each. Nothing here needs a network.

A repository need not have everything that a check looks at: what is not there is not checked, and said.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitops import environments
from gitops.checks import files, locks
from gitops.checks.files import NothingToCheckError
from gitops.repository import ACTIONS, DOCKERFILE, GITHUB, SERVICES, WORKFLOWS, Checkout, base, template
from gitops.tools import checkov, tool

Command = list[str]

# No configuration file is read: a finding is waived beside its line or not at all.
ZIZMOR = ("--persona=auditor", "--offline", "--no-config", "--strict-collection", "--no-progress", "--quiet")
# Where mypy reads what to look at (mypy.readthedocs.io, "The mypy configuration file"), and what says so there.
MYPY_SETTINGS = {"mypy.ini": "", ".mypy.ini": "", "pyproject.toml": "[tool.mypy]", "setup.cfg": "[mypy]"}


@dataclass(frozen=True)
class Check:
    """A check passes when each of its commands exits with 0.

    ``commands`` may raise GitopsError, and the check fails with that line; of NothingToCheckError and
    NotInstalledError it says that it did not run, and why. Where it ``narrows``, they take ``--base COMMIT``.
    """

    name: str
    about: str
    commands: Callable[[Checkout], list[Command]]
    narrows: bool = False


def _python(checkout: Checkout) -> list[Command]:
    _require(checkout, "**/*.py")
    return [[tool("ruff"), "check"], [tool("ruff"), "format", "--check"]]


def _types(checkout: Checkout) -> list[Command]:
    _require(checkout, "**/*.py")
    mypy = tool("mypy")
    for name, mark in MYPY_SETTINGS.items():
        file = checkout.root / name
        if file.exists() and mark in file.read_text(encoding="utf-8"):
            return [["env", f"MYPYPATH={':'.join(_own_modules(checkout))}", mypy]]
    # One run each: two services may call a package the same.
    packages = sorted({path.parent for path in files.matching(checkout, f"{SERVICES}/*/*/__init__.py")})
    return [[mypy, "--ignore-missing-imports", package.as_posix()] for package in packages]


def _own_modules(checkout: Checkout) -> list[str]:
    """Where modules of services are found by their own names, as in their images and tests: folders, no packages."""
    paths = files.found(checkout, f"{SERVICES}/*/*/*.py")
    packages = {path.parent for path in paths if path.name == "__init__.py"}
    return sorted({(path.parent.parent if path.parent in packages else path.parent).as_posix() for path in paths})


def _workflows(checkout: Checkout) -> list[Command]:
    workflows = _names(files.matching(checkout, f"{WORKFLOWS}/*.yml", f"{WORKFLOWS}/*.yaml"))
    actions = _names(files.found(checkout, f"{ACTIONS}/*/action.yml", f"{ACTIONS}/*/action.yaml"))
    dependabot = _names(files.found(checkout, f"{GITHUB}/dependabot.yml", f"{GITHUB}/dependabot.yaml"))
    schema = [tool("check-jsonschema"), "--builtin-schema"]
    commands = [
        [tool("zizmor"), *ZIZMOR, GITHUB.as_posix()],
        # actionlint gives each script to the shellcheck it is told of.
        [tool("actionlint"), "-shellcheck", tool("shellcheck"), *workflows],
        [*schema, "vendor.github-workflows", *workflows],
    ]
    if actions:
        commands.append([*schema, "vendor.github-actions", *actions])
    if dependabot:
        commands.append([*schema, "vendor.dependabot", *dependabot])
    return commands


def _dockerfile(checkout: Checkout) -> list[Command]:
    found = files.matching(checkout, f"{SERVICES}/*/{DOCKERFILE}")
    return [[tool("hadolint"), "--no-color", *_names(found)]]


def _shell(checkout: Checkout) -> list[Command]:
    scripts = _names(files.shell_scripts(checkout))
    if not scripts:
        raise NothingToCheckError("no shell script")
    return [[tool("shellcheck"), "--severity=style", *scripts]]


def _lint(checkout: Checkout) -> list[Command]:
    _require(checkout, str(template("*")))
    tool("cfn-lint")
    return _gitops("lint")


def _policy(checkout: Checkout) -> list[Command]:
    _require(checkout, str(template("*")))
    checkov(checkout)
    return _gitops("policy")


def _locks(checkout: Checkout) -> list[Command]:
    files.matching(checkout, *locks.LOCKS, *locks.SOURCES)
    return [[sys.executable, "-m", "gitops.checks.locks"]]


def _render(checkout: Checkout) -> list[Command]:
    _require(checkout, str(base("*")))
    return _gitops("render", "--check")


def _contract(checkout: Checkout) -> list[Command]:
    if not any(one.services for one in environments.load_all(checkout).values()):
        raise NothingToCheckError("no environment has a service")
    return [[sys.executable, "-m", "gitops.contract.agree"]]


def _gitops(*words: str) -> list[Command]:
    return [[sys.executable, "-m", "gitops", *words]]


def _require(checkout: Checkout, pattern: str) -> None:
    if not any(path.match(pattern) for path in files.repository_files(checkout)):
        raise NothingToCheckError(f"no file matches {pattern}")


def _names(paths: list[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


# The slow ones first: they start first, and the quick ones fill the time beside them.
CHECKS = (
    Check("policy", "CloudFormation against checkov's policies, with each environment's values", _policy, narrows=True),
    Check("templates", "CloudFormation against the resource types' schemas (cfn-lint)", _lint, narrows=True),
    Check("types", "type hints (mypy; what its settings name, else the services' packages)", _types),
    Check("workflows", "workflows and actions: zizmor, actionlint with shellcheck, schemas", _workflows),
    Check("python", "Python style and known mistakes (ruff)", _python),
    Check("render", "rendered task definitions are fresh", _render),
    Check("contract", "task definition, template, Dockerfile, gunicorn and routes agree", _contract),
    Check("dockerfile", "Dockerfiles of the services (hadolint)", _dockerfile),
    Check("shell", "every shell script (shellcheck)", _shell),
    Check("locks", "requirements pinned and hashed, from no index of their own", _locks),
    Check("secrets", "no credential in a file", lambda _: [[sys.executable, "-m", "gitops.checks.secrets"]]),
)
