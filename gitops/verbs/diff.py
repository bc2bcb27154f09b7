"""``gitops diff``: what a pull request changes in what is deployed, as Markdown, with no call to AWS."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from gitops import environments, github
from gitops.arguments import argument, part_argument
from gitops.errors import GitopsError
from gitops.repository import ENVIRONMENTS, TASKDEFS, Checkout, Commit, WorkTree
from gitops.review import pull_request
from gitops.review.changes import FOLDERS, changes, is_read
from gitops.review.prices import costs
from gitops.review.report import Freshness, freshness, report
from gitops.text import COMMENT_BUDGET, SUMMARY_BUDGET

WORKTREE = "worktree"
# What rendering reads.
RENDERS = (TASKDEFS.as_posix(), ENVIRONMENTS.as_posix())


ARGUMENTS = (
    argument("--base", metavar="REV", help="compare with where HEAD left this (default: origin/main or main)"),
    argument("--head", metavar="REV", default=WORKTREE, help="a commit (default: the work tree)"),
    argument(
        "--budget",
        metavar="CHARACTERS",
        type=int,
        default=COMMENT_BUDGET,
        help="print no more than this (default: %(default)s)",
    ),
    part_argument,
)


def run(arguments: argparse.Namespace) -> int:
    """Print the review, cut to what a comment holds, and add the whole to the job's summary.

    Files that were not rendered again are said first and annotated, but end nothing: the check of that is
    ``render --check``.
    """
    checkout: Checkout = arguments.checkout
    worktree = arguments.head == WORKTREE
    head = checkout.commit("HEAD" if worktree else arguments.head)
    base = checkout.fork_point(checkout.commit(arguments.base or _default_base(checkout)), head)
    before = _texts(checkout.at(base))
    after = _texts(checkout.work_tree if worktree else checkout.at(head))
    fresh = freshness(checkout) if worktree else _freshness_of(checkout, head)
    if fresh.line:
        github.annotation("warning", "gitops diff", "; ".join(fresh.problems) or f"stale: {', '.join(fresh.stale)}")
    name = f"the work tree on {head}" if worktree and checkout.dirty() else head
    write = partial(
        report, changes(before, after), base, name, github.run_url(), warning=fresh.line, costs=costs(before, after)
    )
    print(write(arguments.budget), end="")
    github.summary(write(SUMMARY_BUDGET))
    if arguments.part:
        share = pull_request.share(len(environments.deployed(checkout)))
        pull_request.write_part(arguments.part, pull_request.DIFF, write(share))
    return 0


def _default_base(checkout: Checkout) -> str:
    for branch in ("origin/main", "main"):
        try:
            return checkout.commit(branch)
        except GitopsError:
            continue
    raise GitopsError("this clone has neither origin/main nor main", fix="name a commit with --base")


def _texts(files: Commit | WorkTree) -> dict[str, str]:
    return {path: text for path, text in files.texts(*FOLDERS).items() if is_read(path)}


def _freshness_of(checkout: Checkout, commit: str) -> Freshness:
    with tempfile.TemporaryDirectory() as folder:
        return freshness(checkout.copy(commit, Path(folder), *RENDERS))
