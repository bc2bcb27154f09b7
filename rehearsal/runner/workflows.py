"""The workflow files: their triggers, jobs and pins, and the copy of them that act can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitops import Checkout, GitopsError
from gitops.repository import ACTIONS, WORKFLOWS

SELF = "$/"
LEVELS = ("none", "read", "write")


@dataclass(frozen=True)
class Workflow:
    """One workflow file; every scalar is a string, so that ``on`` stays a name."""

    name: str
    text: str

    @property
    def data(self) -> dict[str, Any]:
        """The file's content."""
        content: dict[str, Any] = yaml.load(self.text, Loader=yaml.CBaseLoader)  # noqa: S506
        return content

    @property
    def triggers(self) -> dict[str, Any]:
        """Events that start it, each with its filters and inputs."""
        on = self.data["on"]
        if isinstance(on, str):
            return {on: {}}
        return {event: {} for event in on} if isinstance(on, list) else {event: on[event] or {} for event in on}

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Its jobs by id."""
        jobs: dict[str, dict[str, Any]] = self.data["jobs"]
        return jobs


def read(checkout: Checkout) -> dict[str, Workflow]:
    """Every workflow of the repository by its file's name."""
    folder = checkout.root / WORKFLOWS
    files = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    return {path.stem: Workflow(path.stem, path.read_text(encoding="utf-8")) for path in files}


def called(job: Mapping[str, Any]) -> str | None:
    """The workflow of this repository that a job calls."""
    uses = str(job.get("uses", ""))
    prefix = f"{SELF}{WORKFLOWS.as_posix()}/"
    return Path(uses).stem if uses.startswith(prefix) else None


def used(checkout: Checkout) -> list[tuple[str, dict[str, str]]]:
    """Every ``uses:`` of a step that names an action from outside, with its inputs."""
    found = []
    workflows, actions = checkout.root / WORKFLOWS, checkout.root / ACTIONS
    for path in sorted([*workflows.glob("*.y*ml"), *actions.glob("*/action.yml")]):
        data = yaml.load(path.read_bytes(), Loader=yaml.CBaseLoader)  # noqa: S506
        found += [(step["uses"], step.get("with", {})) for step in _steps(data) if "@" in step.get("uses", "")]
    return found


def gets_token(job: Mapping[str, Any]) -> bool:
    """Whether GitHub gives a job's steps an OIDC token."""
    return _permission(job, "id-token") == "write"


def require_granted(every: Mapping[str, Workflow]) -> None:
    """Raise GitopsError where a job of a called workflow asks for a permission that its caller does not grant.

    GitHub refuses such a run at its start (docs.github.com, "Reusing workflows", access and permissions).
    """
    for workflow in every.values():
        for name, job in workflow.jobs.items():
            callee = called(job)
            if callee is None:
                continue
            for scope, level in _asked(every[callee]):
                if LEVELS.index(_permission(job, scope)) < LEVELS.index(level):
                    raise GitopsError(
                        f"{workflow.name}.{name} does not grant {scope}: {level}, which {callee} asks for",
                        fix=f"grant it in {WORKFLOWS}/{workflow.name}.yml",
                    )


def rewritten(workflow: Workflow, token_url: str | None, token: str) -> str:
    """The text for act: ``./`` for ``$/``, and the token variables for each job that may have a token.

    act sets neither of them, so a job without ``id-token: write`` has none, as on GitHub. The job's own
    expression for its GitHub environment goes into the URL and is evaluated by act.
    """
    lines = workflow.text.splitlines(keepends=True)
    if token_url is not None:
        # From the end, so that the lines before keep their numbers.
        for line, column, variables in sorted(_insertions(workflow, token_url, token), reverse=True):
            inserted = "".join(f"{' ' * column}{text}\n" for text in variables)
            lines.insert(line, inserted)
    return "".join(lines).replace(f"uses: {SELF}", "uses: ./")


def _insertions(workflow: Workflow, token_url: str, token: str) -> Iterator[tuple[int, int, list[str]]]:
    document = yaml.compose(workflow.text, Loader=yaml.CSafeLoader)
    for name, node in _mapping(_mapping(document)["jobs"][1]).items():
        job = workflow.jobs[name]
        if "steps" not in job or not gets_token(job):
            continue
        environment = job.get("environment", "")
        environment = environment["name"] if isinstance(environment, dict) else environment
        url = f"{token_url}?workflow={workflow.name}&environment={environment}"
        variables = [
            f"ACTIONS_ID_TOKEN_REQUEST_URL: {json.dumps(url)}",
            f"ACTIONS_ID_TOKEN_REQUEST_TOKEN: {json.dumps(token)}",
        ]
        keys = _mapping(node[1])
        if "env" in keys:
            first = next(iter(_mapping(keys["env"][1]).values()))[0]
            yield first.start_mark.line, first.start_mark.column, variables
        else:
            mark = keys["steps"][0].start_mark
            yield mark.line, mark.column, ["env:", *(f"  {variable}" for variable in variables)]


def _mapping(node: Any) -> dict[str, tuple[yaml.Node, yaml.Node]]:  # noqa: ANN401 (any YAML node)
    return {key.value: (key, value) for key, value in node.value}


def _permission(job: Mapping[str, Any], scope: str) -> str:
    permissions = job.get("permissions", {})
    return str(permissions.get(scope, "none")) if isinstance(permissions, dict) else "none"


def _asked(workflow: Workflow) -> list[tuple[str, str]]:
    """Every permission of its jobs."""
    found = [job["permissions"] for job in workflow.jobs.values() if isinstance(job.get("permissions"), dict)]
    return [(scope, level) for permissions in found for scope, level in permissions.items()]


def _steps(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from data.get("runs", {}).get("steps", [])
    for job in data.get("jobs", {}).values():
        yield from job.get("steps", [])
