"""``gitops diff``: what a pull request changes in what is deployed, as Markdown, with no call to AWS."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from gitops import actions, environments, git
from gitops.errors import GitopsError
from gitops.pullrequests import review
from gitops.review.changes import FOLDERS, changes, is_read
from gitops.review.costs import costs
from gitops.review.freshness import Freshness, freshness
from gitops.review.markdown import COMMENT_BUDGET
from gitops.review.report import report

WORKTREE = "worktree"
# What rendering reads.
RENDERS = ("taskdefs", "infra/environments")

# The summary of a job holds 1 MiB; the comment on a pull request 65,536 characters.
SUMMARY_BUDGET = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "--base", metavar="REV", help="compare with where HEAD left this (default: origin/main or main)"
    )
    parser.add_argument("--head", metavar="REV", default=WORKTREE, help="a commit (default: the work tree)")
    parser.add_argument(
        "--budget",
        metavar="BYTES",
        type=int,
        default=COMMENT_BUDGET,
        help="print no more than this (default: %(default)s)",
    )
    part_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the review, cut to what a comment holds, and add the whole to the job's summary.

    Files that were not rendered again are said first and annotated, but end nothing: the check of that is
    ``render --check``.
    """
    root: Path = arguments.root
    worktree = arguments.head == WORKTREE
    head = git.commit(root, "HEAD" if worktree else arguments.head)
    base = git.fork_point(root, git.commit(root, arguments.base or _default_base(root)), head)
    before, after = _committed(root, base), _worktree(root) if worktree else _committed(root, head)
    fresh = freshness(root) if worktree else _freshness_of(root, head)
    if fresh.line:
        actions.annotation("warning", "gitops diff", "; ".join(fresh.problems) or f"stale: {', '.join(fresh.stale)}")
    name = f"the work tree on {head}" if worktree and git.dirty(root) else head
    write = partial(
        report, changes(before, after), base, name, actions.run_url(), warning=fresh.line, costs=costs(before, after)
    )
    print(write(arguments.budget), end="")
    actions.summary(write(SUMMARY_BUDGET))
    if arguments.part:
        share = review.share(len(environments.deployed(root)))
        review.write_part(arguments.part, review.DIFF, write(share))
    return 0


def part_argument(parser: argparse.ArgumentParser) -> None:
    """--part FOLDER, the same for diff and plan."""
    parser.add_argument(
        "--part", type=Path, metavar="FOLDER", help="also write it there as a part of what comment-review posts"
    )


def _default_base(root: Path) -> str:
    for branch in ("origin/main", "main"):
        try:
            return git.commit(root, branch)
        except GitopsError:
            continue
    raise GitopsError("this clone has neither origin/main nor main", fix="name a commit with --base")


def _committed(root: Path, commit: str) -> dict[str, str]:
    return {path: git.file(root, commit, path) for path in git.files(root, commit, *FOLDERS) if is_read(path)}


def _worktree(root: Path) -> dict[str, str]:
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    texts = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in texts.items() if is_read(name)}


def _freshness_of(root: Path, commit: str) -> Freshness:
    with tempfile.TemporaryDirectory() as folder:
        for path in git.files(root, commit, *RENDERS):
            copy = Path(folder) / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(git.file(root, commit, path), encoding="utf-8")
        return freshness(Path(folder))
