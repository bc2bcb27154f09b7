"""What ECS does on this machine: every name of ministack's ECS that is replaced, and by what.

A call is answered by the function in ``ACTIONS`` or ``functions``; read it, and the order is there. ``services``:
CreateService, UpdateService. ``task_definitions``: RegisterTaskDefinition. ``starting``, ``stopping``,
``container_health`` and ``sidecars``: a task's life. ``deployments`` and ``replicas``: the scheduler. ``history`` and
``service_deployments``: service deployments and revisions. ``reads``: what an answer does not say yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rehearsal.emulator.ecs import services, task_definitions
from rehearsal.emulator.ecs.container_health import ContainerChecks
from rehearsal.emulator.ecs.deployments import Deployments
from rehearsal.emulator.ecs.reads import Reads
from rehearsal.emulator.ecs.service_deployments import Calls
from rehearsal.emulator.ecs.sidecars import Sidecars
from rehearsal.emulator.ecs.starting import Starting, resolve_container_secrets
from rehearsal.emulator.ecs.stopping import HOSTS, Stopping
from rehearsal.emulator.elbv2.targets import Targets
from rehearsal.emulator.happenings import Happenings
from rehearsal.emulator.iam.authorization import ecs_refusal
from rehearsal.emulator.ministack import ecs, router
from rehearsal.emulator.seams import ECS, enter, handle, original, replace
from rehearsal.runtimes import Runtime

READERS: Final = services.READERS


def install(runtime: Runtime, targets: Targets, happenings: Happenings) -> None:
    """Put ECS's own behaviour into ministack's ECS, and what happens into both."""
    sidecars, stopping, containers = Sidecars(runtime), Stopping(runtime, targets), ContainerChecks(runtime)
    starting = Starting(runtime, happenings, sidecars)
    deployments = Deployments(targets, containers, stopping, happenings)
    calls, reads = Calls(deployments, happenings), Reads(happenings, starting.injected)
    happenings.at_once |= dict.fromkeys(HOSTS, stopping.retire)
    functions: dict[str, Callable[..., Any]] = {
        "handle_request": _handle_request,
        # The calls, and what ministack itself makes of them.
        "_create_service": services.create_service,
        "_update_service": reads.update_service,
        "_register_task_definition": sidecars.register_task_definition,
        "_resolve_td_key": task_definitions.resolve_td_key,
        "_run_task": starting.run_task,
        "_stop_task": stopping.stop_task,
        # A task's life.
        "_get_docker": starting.get_docker,
        "_start_task_worker": starting.start_task_worker,
        "_resolve_container_secrets": resolve_container_secrets,
        "_start_awslogs_forwarder": stopping.start_awslogs_forwarder,
        "_mark_task_running": deployments.mark_task_running,
        "_mark_task_stopped": stopping.mark_task_stopped,
        # The scheduler.
        "_make_deployment": deployments.make_deployment,
        "_reconcile_service_tasks": deployments.reconcile_service_tasks,
        "_record_service_task_healthy": deployments.record_service_task_healthy,
        "_record_service_task_failure": deployments.record_service_task_failure,
        "_complete_service_deployment": deployments.complete_service_deployment,
        "_refresh_service_state": deployments.refresh_service_state,
        # Every answer on its way out.
        "_ts_to_epoch": services.epoch,
        "_normalize_ecs_timestamps": services.normalize_ecs_timestamps,
    }
    actions: dict[str, Callable[..., Any]] = {
        "CreateService": services.create_service,
        "UpdateService": reads.update_service,
        "DescribeServices": reads.describe_services,
        "DescribeTasks": reads.describe_tasks,
        "ListTaskDefinitions": reads.list_task_definitions,
        "RegisterTaskDefinition": sidecars.register_task_definition,
        "StopTask": stopping.stop_task_by_user,
        "ListServiceDeployments": calls.list,
        "DescribeServiceDeployments": calls.describe,
        "DescribeServiceRevisions": calls.describe_revisions,
        "StopServiceDeployment": calls.stop,
    }
    for name, function in functions.items():
        replace("services.ecs", name, function)
    for action, function in actions.items():
        enter(ECS, action, function)
    handle("AWS::ECS::Service", **services.STACK)


async def _handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:  # noqa: ANN401
    """Every call: refused where the caller lacks what it takes beside its own action, then answered."""
    refused = ecs_refusal(router.extract_access_key_id(headers, query), headers, body)
    if refused is not None:
        return refused
    return await original("services.ecs", "handle_request")(method, path, headers, body, query)


def rest() -> None:
    """Start no more tasks: what stops from now on stops because the emulator ends."""
    for _, service in ecs._services.all_items():
        service["status"] = "INACTIVE"
