"""gitops prune: old revisions of a service removed, after they were listed."""

from __future__ import annotations

import argparse

from gitops import actions, aws, environments
from gitops.errors import GitopsError
from gitops.rollout import live, prune
from gitops.rollout.prune import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--keep N] [--yes]."""
    parser.add_argument("service", help="a service of the environment")
    parser.add_argument("environment", help="a file of infra/environments/")
    parser.add_argument(
        "--keep",
        type=_count,
        default=10,
        metavar="N",
        help="how many of the newest stay whatever they are (default: 10)",
    )
    parser.add_argument("--yes", action="store_true", help="remove them; without it they are only listed")
    parser.epilog = (
        "Deregisters and deletes old revisions of the service's task definition. What tasks run, what a deployment "
        "has, the newest one, and what a rollback goes back to stay, however old they are. Deleted ones do "
        "not come back: gitops deploy --allow-older --commit brings their commit back while its image is kept."
    )


def run(arguments: argparse.Namespace) -> int:
    """List what stays and what goes, and with --yes remove it; 1 when ECS refused to delete any."""
    root, service = arguments.root, arguments.service
    environment = environments.load(root, arguments.environment)
    environment.require_service(service)
    with aws.explained(environment):
        ecs = aws.session(root, environment, "deploy").client("ecs")
        planned = prune.look(ecs, root, environment, service, arguments.keep)
        lines = text(planned)
        print("\n".join(lines), flush=True)
        refused = prune.remove(ecs, planned) if arguments.yes and planned.removed else []
    where = f"{service} in {environment.environment}"
    if refused:
        raise GitopsError(
            f"ECS kept {len(refused)} revisions of {where}",
            others=tuple(f"  {line}" for line in refused),
            fix="run it again once nothing refers to them",
        )
    removed = planned.removed
    if not removed:
        end = f"{where}: nothing to remove"
    elif arguments.yes:
        end = f"{where}: {removed} removed"
    else:
        end = f"{where}: {removed} would be removed; add --yes to remove them"
    print(end)
    actions.summary("\n".join([f"### prune {end}", "", "```text", *lines, "```"]))
    return 0


def text(planned: Plan) -> list[str]:
    """A line per revision: its name, its commit, and whether it stays and why."""
    lines = [
        f"  keep    {kept.revision.name}  {kept.revision.provenance.commit[:12]}  {kept.reason}"
        for kept in planned.kept
    ]
    lines += [f"  remove  {one.name}  {one.provenance.commit[:12]}" for one in planned.going]
    return lines + [f"  delete  {live.short_name(arn)}  deregistered before" for arn in planned.inactive]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number of revisions, at least 1: {text}")
    return int(text)
