"""The one gateway to ECS: each call with its pages, its batches, its refusals and what it could not describe.

What ECS answered comes back as the plain data of ``gitops.ecs_answers``. A call that ECS refuses raises ClientError
as botocore does, except where a method says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from gitops import ecs_answers
from gitops.aws import answered, code, message
from gitops.ecs_answers import Observation, ServiceDeployment, Task, TaskDefinition, family_of
from gitops.errors import GitopsError

if TYPE_CHECKING:
    from botocore.client import ClientMeta
    from mypy_boto3_ecs.client import ECSClient

# The most that one call takes.
_TASKS, _REVISIONS, _SERVICE_REVISIONS = 100, 10, 20
# The role may not, or whoever answers knows no service deployments, or none for this service or this time.
_NOT_OFFERED = {
    "AccessDenied",
    "AccessDeniedException",
    "InvalidAction",
    "InvalidParameterException",
    "UnknownOperationException",
    "UnsupportedFeatureException",
}
_NOT_THERE = {"ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException"}


class NotOfferedError(GitopsError):
    """The service deployments API is not to be had here: the service itself tells what it can."""


class Ecs:
    """ECS under one role: the task definitions of a region, and one cluster in it."""

    def __init__(self, session: boto3.Session, cluster: str) -> None:
        self.cluster = cluster
        self._client: ECSClient = session.client("ecs")

    @property
    def meta(self) -> ClientMeta:
        """The client's, whose events tell of each call."""
        return self._client.meta

    def service(self, name: str, family: str = "") -> Service:
        """A service of the cluster, whether it exists or not; with a family its tasks are found by that."""
        return Service(self, self._client, name, family)

    def cluster_status(self) -> str:
        """ACTIVE for one that takes services, INACTIVE for a while after it was deleted, "" when there is none."""
        answer = self._client.describe_clusters(clusters=[self.cluster])
        _require_described(answer, "DescribeClusters")
        return next((one.get("status", "") for one in answer.get("clusters") or []), "")

    def revisions(self, family: str, status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE") -> Iterator[str]:
        """The ARNs of a family's revisions, newest first; the filter of ECS alone also finds longer names."""
        pages = self._client.get_paginator("list_task_definitions")
        for page in pages.paginate(familyPrefix=family, status=status, sort="DESC"):
            yield from (arn for arn in page.get("taskDefinitionArns") or [] if family_of(arn) == family)

    def newest(self, family: str) -> str:
        """The ARN of the newest ACTIVE revision, which is what a service's stack means by the family; "" for none."""
        return next(self.revisions(family), "")

    def task_definition(self, revision: str) -> TaskDefinition:
        """A revision with its tags, by its ARN or name; ClientError when it was deleted or never was."""
        answer = self._client.describe_task_definition(taskDefinition=revision, include=["TAGS"])
        return ecs_answers.task_definition(answer, asked=revision)

    def newest_definition(self, family: str) -> TaskDefinition | None:
        """The newest ACTIVE revision with its tags, as ECS itself takes the family; None when there is none.

        docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html: a family alone means its
        latest ACTIVE revision. For a family that has none it cannot describe it, which ClientException says of more.
        """
        try:
            return self.task_definition(family)
        except ClientError as error:
            if code(error) != "ClientException" or "Unable to describe" not in message(error):
                raise
            return None

    def register(self, document: Mapping[str, Any]) -> TaskDefinition:
        """Register a task definition; the new revision as ECS stored it."""
        made = ecs_answers.task_definition(self._client.register_task_definition(**document))
        if not made.arn:
            raise GitopsError("RegisterTaskDefinition answered without a revision", fix="run it again")
        return made

    def deregister(self, revision: str) -> None:
        """Make a revision INACTIVE: what runs goes on, and nothing new takes it."""
        self._client.deregister_task_definition(taskDefinition=revision)

    def delete(self, revisions: Sequence[str]) -> list[str]:
        """Delete deregistered revisions; which of them ECS kept, and why, in words."""
        kept = []
        for some in _batches(revisions, _REVISIONS):
            answer = self._client.delete_task_definitions(taskDefinitions=some)
            kept += [
                f"{ecs_answers.short_name(one.get('arn', ''))}: {one.get('reason', 'no reason')}"
                for one in answer.get("failures") or []
            ]
        return kept

    def tag(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Add tags, each with key and value."""
        self._client.tag_resource(resourceArn=arn, tags=[dict(tag) for tag in tags])  # type: ignore[misc]

    def tasks(self, family: str) -> list[Task]:
        """The tasks of the cluster that ECS wants to run of any revision of a family."""
        return self._tasks({"family": family})

    def _tasks(self, wanted: Mapping[str, Any], apart: Collection[str] = ()) -> list[Task]:
        """Describe the tasks that ListTasks finds, those apart whose ids are given; none without a cluster."""
        try:
            pages = self._client.get_paginator("list_tasks").paginate(cluster=self.cluster, **wanted)
            arns = [arn for page in pages for arn in page.get("taskArns") or []]
        except ClientError as error:
            if code(error) in _NOT_THERE:
                return []
            raise
        found = []
        for some in _batches([arn for arn in arns if ecs_answers.short_name(arn) not in apart], _TASKS):
            answer = self._client.describe_tasks(cluster=self.cluster, tasks=some)
            _require_described(answer, "DescribeTasks")
            found += [ecs_answers.task(one) for one in answer.get("tasks") or []]
        return found


class Service:
    """One service of a cluster, under one role."""

    def __init__(self, ecs: Ecs, client: ECSClient, name: str, family: str = "") -> None:
        self.ecs, self.name = ecs, name
        self._client = client
        # ECS lists no task by the name of a service that is gone.
        self._tasks_of = {"family": family} if family else {"serviceName": name}

    def look(self) -> Observation | None:
        """The service as it is now, or None when there is no such service (or no cluster)."""
        try:
            answer = self._client.describe_services(cluster=self.ecs.cluster, services=[self.name])
        except ClientError as error:
            if code(error) in _NOT_THERE:
                return None
            raise
        _require_described(answer, "DescribeServices")
        # A deleted service is described as INACTIVE for a while.
        described = [one for one in answer.get("services") or [] if one.get("status") != "INACTIVE"]
        return ecs_answers.service(described[0]) if described else None

    def update(self, revision: str = "", *, force: bool = False) -> Observation:
        """UpdateService's own answer: to a revision, or a new deployment (``force``) of the one that is live."""
        wanted: dict[str, Any] = {"taskDefinition": revision} if revision else {}
        if force:
            wanted["forceNewDeployment"] = True
        answer = self._client.update_service(cluster=self.ecs.cluster, service=self.name, **wanted)
        return ecs_answers.service(answer.get("service") or {})

    def tasks(self, *, stopped: bool = False, apart: Collection[str] = ()) -> list[Task]:
        """Its tasks that ECS wants to run, or those it wants stopped, but for some by their ids.

        ECS forgets a stopped task within the hour.
        """
        desired = {"desiredStatus": "STOPPED"} if stopped else {}
        return self.ecs._tasks({**self._tasks_of, **desired}, apart)

    def stop(self, task: Task, reason: str) -> None:
        """Stop a task; ECS starts another for it."""
        self._client.stop_task(cluster=self.ecs.cluster, task=task.arn, reason=reason)

    def deployment(self, arn: str) -> ServiceDeployment | None:
        """A service deployment with its counts; None when ECS does not know it (any more). Raises NotOfferedError."""
        try:
            answer = self._client.describe_service_deployments(serviceDeploymentArns=[arn])
        except ClientError as error:
            raise _offered(error) from None
        _require_described(answer, "DescribeServiceDeployments")
        return next((ecs_answers.service_deployment(one) for one in answer.get("serviceDeployments") or []), None)

    def revisions_of(self, deployments: Iterable[ServiceDeployment]) -> dict[str, str]:
        """Service revision to task definition, both ARNs, of what deployments work towards. Raises NotOfferedError."""
        wanted = sorted({one.service_revision for one in deployments if one.service_revision})
        found = {}
        try:
            for some in _batches(wanted, _SERVICE_REVISIONS):
                answer = self._client.describe_service_revisions(serviceRevisionArns=some)
                _require_described(answer, "DescribeServiceRevisions")
                for one in answer.get("serviceRevisions") or []:
                    found[one.get("serviceRevisionArn", "")] = one.get("taskDefinition", "")
        except ClientError as error:
            raise _offered(error) from None
        return found

    def stop_deployment(self, arn: str) -> str:
        """Have ECS stop a service deployment and roll it back now; why it could not be, "" when it was.

        docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
        Whoever stops one has another way on, so that no refusal is raised: it may have ended meanwhile, be the first
        with nothing before it, or the call may not be allowed.
        """
        if not arn:
            return "ECS does not name its service deployment"
        try:
            self._client.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
        except (ClientError, BotoCoreError) as error:
            return answered(error)
        return ""


def _offered(error: ClientError) -> ClientError | NotOfferedError:
    """What to raise for a refusal around service deployments."""
    return NotOfferedError(answered(error)) if code(error) in _NOT_OFFERED else error


def _require_described(answer: Mapping[str, Any], operation: str) -> None:
    """Raise GitopsError for what ECS says it could not describe, unless it is just not there."""
    for one in answer.get("failures") or []:
        if one.get("reason", "MISSING") != "MISSING":
            words = " ".join(filter(None, (one.get("reason"), one.get("detail"))))
            raise GitopsError(f"{operation} could not describe {one.get('arn', 'it')}: {words}", fix="run it again")


def _batches(every: Sequence[str], size: int) -> list[list[str]]:
    return [list(every[start : start + size]) for start in range(0, len(every), size)]
