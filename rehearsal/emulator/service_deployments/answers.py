"""Service deployments and revisions in the form in which ECS answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.emulator.service_deployments.history import ServiceDeployment, counts, failures

Answer = dict[str, Any]


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
    from ministack.services import ecs

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
