"""What an environment has outside of its stacks: secrets, task definition revisions, log groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import boto3

from gitops import aws
from gitops.environments import Environment
from gitops.stacks import live

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

# The most that one DeleteTaskDefinitions takes.
_BATCH = 10


class Leftovers:
    """Finds and deletes what no stack of the environment owns, for the services named."""

    def __init__(self, session: boto3.Session, environment: Environment, services: Iterable[str]) -> None:
        self._environment = environment
        self._services = tuple(services)
        self._ssm = session.client("ssm", config=aws.CLIENT_CONFIG)
        self._ecs: ECSClient = session.client("ecs", config=aws.CLIENT_CONFIG)
        self._logs = session.client("logs", config=aws.CLIENT_CONFIG)

    def parameters(self) -> list[str]:
        """Names of the parameters under /<service>/<environment>/; their values are not read."""
        pages = self._ssm.get_paginator("describe_parameters")
        return sorted(
            parameter["Name"]
            for service in self._services
            for page in pages.paginate(
                ParameterFilters=[
                    {
                        "Key": "Path",
                        "Option": "Recursive",
                        "Values": [f"/{service}/{self._environment.environment}"],
                    }
                ]
            )
            for parameter in page["Parameters"]
        )

    def revisions(self) -> list[str]:
        """ARNs of the families' revisions, those deregistered but not deleted included."""
        return [*self._revisions("ACTIVE"), *self._revisions("INACTIVE")]

    def _revisions(self, status: str) -> Iterator[str]:
        for service in self._services:
            family = self._environment.family(service)
            pages = self._ecs.get_paginator("list_task_definitions").paginate(
                familyPrefix=family,
                status=status,  # type: ignore[arg-type]
            )
            for page in pages:
                yield from (arn for arn in page["taskDefinitionArns"] if live.family_of(arn) == family)

    def log_groups(self, *, whole: bool) -> list[str]:
        """Log groups that a late line made again after their stack was deleted.

        Names are exact, since the name of another environment may begin with this one's.
        """
        here = self._environment
        names = {f"{service}-{here.environment}-logs" for service in self._services}
        insights = f"/aws/ecs/containerinsights/{here.cluster}/"
        prefixes = [*sorted(names)]
        if whole:
            names.add(f"{here.cluster}-flow-log")
            prefixes += [f"{here.cluster}-flow-log", insights]
        pages = self._logs.get_paginator("describe_log_groups")
        return sorted(
            group["logGroupName"]
            for prefix in prefixes
            for page in pages.paginate(logGroupNamePrefix=prefix)
            for group in page["logGroups"]
            if group["logGroupName"] in names or (whole and group["logGroupName"].startswith(insights))
        )

    def delete(self, *, whole: bool) -> list[str]:
        """Delete all of it; what was done, in words."""
        done = []
        parameters = self.parameters()
        for name in parameters:
            self._ssm.delete_parameter(Name=name)
        if parameters:
            done.append(f"{len(parameters)} parameters deleted")
        revisions = self.revisions()
        for arn in list(self._revisions("ACTIVE")):
            self._ecs.deregister_task_definition(taskDefinition=arn)
        for arns in _batches(revisions):
            self._ecs.delete_task_definitions(taskDefinitions=arns)
        if revisions:
            done.append(f"{len(revisions)} task definition revisions deleted")
        groups = self.log_groups(whole=whole)
        for group in groups:
            self._logs.delete_log_group(logGroupName=group)
        if groups:
            done.append(f"{len(groups)} log groups deleted")
        return done


def _batches(names: Sequence[str]) -> list[list[str]]:
    return [list(names[start : start + _BATCH]) for start in range(0, len(names), _BATCH)]
