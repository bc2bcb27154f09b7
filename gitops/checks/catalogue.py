"""The checks by name, and the commands of each. Nothing here needs a network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitops.checks import files
from gitops.errors import GitopsError

Command = list[str]

# No configuration file is read: a finding is waived beside its line or not at all.
ZIZMOR = ("--persona=auditor", "--offline", "--no-config", "--strict-collection", "--no-progress", "--quiet")


@dataclass(frozen=True)
class Check:
    """A check passes when each of its commands exits with 0.

    ``commands`` gets the repository's root and may raise GitopsError: then the check fails with that line.
    """

    name: str
    about: str
    commands: Callable[[Path], list[Command]]


def tool(name: str) -> str:
    """The path of a checker beside the running interpreter; GitopsError when it is not installed."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise GitopsError(f"{name} is not installed in {path.parent.parent.name}", fix="make setup")
    return str(path)


def _python(_: Path) -> list[Command]:
    return [[tool("ruff"), "check"], [tool("ruff"), "format", "--check"]]


def _types(_: Path) -> list[Command]:
    return [[tool("mypy")]]


def _workflows(root: Path) -> list[Command]:
    workflows = _names(files.matching(root, ".github/workflows/*.yml"))
    actions = _names(files.matching(root, ".github/actions/*/action.yml"))
    schema = [tool("check-jsonschema"), "--builtin-schema"]
    return [
        [tool("zizmor"), *ZIZMOR, ".github"],
        # actionlint gives each script to the shellcheck it is told of.
        [tool("actionlint"), "-shellcheck", tool("shellcheck"), *workflows],
        [*schema, "vendor.github-workflows", *workflows],
        [*schema, "vendor.github-actions", *actions],
        [*schema, "vendor.dependabot", ".github/dependabot.yml"],
    ]


def _dockerfile(root: Path) -> list[Command]:
    return [[tool("hadolint"), "--no-color", *_names(files.matching(root, "services/*/Dockerfile"))]]


def _shell(root: Path) -> list[Command]:
    scripts = _names(files.shell_scripts(root))
    if not scripts:
        raise GitopsError("no shell script found", fix="restore .ci/run, or correct gitops/checks/files.py")
    return [[tool("shellcheck"), "--severity=style", *scripts]]


def _verb(*words: str) -> Callable[[Path], list[Command]]:
    return lambda _: [[sys.executable, "-m", "gitops", *words]]


def _modules(*names: str) -> Callable[[Path], list[Command]]:
    return lambda _: [[sys.executable, "-m", f"gitops.checks.{name}"] for name in names]


def _names(paths: list[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


# The slow ones first: they start first, and the quick ones fill the time beside them.
CHECKS = (
    Check("policy", "CloudFormation against checkov's policies, with each environment's values", _verb("policy")),
    Check("templates", "CloudFormation against the resource types' schemas (cfn-lint)", _verb("lint")),
    Check("types", "type hints (mypy, strict)", _types),
    Check("workflows", "workflows and actions: zizmor, actionlint with shellcheck, schemas", _workflows),
    Check("python", "Python style and known mistakes (ruff)", _python),
    Check("render", "rendered task definitions are fresh", _verb("render", "--check")),
    Check("layers", "task definition, template, Dockerfile, gunicorn and routes agree", _modules("layers")),
    Check("dockerfile", "Dockerfiles of the services (hadolint)", _dockerfile),
    Check("shell", "every shell script (shellcheck)", _shell),
    Check(
        "locks",
        "requirements pinned and hashed; no registry host or path of one machine",
        _modules("locks", "mentions"),
    ),
    Check("secrets", "no credential in a file", _modules("secrets")),
)
