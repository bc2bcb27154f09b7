"""``gitops diff``: what a pull request changes in what is deployed, as Markdown, with no call to AWS."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gitops import actions, git
from gitops.errors import GitopsError
from gitops.review.changes import changes, is_reviewed
from gitops.review.report import BUDGET, report

WORKTREE = "worktree"
FOLDERS = ("taskdefs", "infra/environments")


# The summary of a job holds 1 MiB; the comment on a pull request 65,536 characters.
SUMMARY_BUDGET = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "--base", metavar="REV", help="compare with where HEAD left this (default: origin/main or main)"
    )
    parser.add_argument("--head", metavar="REV", default=WORKTREE, help="a commit (default: the work tree)")
    parser.add_argument(
        "--budget", metavar="BYTES", type=int, default=BUDGET, help="print no more than this (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the review, cut to what a comment holds, and add the whole to the job's summary."""
    root: Path = arguments.root
    worktree = arguments.head == WORKTREE
    head = git.commit(root, "HEAD" if worktree else arguments.head)
    base = git.fork_point(root, git.commit(root, arguments.base or _default_base(root)), head)
    found = changes(_committed(root, base), _worktree(root) if worktree else _committed(root, head))
    name = f"the work tree on {head}" if worktree else head
    print(report(found, base, name, _run_url(), arguments.budget), end="")
    actions.summary(report(found, base, name, _run_url(), SUMMARY_BUDGET))
    return 0


def _default_base(root: Path) -> str:
    for branch in ("origin/main", "main"):
        try:
            return git.commit(root, branch)
        except GitopsError:
            continue
    raise GitopsError("this clone has neither origin/main nor main", fix="name a commit with --base")


def _committed(root: Path, commit: str) -> dict[str, str]:
    return {path: git.file(root, commit, path) for path in git.files(root, commit, *FOLDERS) if is_reviewed(path)}


def _worktree(root: Path) -> dict[str, str]:
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    texts = {path.relative_to(root).as_posix(): path for path in paths}
    return {
        name: path.read_text(encoding="utf-8", errors="replace") for name, path in texts.items() if is_reviewed(name)
    }


def _run_url() -> str:
    # https://docs.github.com/actions/reference/variables-reference: set in every job.
    server, repository, run_id = (
        os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run_id}" if server and repository and run_id else ""
