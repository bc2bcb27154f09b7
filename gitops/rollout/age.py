"""An older commit does not replace a newer one, unless somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitops import git
from gitops.errors import GitopsError
from gitops.rollout.live import Revision
from gitops.rollout.observation import Observation


def is_ancestor(root: Path, older: str, newer: str) -> bool | None:
    """Whether git has one commit among the ancestors of another; None when this clone lacks one of them."""
    try:
        for commit in (older, newer):
            git.commit(root, commit)
    except GitopsError:
        return None
    try:
        return git.run(root, "merge-base", older, newer).strip() == older
    except git.GitError:
        # It ends with 1 where two histories have nothing in common.
        return False


def serving(seen: Observation) -> str:
    """The revision that a new deploy replaces: the one worked towards, unless that one failed."""
    primary = seen.primary
    if primary is not None and primary.state != "FAILED":
        return primary.revision
    done = next((one.revision for one in seen.deployments if one.state == "COMPLETED"), "")
    return done or seen.revision


def refuse_older(root: Path, commit: str, live: str, what: str) -> None:
    """Raise GitopsError when ``live`` is known to be newer, or cannot be compared.

    ``live`` is the commit that serves, empty when nobody wrote it down;
    ``what`` names the service and the environment.
    """
    if not live or live == commit:
        return
    older = is_ancestor(root, commit, live)
    if older is None:
        raise GitopsError(
            f"{what} serves commit {live[:12]}, which this clone does not hold: nobody can tell which is newer",
            fix="git fetch (with --unshallow in a shallow clone), or add --allow-older",
        )
    if older:
        raise GitopsError(
            f"{commit[:12]} is older than {live[:12]}, which {what} serves",
            fix="gitops rollback goes back to what served before; --allow-older deploys it all the same",
        )


def newer_than(root: Path, current: Revision) -> Callable[[str], bool]:
    """Whether git knows a commit to come after the one that a revision was made of."""

    def is_newer(commit: str) -> bool:
        running = current.provenance.commit
        return bool(running) and running != commit and is_ancestor(root, running, commit) is True

    return is_newer
