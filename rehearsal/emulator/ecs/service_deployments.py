"""The four calls about service deployments, answered from their history.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rehearsal.emulator.ecs.deployments import Deployments
from rehearsal.emulator.ecs.history import Progress, ServiceDeployment, counts, failures, requested
from rehearsal.emulator.ecs.task_definitions import containers_of, refused
from rehearsal.emulator.happenings import Happenings
from rehearsal.emulator.ministack import concurrency, ecs, responses

Request = dict[str, Any]
Answer = dict[str, Any]
# Message and code.
Problem = tuple[str, str]
# hashicorp/terraform-provider-aws#43445
OLDEST: Final = 90 * 24 * 3600.0
TOO_OLD: Final = "Before and After time filter must be within the last 3 months."
# How many ARNs one call takes, and how many service deployments a page has where the caller names no number.
MOST_ARNS, PAGE, LARGEST_PAGE = 20, 20, 100
# "PENDING - The service deployment moves to the ROLLBACK_REQUESTED state", and so does IN_PROGRESS. In the
# other open states it continues to stop or to roll back.
STOPPABLE: Final = ("PENDING", "IN_PROGRESS")
# In words of our own: of the deployment that becomes the PRIMARY one again, and of the one that was stopped.
ROLLING_BACK: Final = "ECS deployment stopped: rolling back to deploymentId {}."
STOPPED: Final = "ECS deployment stopped by StopServiceDeployment."


class Calls:
    """The handlers of the calls, by their names in the API."""

    def __init__(self, deployments: Deployments, happenings: Happenings) -> None:
        self._deployments = deployments
        self._history = deployments.history
        self._happenings = happenings

    def list(self, data: Request) -> Any:  # noqa: ANN401 (ministack's response)
        """ListServiceDeployments: the newest first, filtered and in pages."""
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if cluster not in ecs._clusters:
            return refused("Cluster not found.", "ClusterNotFoundException")
        name, of_cluster = ecs._resolve_service_ref(data.get("service", "")) or ("", None)
        service = ecs._services.get(f"{cluster}/{name}")
        if service is None or service["status"] == "INACTIVE" or of_cluster not in (None, cluster):
            return refused("Service not found.", "ServiceNotFoundException")
        self._history.look(f"{cluster}/{name}")
        size = data.get("maxResults", PAGE)
        if not 1 <= size <= LARGEST_PAGE:
            return refused(f"maxResults must be between 1 and {LARGEST_PAGE}.", "InvalidParameterException")
        now = time.time()
        if any(limit < now - OLDEST for limit in (data.get("createdAt") or {}).values()):
            return refused(TOO_OLD, "InvalidParameterException")
        known = self._history.of(service["serviceArn"])
        if known and self._happenings.happens("slow-list", service=name):
            known = known[:-1]
        found = selected(known[::-1], data, now - self._happenings.late)
        begin = 0
        if token := data.get("nextToken"):
            begin = next((i for i, one in enumerate(found, 1) if one.arn.endswith(f"/{token}")), 0)
            if not begin:
                return refused("Invalid token.", "InvalidParameterException")
        page = found[begin : begin + size]
        more = {"nextToken": page[-1].arn.rsplit("/", 1)[-1]} if begin + size < len(found) else {}
        return responses.json_response({"serviceDeployments": [brief(one) for one in page], **more})

    def describe(self, data: Request) -> Any:  # noqa: ANN401
        """DescribeServiceDeployments."""
        arns = data.get("serviceDeploymentArns") or []
        if problem := _wrong(arns):
            return problem
        found = {arn: self._now(arn) for arn in arns}
        return responses.json_response(
            {
                "serviceDeployments": [described(*one) for one in found.values() if one],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn, one in found.items() if not one],
            }
        )

    def describe_revisions(self, data: Request) -> Any:  # noqa: ANN401
        """DescribeServiceRevisions."""
        arns = data.get("serviceRevisionArns") or []
        if problem := _wrong(arns):
            return problem
        answers, failures = [], []
        for arn in arns:
            one = self._history.find(arn)
            if one is None or arn != one.revision_arn:
                failures.append({"arn": arn, "reason": "MISSING"})
                continue
            answers.append(revision(one, containers_of(one.revision["taskDefinition"])))
        return responses.json_response({"serviceRevisions": answers, "failures": failures})

    def stop(self, data: Request) -> Any:  # noqa: ANN401
        """StopServiceDeployment."""
        arn = data.get("serviceDeploymentArn", "")
        found = self._now(arn)
        if found is None:
            return refused("Service deployment not found.", "ServiceDeploymentNotFoundException")
        problem = stop_problem(found[0].progress, data.get("stopType", "ROLLBACK"))
        if problem is None and found[0].progress.status in STOPPABLE:
            problem = self._roll_back(*found)
        return refused(*problem) if problem else responses.json_response({"serviceDeploymentArn": arn})

    def _roll_back(self, one: ServiceDeployment, service: dict[str, Any]) -> Problem | None:
        """Make the last completed deployment the PRIMARY one again; message and code where there is none."""
        cluster = ecs._cluster_name_from_arn(service["clusterArn"])
        key = f"{cluster}/{service['serviceName']}"
        with concurrency.resource_lock("ecs-service", key):
            ours = one.deployment
            if ours["status"] != "PRIMARY" or ours["rolloutState"] != "IN_PROGRESS":
                return "The service deployment has ended meanwhile.", "ConflictException"
            before = self._deployments.last_completed(service)
            source = next((s for s in self._history.of(service["serviceArn"]) if s.deployment is before), None)
            if before is None or source is None:
                return "There is no service revision to roll back to.", "InvalidParameterException"
            one.progress = requested(one.progress, source.revision_arn, time.time())
            self._deployments.roll_back(service, before, ROLLING_BACK, STOPPED)
        ecs._reconcile_service_tasks(cluster, key)
        return None

    def _now(self, arn: str) -> tuple[ServiceDeployment, dict[str, Any]] | None:
        """A service deployment as it is now, and its service."""
        one = self._history.find(arn)
        if one is None or arn != one.arn:
            return None
        key = "/".join(one.revision["serviceArn"].rsplit("/", 2)[-2:])
        self._history.look(key)
        service = ecs._services.get(key)
        return (one, service) if service is not None and service["status"] == "ACTIVE" else None


def selected(newest_first: list[ServiceDeployment], data: Request, until: float) -> list[ServiceDeployment]:
    """Those with one of the wanted states, created between the wanted times (seconds since 1970), and by ``until``."""
    wanted, created = data.get("status") or [], data.get("createdAt") or {}
    after, before = created.get("after", 0), min(until, created.get("before", until))
    return [
        one
        for one in newest_first
        if (not wanted or one.progress.status in wanted) and after <= one.progress.created <= before
    ]


def _wrong(arns: list[str]) -> Any:  # noqa: ANN401
    if 0 < len(arns) <= MOST_ARNS:
        return None
    return refused(f"Between 1 and {MOST_ARNS} ARNs are needed.", "InvalidParameterException")


def stop_problem(progress: Progress, kind: str) -> Problem | None:
    """Why ECS refuses to stop it, as message and code; ``kind`` is the call's stopType."""
    if kind != "ROLLBACK":
        # The model has ABORT too; the reference says: "The valid values are ROLLBACK."
        return "The valid values of stopType are ROLLBACK.", "InvalidParameterException"
    if not progress.open:
        return f"The service deployment is {progress.status} already.", "ConflictException"
    return None


