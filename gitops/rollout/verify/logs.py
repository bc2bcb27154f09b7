"""Whether the log groups that containers write to exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gitops.environments import Environment
from gitops.rollout.verify.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient


def log_groups(
    client: Callable[[str], CloudWatchLogsClient], document: dict[str, Any], service: str, environment: Environment
) -> list[Failure]:
    """A failure per log group that does not exist and that the log driver is not told to make.

    ``client`` gives one for a region. A task whose log group is missing does
    not start: ResourceInitializationError.
    """
    apply = f"gitops apply {environment.environment} --stack service-{service}"
    return [
        Failure(f"there is no log group {group} in {region}", apply, coming=True)
        for region, group in wanted(document, environment.region)
        if not _exists(client(region), group)
    ]


def wanted(document: dict[str, Any], region: str) -> list[tuple[str, str]]:
    """Region and name of each log group that has to be there; ``region`` where a container names none."""
    found = set()
    for container in document.get("containerDefinitions") or []:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        makes_it = options.get("awslogs-create-group") == "true"
        if configuration.get("logDriver") == "awslogs" and "awslogs-group" in options and not makes_it:
            found.add((options.get("awslogs-region", region), options["awslogs-group"]))
    return sorted(found)


def _exists(client: CloudWatchLogsClient, name: str) -> bool:
    pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return any(group.get("logGroupName") == name for page in pages for group in page["logGroups"])
