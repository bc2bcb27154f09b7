"""``gitops comment-reached``: tell merged pull requests what came of them in an environment."""

from __future__ import annotations

import argparse

from gitops import actions, environments, git, services
from gitops.pullrequests import comment, reached
from gitops.pullrequests.api import GitHubApi
from gitops.pullrequests.commits import moved


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT --commit REV [--before REV] [--verdict WORDS] [--job ID]."""
    parser.add_argument("service", help="a service of the environment")
    parser.add_argument("environment", help="a file of infra/environments/")
    parser.add_argument("--commit", required=True, metavar="REV", help="what was deployed, or tried")
    parser.add_argument("--before", default="", metavar="REV", help="what served before (empty: nothing did)")
    parser.add_argument(
        "--verdict", default="", metavar="VERDICT", help="the output of the deploy (empty: it ended without one)"
    )
    parser.add_argument("--job", default="", metavar="ID", help="the job whose summary is the report")
    parser.epilog = (
        "Every merged pull request whose commit lies between the two and touches the service gets one comment per "
        "service, with a row for each environment. Going back to an older commit takes them back."
    )


def run(arguments: argparse.Namespace) -> int:
    """Write or replace the comment of each pull request."""
    root, service = arguments.root, arguments.service
    environments.load(root, arguments.environment).require_service(service)
    commit = git.commit(root, arguments.commit)
    found = moved(root, arguments.before, commit, services.folders(service))
    api = GitHubApi.of_job()
    numbers = list(dict.fromkeys(number for commit in found.commits for number in api.merged(commit)))
    row = reached.row(arguments.verdict, commit, _report(arguments.job), taken_back=found.taken_back)
    others = [name for name, one in environments.deployed(root).items() if service in one.services]
    for number in numbers:
        comments = api.comments(number)
        existing = comment.own(comments, reached.subject(service))
        known = {**(reached.rows(existing.body) if existing else {}), arguments.environment: row}
        wanted = comment.write(comments, reached.subject(service), reached.text(service, others, known))
        if wanted is not None:
            api.write(number, wanted)
        print(f"pull request {number}: {service} {row.result} in {arguments.environment}")
    if not numbers:
        print(f"no merged pull request brought {commit[:12]}: nobody to tell")
    return 0


def _report(job: str) -> str:
    """A run's page shows the summary of each of its jobs under the job's id."""
    run_url = actions.run_url()
    return f"{run_url}#summary-{job}" if run_url and job else run_url