def brief(one: ServiceDeployment) -> Answer:
    """An entry of ListServiceDeployments."""
    return {**_common(one), "targetServiceRevisionArn": one.revision_arn}


def described(one: ServiceDeployment, service: Mapping[str, Any]) -> Answer:
    """An entry of DescribeServiceDeployments."""
    progress = one.progress
    configuration = service.get("deploymentConfiguration") or {}
    answer = {
        **_common(one),
        "updatedAt": progress.updated,
        "sourceServiceRevisions": [_summary(source, one) for source in one.sources],
        "targetServiceRevision": _summary(one, one),
        "deploymentConfiguration": configuration,
        "deploymentCircuitBreaker": _breaker(one, service),
    }
    if progress.stopped is not None:
        answer["stoppedAt"] = progress.stopped
    if progress.rollback is not None:
        answer["rollback"] = {
            "reason": progress.rollback.reason,
            "startedAt": progress.rollback.started,
            "serviceRevisionArn": progress.rollback.revision,
        }
    return answer


def revision(one: ServiceDeployment, containers: Sequence[Mapping[str, Any]]) -> Answer:
    """An entry of DescribeServiceRevisions; ``containers`` are those of its task definition."""
    resolved = one.deployment.get("_image_digests") or {}
    images = []
    for container in containers:
        image = container["image"]
        digest = image.partition("@")[2] or resolved.get(container["name"])
        images.append(
            {"containerName": container["name"], "image": image, **({"imageDigest": digest} if digest else {})}
        )
    return {
        "serviceRevisionArn": one.revision_arn,
        **one.revision,
        "containerImages": images,
        "guardDutyEnabled": False,
    }


def _common(one: ServiceDeployment) -> Answer:
    progress = one.progress
    times = {"startedAt": progress.started, "finishedAt": progress.finished}
    return {
        "serviceDeploymentArn": one.arn,
        "serviceArn": one.revision["serviceArn"],
        "clusterArn": one.revision["clusterArn"],
        "createdAt": progress.created,
        **{key: time for key, time in times.items() if time is not None},
        "status": progress.status,
        "statusReason": progress.reason,
    }


def _summary(of: ServiceDeployment, within: ServiceDeployment) -> Answer:
    """How many tasks of a revision there are now, or were at the end of a service deployment."""
    return {"arn": of.revision_arn, **(within.last_counts.get(of.revision_arn) or counts(of.deployment))}


def _breaker(one: ServiceDeployment, service: Mapping[str, Any]) -> Answer:
    enabled = ((service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}).get("enable")
    if not enabled:
        return {"status": "DISABLED", "failureCount": 0, "threshold": 0}
    if one.progress.status == "SUCCESSFUL":
        status = "MONITORING_COMPLETE"
    else:
        status = "TRIGGERED" if one.progress.triggered else "MONITORING"
    return {
        "status": status,
        "failureCount": failures(one.deployment) if one.last_failures is None else one.last_failures,
        "threshold": ecs._circuit_breaker_threshold(service),
    }
