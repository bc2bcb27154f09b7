"""A repository that does not exist yet, and whether a commit asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitops import git
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import registry
from gitops.images.registry import Repository
from gitops.stacks import templates, waiting
from gitops.stacks.order import REGISTRY
from gitops.stacks.waiting import Clock


def is_expected(root: Path, commit: str, home: Environment, service: str) -> bool:
    """Whether the registry's template at the commit has the service's repository, in an environment with a registry."""
    if REGISTRY not in home.stacks:
        return False
    path = templates.FOLDER / f"{REGISTRY}.yaml"
    try:
        template = templates.parse(git.file(root, commit, str(path)), REGISTRY, path)
    except GitopsError:
        return False
    return any(
        str((resource.get("Properties") or {}).get("RepositoryName", "")).replace("${Project}", home.project)
        == home.repository(service)
        for resource in templates.document(template)["Resources"].values()
    )


def repository(
    find: Callable[[], Repository | None],
    expected: Callable[[], bool],
    home: Environment,
    service: str,
    limit: float,
    clock: Clock,
) -> Repository:
    """The service's repository, waited for where an apply may be making it, for ``limit`` seconds.

    The push that adds a service starts its build and that apply at once. Raises
    GitopsError when it is not there: at once where nothing asks for it.
    """
    found = find()
    if found is None and limit > 0 and expected():
        what = f"the image repository {home.repository(service)}, which gitops apply {home.environment} makes"
        found = waiting.until(find, what, limit, clock, _say)
        if found is None:
            raise GitopsError(
                f"{home.environment} still has no image repository {home.repository(service)} after {limit:.0f} s",
                fix=f"see that the apply to {home.environment} succeeds (it may wait for its approval), "
                "then run this again",
            )
    if found is None:
        raise registry.missing(home, service)
    return found


def _say(line: str) -> None:
    print(line, flush=True)
