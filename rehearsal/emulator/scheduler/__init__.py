"""What ECS does and ministack leaves out, a module for each: how tasks start, stop and are replaced."""

from __future__ import annotations

from rehearsal.emulator.scheduler import answers, events, refusals, secrets, settings, starting
from rehearsal.emulator.scheduler.checking import ContainerChecks
from rehearsal.emulator.scheduler.deployments import Deployments
from rehearsal.emulator.scheduler.reconciling import Reconciling
from rehearsal.emulator.scheduler.stopping import Stopping
from rehearsal.emulator.scheduler.targets import Targets
from rehearsal.runtimes import Runtime


def install(runtime: Runtime) -> None:
    """Put ECS's own behaviour into ministack's ECS and load balancer."""
    targets = Targets()
    stopping = Stopping(runtime, targets)
    secrets.install()
    starting.install(runtime)
    refusals.install()
    settings.install()
    events.install()
    answers.install()
    targets.install()
    stopping.install()
    containers = ContainerChecks(runtime)
    containers.install()
    deployments = Deployments(targets, containers)
    deployments.install()
    Reconciling(deployments.passed, stopping).install()


def rest() -> None:
    """Start no more tasks: what stops from now on stops because the emulator ends."""
    from ministack.services import ecs

    for _, service in ecs._services.all_items():
        service["status"] = "INACTIVE"
