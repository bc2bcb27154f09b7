"""``gitops comment-reached``: tell merged pull requests what came of them in an environment."""

from __future__ import annotations

import argparse

from gitops import environments, github
from gitops.arguments import argument, environment_argument, service_argument
from gitops.github import GitHub
from gitops.repository import folders
from gitops.review import pull_request
from gitops.review.pull_request import moved

ARGUMENTS = (
    service_argument,
    environment_argument,
    argument("--commit", required=True, metavar="REV", help="what was deployed, or tried"),
    argument("--before", default="", metavar="REV", help="what served before (empty: nothing did)"),
    argument("--verdict", default="", metavar="VERDICT", help="the output of the deploy (empty: it ended without one)"),
    argument("--job", default="", metavar="ID", help="the job whose summary is the report"),
)
EPILOG = (
    "Every merged pull request whose commit lies between the two and touches the service gets one comment per "
    "service, with a row for each environment. Going back to an older commit takes them back."
)


def run(arguments: argparse.Namespace) -> int:
    """Write or replace the comment of each pull request."""
    checkout, service = arguments.checkout, arguments.service
    environments.load(checkout, arguments.environment).require_service(service)
    commit = checkout.commit(arguments.commit)
    found = moved(checkout, arguments.before, commit, folders(service))
    api = GitHub.of_job()
    numbers = list(dict.fromkeys(number for commit in found.commits for number in api.merged(commit)))
    row = pull_request.row(arguments.verdict, commit, _report(arguments.job), taken_back=found.taken_back)
    others = [name for name, one in environments.deployed(checkout).items() if service in one.services]
    for number in numbers:
        comments = api.comments(number)
        existing = pull_request.own(comments, pull_request.subject(service))
        known = {**(pull_request.rows(existing.body) if existing else {}), arguments.environment: row}
        wanted = pull_request.write(comments, pull_request.subject(service), pull_request.text(service, others, known))
        if wanted is not None:
            api.comment(number, wanted.body, wanted.id)
        print(f"pull request {number}: {service} {row.result} in {arguments.environment}")
    if not numbers:
        print(f"no merged pull request brought {commit[:12]}: nobody to tell")
    return 0


def _report(job: str) -> str:
    """A run's page shows the summary of each of its jobs under the job's id."""
    run_url = github.run_url()
    return f"{run_url}#summary-{job}" if run_url and job else run_url
