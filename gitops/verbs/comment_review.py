"""``gitops comment-review``: the diff and the plans of a pull request, as one comment that is kept up to date."""

from __future__ import annotations

import argparse
from pathlib import Path

from gitops import environments, github
from gitops.arguments import argument
from gitops.errors import GitopsError
from gitops.github import GitHub
from gitops.review import pull_request

ARGUMENTS = (
    argument("number", type=int, help="the pull request's number"),
    argument(
        "--parts",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where gitops diff --part and gitops plan --part wrote diff.md and plan-ENVIRONMENT.md",
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Write the comment, or replace the one of the run before; a missing part is said in it."""
    names = pull_request.wanted(environments.deployed(arguments.checkout))
    if not arguments.parts.is_dir():
        raise GitopsError(f"no folder {arguments.parts}", fix="gitops diff --part writes it")
    parts = pull_request.read_parts(arguments.parts, names)
    api = GitHub.of_job()
    text = pull_request.compose(names, parts, github.run_url())
    wanted = pull_request.write(api.comments(arguments.number), pull_request.SUBJECT, text)
    if wanted is not None:
        api.comment(arguments.number, wanted.body, wanted.id)
    print(f"the review comment of pull request {arguments.number} is up to date")
    missing = [name for name in names if name not in parts]
    if missing:
        github.annotation("warning", "review comment", f"it lacks {', '.join(missing)}, whose jobs did not end well")
    return 0
