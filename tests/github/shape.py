"""Rules on how every workflow is written: permissions, limits, names, pins, triggers and concurrency."""

from __future__ import annotations

import re
from typing import Any

from tests.github.expected import CONCURRENCY, JOBS, TRIGGERS
from tests.github.files import SELF, GitHubFiles, expressions

PIN = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
PERMISSION = re.compile(r"^\s+(?:contents|id-token|attestations|pull-requests): \w+(?P<reason> # \w.+)?$")
LONGEST_MINUTES = 75


def jobs_are_the_expected(files: GitHubFiles) -> list[str]:
    """No job may come or go without its line in the table."""
    return [f"job {'.'.join(key)} is in only one of table and files" for key in sorted(set(files.jobs) ^ set(JOBS))]


def permissions_are_exact(files: GitHubFiles) -> list[str]:
    """Nothing for the workflow, and for each job what the table says."""
    problems = [
        f"{name}: permissions of the whole workflow: {data.get('permissions')}"
        for name, data in files.workflows.items()
        if data.get("permissions") != {}
    ]
    for key, job in files.jobs.items():
        if key in JOBS and job.get("permissions") != JOBS[key].permissions:
            problems.append(f"{'.'.join(key)}: permissions {job.get('permissions')}")
    return problems


def each_permission_has_its_reason(files: GitHubFiles) -> list[str]:
    """The comment beside it."""
    return [
        f"{name}:{number}: permission without a reason"
        for name, text in files.texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := PERMISSION.match(line)) and not found["reason"]
    ]


def outside_actions_are_pinned(files: GitHubFiles) -> list[str]:
    """By full commit, with the version beside it; our own come from the commit that runs."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in files.texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.match(r"\s*(?:- )?uses:", line) and f"uses: {SELF}" not in line and not PIN.search(line)
    ]


def one_pin_per_action(files: GitHubFiles) -> list[str]:
    """Two versions of one action would be reviewed once and run twice."""
    pins: dict[str, set[str]] = {}
    for _, step in files.steps():
        action, _, commit = step.get("uses", "").partition("@")
        if commit:
            pins.setdefault(action, set()).add(commit)
    return [f"{action} has several pins: {sorted(commits)}" for action, commits in pins.items() if len(commits) > 1]


def jobs_have_limits_and_names(files: GitHubFiles) -> list[str]:
    """A name everywhere, and a timeout and a fixed runner for each job that has steps."""
    problems = [f"{name}: no name" for name, data in files.workflows.items() if not data.get("name")]
    for key, job in files.jobs.items():
        where = ".".join(key)
        if not job.get("name"):
            problems.append(f"{where}: no name")
        if "steps" in job:
            minutes = job.get("timeout-minutes", "")
            if not (minutes.isdigit() and 0 < int(minutes) <= LONGEST_MINUTES):
                problems.append(f"{where}: timeout-minutes {minutes or 'missing'}")
            if job.get("runs-on") != "ubuntu-24.04":
                problems.append(f"{where}: runs on {job.get('runs-on')}")
    return problems + [f"{where}: step without a name" for where, step in files.steps() if not step.get("name")]


def checkouts_keep_no_credentials(files: GitHubFiles) -> list[str]:
    """The token of the checkout must not stay in .git for what runs later."""
    return [
        f"{where}: checkout keeps its credentials"
        for where, step in files.steps()
        if step.get("uses", "").startswith("actions/checkout@")
        and step.get("with", {}).get("persist-credentials") != "false"
    ]


def triggers_are_exact(files: GitHubFiles) -> list[str]:
    """Events, filters, and inputs with their types; required is required."""
    found = {name: _without_descriptions(data["on"]) for name, data in files.workflows.items()}
    return [
        f"{name}: triggers {found.get(name)}"
        for name in sorted({*found, *TRIGGERS})
        if found.get(name) != TRIGGERS.get(name)
    ]


def concurrency_is_exact(files: GitHubFiles) -> list[str]:
    """Each group as in the table, and no group that the table does not know."""
    places: dict[str, Any] = {**files.workflows, **{".".join(key): job for key, job in files.jobs.items()}}
    found = {
        name: (data["concurrency"].get("group"), data["concurrency"].get("cancel-in-progress"))
        for name, data in places.items()
        if "concurrency" in data
    }
    return [
        f"{name}: concurrency {found.get(name)}"
        for name in sorted({*found, *CONCURRENCY})
        if found.get(name) != CONCURRENCY.get(name)
    ]


def no_secrets_are_used(files: GitHubFiles) -> list[str]:
    """Roles are assumed by OIDC and secrets live in Parameter Store: GitHub holds none."""
    return [
        f"{name}: {expression}"
        for name, data in files.parsed.items()
        for expression in expressions(data)
        if re.search(r"\bsecrets\b", expression)
    ] + [f"{'.'.join(key)}: passes secrets" for key, job in files.jobs.items() if "secrets" in job]


def _without_descriptions(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_descriptions(value) for key, value in data.items() if key != "description"}
    return data
