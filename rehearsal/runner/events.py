"""What starts a run: events with the payloads that GitHub sends, as far as workflows read them.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops.environments import GitHub
from gitops.errors import GitopsError
from rehearsal.runner.workflows import Workflow

NEW = "0" * 40
NUMBER = 7
# The event that a workflow with several is run with, unless another is asked for.
PREFERRED = ("push", "pull_request", "schedule", "workflow_dispatch", "merge_group", "workflow_call")


@dataclass(frozen=True)
class Event:
    """An event: its name, the commit and ref of the run, and the payload; ``fork`` means no token for any job."""

    name: str
    sha: str
    ref: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    fork: bool = False


def push(github: GitHub, before: str, after: str) -> Event:
    """A push to the branch that ships."""
    ref = f"refs/heads/{github.branch}"
    return Event("push", after, ref, {"before": before, "after": after, "ref": ref, **_repository(github)})


def pull_request(
    github: GitHub, base: str, head: str, merge: str, *, number: int = NUMBER, fork: bool = False
) -> Event:
    """A pull request, of this repository's own branch or of a fork; the run is of the merge commit."""
    owner = "someone-else" if fork else github.owner
    payload = {
        "action": "synchronize",
        "number": number,
        "pull_request": {
            "number": number,
            "base": {"ref": github.branch, "sha": base, "repo": {"full_name": f"{github.owner}/{github.repository}"}},
            "head": {"ref": "change", "sha": head, "repo": {"full_name": f"{owner}/{github.repository}"}},
        },
        **_repository(github),
    }
    return Event("pull_request", merge, f"refs/pull/{number}/merge", payload, fork=fork)


def merge_group(github: GitHub, base: str, head: str) -> Event:
    """The merge queue asks for the checks of what it is about to merge."""
    ref = f"refs/heads/gh-readonly-queue/{github.branch}/pr-{NUMBER}-{base}"
    group = {"base_sha": base, "head_sha": head, "head_ref": ref, "base_ref": f"refs/heads/{github.branch}"}
    return Event("merge_group", head, ref, {"action": "checks_requested", "merge_group": group, **_repository(github)})


def by_hand(github: GitHub, sha: str, given: Mapping[str, str]) -> Event:
    """A dispatch from the branch that ships."""
    ref = f"refs/heads/{github.branch}"
    return Event("workflow_dispatch", sha, ref, {"inputs": dict(given), "ref": ref, **_repository(github)})


def schedule(github: GitHub, sha: str, cron: str) -> Event:
    """A schedule, which always runs on the default branch."""
    return Event("schedule", sha, f"refs/heads/{github.branch}", {"schedule": cron, **_repository(github)})


def call(github: GitHub, sha: str, given: Mapping[str, str]) -> Event:
    """A call by a workflow that a push started."""
    return Event("workflow_call", sha, f"refs/heads/{github.branch}", {"inputs": dict(given), **_repository(github)})


def choose(workflow: Workflow, wanted: str | None) -> str:
    """The event to run a workflow with; GitopsError when it has no such trigger or none that is known here."""
    triggers = workflow.triggers
    if wanted is not None and wanted not in triggers:
        raise GitopsError(
            f"{workflow.name} does not start on {wanted} (it does on: {', '.join(triggers)})", fix="check the spelling"
        )
    for event in [wanted] if wanted else PREFERRED:
        if event in triggers and event in PREFERRED:
            return event
    raise GitopsError(
        f"{workflow.name} starts on {', '.join(triggers)}, for which there is no event here",
        fix="add its payload to rehearsal/runner/events.py",
    )


def inputs(workflow: Workflow, event: str, given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The inputs of a dispatch or a call: those given, else ``known`` ones by name, defaults and first choices.

    Raises GitopsError for an input that the workflow does not have, a value
    that is no choice of it, and a required one that nobody gave.
    """
    declared: dict[str, dict[str, Any]] = (workflow.triggers[event] or {}).get("inputs", {})
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise GitopsError(f"{workflow.name} has no input {', '.join(unknown)}", fix="check the spelling")
    found: dict[str, str] = {}
    for name, about in declared.items():
        options: Sequence[str] = about.get("options", [])
        if name in given:
            if options and given[name] not in options:
                raise GitopsError(f"{name} is one of {', '.join(options)}, not {given[name]}", fix="check the spelling")
            found[name] = given[name]
        elif "default" in about:
            found[name] = about["default"]
        elif options:
            found[name] = options[0]
        elif event == "workflow_call" and name in known:
            found[name] = known[name]
        elif about.get("required") == "true":
            raise GitopsError(f"{workflow.name} needs the input {name}", fix=f"--input {name}=VALUE")
    return found


def _repository(github: GitHub) -> dict[str, Any]:
    return {
        "repository": {
            "full_name": f"{github.owner}/{github.repository}",
            "name": github.repository,
            "default_branch": github.branch,
            "owner": {"login": github.owner},
        }
    }
