"""What an answer of ECS says and does not say yet: late reads and lists, containers in any order and undeclared ones.

"The Amazon ECS API follows an eventual consistency model":
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html
Reads right after UpdateService: bugcrowd/ecs-deployment-monitor#2, kayac/ecspresso#28.
"""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from rehearsal.emulator.ecs import services
from rehearsal.emulator.happenings import LONGEST, Happenings
from rehearsal.emulator.ministack import ecs, responses
from rehearsal.emulator.seams import ECS, original_entry

Answer = dict[str, Any]
# The name and the image: https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html
AGENT: Final = "aws-guardduty-agent-{}"
# What DescribeServices names of a service's deployments beside ``deployments``.
CURRENT: Final = ("currentServiceDeployment", "currentServiceRevisions")
# "If this parameter isn't used, then ListTaskDefinitions returns up to 100 results"
PAGE: Final = 100
NOT_PULLED: Final = (
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
    "aws-guardduty-agent-fargate: unexpected status from HEAD request: 403 Forbidden"
)


class Reads:
    """Answers the calls that only read, from what ministack knows and what has happened."""

    def __init__(self, happenings: Happenings, injected: Collection[str]) -> None:
        self._happenings = happenings
        # The ARNs of tasks that have a container which nobody declared.
        self._injected = injected
        # By the service's ARN: when it was updated, and how it was described before each time.
        self._before: dict[str, list[tuple[float, Answer]]] = defaultdict(list)

    def update_service(self, data: Answer) -> Any:  # noqa: ANN401 (ministack's response)
        """UpdateService: what it was before is remembered for the reads that do not know of it yet.

        Its own answer names the service deployment before: aws/containers-roadmap#2709.
        """
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        name = (ecs._resolve_service_ref(str(data.get("service", ""))) or ("",))[0]
        before = ecs._sanitize(ecs._services.get(f"{cluster}/{name}") or {})
        answer = services.update_service(data)
        if not before or answer[0] >= 400:
            return answer
        now = time.monotonic()
        known = [one for one in self._before[before["serviceArn"]] if one[0] > now - LONGEST]
        self._before[before["serviceArn"]] = [*known, (now, before)]
        current = {key: before[key] for key in CURRENT if key in before}
        return responses.json_response({"service": json.loads(answer[2])["service"] | current})

    def describe_services(self, data: Answer) -> Any:  # noqa: ANN401
        """DescribeServices: for a while, or once it is told to, as if the last update had not been made."""
        return self._changed("DescribeServices", data, "services", self._read)

    def _read(self, service: Answer) -> Answer:
        # Those of this service alone: one that was deleted may have had its name.
        known = [one for one in self._before[service["serviceArn"]] if one[1]["createdAt"] == service["createdAt"]]
        if not known or service["status"] != "ACTIVE":
            return service
        since = time.monotonic() - self._happenings.late
        late = next((before for at, before in known if at > since), {})
        if not late and self._happenings.happens("stale-read", service=service["serviceName"]):
            late = known[-1][1]
        return {**service, **late}

    def describe_tasks(self, data: Answer) -> Any:  # noqa: ANN401
        """DescribeTasks: API_Task promises no order of containers, so each task has one of its own."""
        return self._changed("DescribeTasks", data, "tasks", self._containers)

    def _containers(self, task: Answer) -> Answer:
        arn = task["taskArn"]
        found = list(task["containers"])
        if arn in self._injected:
            found.append(
                {"name": AGENT.format(arn[-6:]), "taskArn": arn, "lastStatus": "STOPPED", "reason": NOT_PULLED}
            )
        # Nothing secret: the same task is always described in the same order.
        random.Random(arn).shuffle(found)  # noqa: S311
        if task.get("launchType") == "FARGATE":
            task.pop("containerInstanceArn", None)
        return {**task, "containers": found}

    def list_task_definitions(self, data: Answer) -> Any:  # noqa: ANN401
        """ListTaskDefinitions: a revision deregistered just now is in the list of ACTIVE ones for a while.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html
        ("up to a 10-minute window")
        """
        listed = original_entry(ECS, "ListTaskDefinitions")
        since = time.time() - self._happenings.late
        late = [
            one["taskDefinitionArn"]
            for one in list(ecs._task_defs.values())
            if one["family"].startswith(data.get("familyPrefix", ""))
            and one["status"] == "INACTIVE"
            and services.epoch(one["deregisteredAt"]) > since
        ]
        if not late or data.get("status", "ACTIVE") != "ACTIVE":
            return listed(data)
        found = json.loads(listed({**data, "maxResults": len(ecs._task_defs), "nextToken": None})[2])
        every = sorted({*found["taskDefinitionArns"], *late}, key=_revision, reverse=data.get("sort") == "DESC")
        begin = int(data.get("nextToken") or 0)
        end = begin + int(data.get("maxResults") or PAGE)
        more = {"nextToken": str(end)} if end < len(every) else {}
        return responses.json_response({"taskDefinitionArns": every[begin:end], **more})

    def _changed(self, action: str, data: Answer, name: str, change: Any) -> Any:  # noqa: ANN401
        answer = original_entry(ECS, action)(data)
        if answer[0] >= 400:
            return answer
        found = json.loads(answer[2])
        return responses.json_response({**found, name: [change(one) for one in found[name]]})


def _revision(arn: str) -> tuple[str, int]:
    family, _, number = arn.rpartition(":")
    return family, int(number)
