"""gitops prune: old revisions of a service removed, after they were listed."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from gitops import aws, github
from gitops.arguments import argument, environment_argument, service_argument
from gitops.deploy import revisions
from gitops.deploy.release import Destination
from gitops.deploy.revisions import Plan
from gitops.ecs_answers import short_name
from gitops.errors import GitopsError
from gitops.text import fence, plain


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number of revisions, at least 1: {text}")
    return int(text)


ARGUMENTS = (
    service_argument,
    environment_argument,
    argument(
        "--keep",
        type=_count,
        default=10,
        metavar="N",
        help="how many of the newest stay whatever they are (default: 10)",
    ),
    argument("--yes", action="store_true", help="remove them; without it they are only listed"),
)
EPILOG = (
    "Deregisters and deletes old revisions of the service's task definition. What tasks run, what a deployment "
    "has, the newest one, and what a rollback goes back to stay, however old they are; what a deploy left that never "
    "ended goes, however new. Deleted ones do not come back: gitops deploy --allow-older --commit brings their commit "
    "back while its image is kept."
)


def run(arguments: argparse.Namespace) -> int:
    """List what stays and what goes, and with --yes remove it; 1 when ECS refused to delete any."""
    to = Destination.of(arguments.checkout, arguments.environment, arguments.service)
    with aws.explained(to.environment):
        service = to.on_ecs(aws.session(to.checkout, to.environment, "deploy"))
        planned = revisions.survey(service, to, arguments.keep, datetime.now(UTC))
        lines = text(planned)
        print("\n".join(lines), flush=True)
        refused = revisions.remove(service, to.family, planned) if arguments.yes and planned.removed else []
    if refused:
        raise GitopsError(
            f"ECS kept {len(refused)} revisions of {to}",
            others=tuple(f"  {line}" for line in refused),
            fix="run it again once nothing refers to them",
        )
    removed = planned.removed
    if not removed:
        end = f"{to}: nothing to remove"
    elif arguments.yes:
        end = f"{to}: {removed} removed"
    else:
        end = f"{to}: {removed} would be removed; add --yes to remove them"
    print(end)
    github.summary("\n".join([f"### prune {plain(end)}", "", fence(lines)]))
    return 0


def text(planned: Plan) -> list[str]:
    """A line per revision: its name, its commit, and whether it stays and why."""
    lines = [
        f"  keep    {kept.revision.name}  {kept.revision.provenance.commit[:12]}  {kept.reason}"
        for kept in planned.kept
    ]
    lines += [f"  remove  {one.name}  {one.provenance.commit[:12]}" for one in planned.going]
    return lines + [f"  delete  {short_name(arn)}  deregistered before" for arn in planned.inactive]
