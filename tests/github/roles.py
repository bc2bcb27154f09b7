"""Rules on who a job becomes: its role, its GitHub environment, and the trust that the role's template gives."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from gitops.repository import Checkout
from gitops.stacks import templates
from gitops.stacks.order import BOOTSTRAP, group
from tests.conftest import ROOT
from tests.github.expected import JOBS
from tests.github.files import SELF, GitHubFiles, Job, deployed_environments

AWS_ACTION = f"{SELF}actions/aws"
SETUP_ACTION = f"{SELF}actions/setup"
ROLE = "AWS::IAM::Role"
# How long a session lasts by itself (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
HOUR = 3600
# The end of an OIDC subject for an event without an environment (docs.github.com, OpenID Connect reference).
# A dispatch from another branch has that branch in its subject, and is refused.
ENDINGS = {
    "push": "ref:refs/heads/${GitHubBranch}",
    "workflow_dispatch": "ref:refs/heads/${GitHubBranch}",
    "schedule": "ref:refs/heads/${GitHubBranch}",
    "pull_request": "pull_request",
    "merge_group": "ref:refs/heads/gh-readonly-queue",
}


def jobs_assume_their_role(files: GitHubFiles) -> list[str]:
    """One role per job, in the environment that the job is for, and only with id-token: write."""
    problems = []
    for key, job in files.jobs.items():
        where = ".".join(key)
        expected = JOBS[key].role if key in JOBS else None
        assumed = _assumed(job)
        if [role for role, _ in assumed] != ([expected] if expected else []):
            problems.append(f"{where}: assumes {assumed}, not {expected}")
        if assumed and job.get("permissions", {}).get("id-token") != "write":
            problems.append(f"{where}: assumes a role without id-token: write")
        if not assumed and "steps" in job and "id-token" in job.get("permissions", {}):
            problems.append(f"{where}: id-token without a role")
    return problems


def environments_are_exact(files: GitHubFiles) -> list[str]:
    """The GitHub environment decides who approves and what the role trusts."""
    return [
        f"{'.'.join(key)}: environment {_environment(job)}"
        for key, job in files.jobs.items()
        if key in JOBS and _environment(job) != JOBS[key].environment
    ]


def roles_match_their_environment(files: GitHubFiles) -> list[str]:
    """A job approved for one environment must not become a role of another."""
    return [
        f"{'.'.join(key)}: a role of {environment} in the GitHub environment {_environment(job)}"
        for key, job in files.jobs.items()
        for _, environment in _assumed(job)
        if not (_environment(job) or environment).startswith(environment)
    ]


def the_roles_trust_these_jobs(files: GitHubFiles) -> list[str]:
    """Each role trusts the subject of each job that assumes it, and no subject that no job has."""
    subjects: dict[str, set[str]] = {}
    for (workflow, _), job in files.jobs.items():
        for role, _ in _assumed(job):
            subjects.setdefault(role, set()).update(_endings(job, files.events(workflow)))
    problems = []
    # A role that no job assumes is looked at as well: whoever it trusts could.
    for role in sorted({*subjects, *trusted_endings()}):
        wanted, trusted = subjects.get(role, set()), trusted_endings().get(role, set())
        problems += [f"{role} does not trust {ending}" for ending in sorted(wanted - trusted)]
        problems += [f"{role} trusts {ending}, which no job is" for ending in sorted(trusted - wanted)]
    return problems


def credentials_and_cache_stay_apart(files: GitHubFiles) -> list[str]:
    """A cache that a pull request may have written must not reach a job with a role."""
    return [
        f"{'.'.join(key)}: a package cache in a job with a role"
        for key, job in files.jobs.items()
        if _assumed(job)
        for step in job["steps"]
        if step.get("uses") == SETUP_ACTION and step.get("with", {}).get("cache", "false") != "false"
    ]


def images_are_built_where_all_look(files: GitHubFiles) -> list[str]:
    """The build role is one of the environment whose registry every environment names."""
    registries = {environment.registry for environment in deployed_environments().values()}
    built = {environment for job in files.jobs.values() for role, environment in _assumed(job) if role == "build"}
    return [] if built == registries else [f"images are built in {sorted(built)}, looked for in {sorted(registries)}"]


def credentials_outlive_the_job(files: GitHubFiles) -> list[str]:
    """A session that ends first leaves a deployment that nobody watches, and a revision that nobody retires."""
    problems = []
    for key, job in files.jobs.items():
        for step in (step for step in job.get("steps", []) if step.get("uses") == AWS_ACTION):
            role, lasts = step["with"]["role"], int(step["with"].get("seconds", HOUR))
            most = int(roles_of_bootstrap()[role].get("MaxSessionDuration", HOUR))
            if not int(job["timeout-minutes"]) * 60 <= lasts <= most:
                problems.append(f"{'.'.join(key)}: {job['timeout-minutes']} minutes as {role}, for {lasts} of {most} s")
    return problems


@cache
def roles_of_bootstrap() -> dict[str, dict[str, Any]]:
    """The properties of the roles that the templates of bootstrap make, by the last part of their names."""
    checkout = Checkout(ROOT)
    parts = [templates.load(checkout, name).content for name in templates.names(checkout) if group(name) == BOOTSTRAP]
    found = [one["Properties"] for part in parts for one in part["Resources"].values() if one["Type"] == ROLE]
    return {templates.written(one["RoleName"]).rsplit("-", 1)[1]: one for one in found}


@cache
def trusted_endings() -> dict[str, set[str]]:
    """Per role: the ends of the OIDC subjects it trusts, parameters left as they are."""
    return {
        name: {subject.split(":", 2)[2] for subject in _subjects(role["AssumeRolePolicyDocument"])}
        for name, role in roles_of_bootstrap().items()
    }


def _subjects(document: dict[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        for operator, keys in statement.get("Condition", {}).items():
            subjects = keys.get("token.actions.githubusercontent.com:sub", [])
            assert operator == "StringEquals" or not subjects, f"subject under {operator}"
            yield from map(templates.written, subjects if isinstance(subjects, list) else [subjects])


def _assumed(job: Job) -> list[tuple[str, str]]:
    return [
        (step["with"]["role"], step["with"]["environment"])
        for step in job.get("steps", [])
        if step.get("uses") == AWS_ACTION
    ]


def _environment(job: Job) -> str | None:
    environment = job.get("environment")
    name: str | None = environment.get("name") if isinstance(environment, dict) else environment
    return name


def _endings(job: Job, events: set[str]) -> set[str]:
    environment = _environment(job)
    if environment is not None:
        return {f"environment:{environment.replace('${{ inputs.environment }}', '${Environment}')}"}
    only = {event for event in events if f"github.event_name == '{event}'" in job.get("if", "")}
    return {ENDINGS[event] for event in only or events}
