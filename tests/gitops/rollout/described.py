"""What ECS describes, in short: a service with its deployments at one moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gitops.rollout.decide import Target
from gitops.rollout.observation import Breaker, Deployment, Observation, ServiceDeployment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-2:111111111111:task-definition/app-staging:"
OLD, NEW, NEWER = f"{ARN}1", f"{ARN}2", f"{ARN}3"
TARGET = Target("ecs-svc/new", NEW, NOON, OLD)

ours = Deployment("ecs-svc/new", "PRIMARY", NEW, NOON, "IN_PROGRESS", desired=2)
old = Deployment("ecs-svc/old", "ACTIVE", OLD, NOON - timedelta(hours=1), "COMPLETED", desired=2, running=2)
newer = Deployment("ecs-svc/newer", "PRIMARY", NEWER, NOON + timedelta(minutes=1), "IN_PROGRESS", desired=2)


def seen(*deployments: Deployment, desired: int = 2, rolls_back: bool = True, status: str = "ACTIVE") -> Observation:
    """A service with these deployments."""
    primary = next((one for one in deployments if one.status == "PRIMARY"), None)
    return Observation(
        status=status,
        desired=desired,
        deployments=deployments,
        revision=primary.revision if primary else "",
        breaker_rolls_back=rolls_back,
    )


def through_the_api(observation: Observation, status: str, reason: str = "", failures: int = 0) -> Observation:
    """The same with our service deployment in one status."""
    breaker = Breaker("MONITORING", failures, 3)
    one = ServiceDeployment("arn:sd", status, reason, breaker=breaker, requested=2, running=1)
    return replace(observation, service_deployment=one)
