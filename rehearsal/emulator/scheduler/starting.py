"""A task starts in the rehearsal's runtime, under its execution role; a service's also in a zone.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (startedBy, availabilityZone)
"""

from __future__ import annotations

import json
from typing import Any

from rehearsal.emulator.registry.protocol import TOKENS
from rehearsal.emulator.scheduler import events, execution_role, settings, zones
from rehearsal.emulator.scheduler.secrets import EXECUTION_SESSION
from rehearsal.emulator.sessions import assume_for_service
from rehearsal.runtimes import Runtime
from rehearsal.runtimes.task import StartedTask


def install(runtime: Runtime) -> None:
    """Give ministack's ECS the runtime in place of a Docker client."""
    from ministack.services import ecs

    start, run = ecs._start_task_worker, ecs._run_task
    ecs._get_docker = lambda: runtime

    def run_task(data: dict[str, Any]) -> Any:  # noqa: ANN401
        deployment = data.get("_deploymentId")
        if not deployment:
            return run(data)
        cluster = ecs._resolve_cluster_name(data["cluster"])
        service = ecs._services[f"{cluster}/{data['group'].removeprefix('service:')}"]
        tags = settings.task_tags(service, ecs._tags.get(data["taskDefinition"], []))
        ids = []
        answer = None
        for _ in range(data.get("count", 1)):
            one = {**data, "startedBy": deployment, "tags": tags, "count": 1}
            answer = run(zones.placed(one, service["clusterArn"]))
            for task in json.loads(answer[2])["tasks"]:
                ids.append(task["taskArn"].rsplit("/", 1)[-1])
                known = ecs._tasks[task["taskArn"]]
                known["availabilityZone"] = zones.zone(str(known["_subnet"])) or known["availabilityZone"]
        if ids:
            events.tell(service, events.started(ids))
        return answer

    def start_task_worker(task: dict[str, Any], td: dict[str, Any], overrides: Any, _: object) -> None:  # noqa: ANN401
        role = td.get("executionRoleArn")
        # Fargate pulls, reads secrets and logs as this role (task_execution_IAM_role).
        session = assume_for_service(role, task["taskArn"].rsplit("/", 1)[-1]) if role else ""
        EXECUTION_SESSION.set(session)
        if session:
            execution_role.require(td, session, task["taskArn"])
        started = StartedTask(task["taskArn"], td, TOKENS.issue(session) if session else "")
        start(task, td, overrides, runtime.for_task(started))

    ecs._start_task_worker = start_task_worker
    ecs._run_task = run_task
