"""What was deployed before: a service's revisions with their provenance, and the commits between two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gitops import git
from gitops.errors import GitopsError
from gitops.rollout import live
from gitops.rollout.live import Revision

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def arns(ecs: ECSClient, family: str, status: Literal["ACTIVE", "INACTIVE"]) -> Iterator[str]:
    """The ARNs of a family's revisions, newest first."""
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status=status, sort="DESC")
    for page in pages:
        yield from (arn for arn in page["taskDefinitionArns"] if live.short_name(arn).rpartition(":")[0] == family)


def newest_first(ecs: ECSClient, family: str, container: str) -> Iterator[Revision]:
    """The ACTIVE revisions, each described only when it is looked at."""
    return (live.revision(ecs, arn, container) for arn in arns(ecs, family, "ACTIVE"))


def last_good(revisions: Iterable[Revision], current: Revision, is_newer: Callable[[str], bool]) -> Revision | None:
    """The newest revision that has served, other than what runs; None when there is none.

    ``is_newer`` says of a commit whether it came after the one that runs: a
    second rollback must go further back, not to what the first one left.
    """
    for one in revisions:
        origin = one.provenance
        if not origin.has_served or not origin.commit or one.arn == current.arn:
            continue
        if origin.commit == current.provenance.commit or is_newer(origin.commit):
            continue
        return one
    return None


def of_commit(revisions: Iterable[Revision], commit: str) -> tuple[Revision | None, list[Revision]]:
    """The newest revision of a commit that has served, and every revision of it that was looked at."""
    seen = []
    for one in revisions:
        if one.provenance.commit == commit:
            seen.append(one)
            if one.provenance.has_served:
                return one, seen
    return None, seen


def commits_between(root: Path, old: str, new: str) -> tuple[str, ...]:
    """The commits between two, newest first; nothing when this clone does not hold the older one."""
    if not old or old == new:
        return ()
    try:
        return tuple(git.run(root, "log", "--format=%h %s", f"{old}..{new}", "--").splitlines())
    except GitopsError:
        return ()
