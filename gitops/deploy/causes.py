"""Why ECS stopped a task: which container failed, whether its revision did it, and whether another try may heal it.

Pure, over what DescribeTasks answered and the task definition as ECS answers it. A container is known by its name
alone: neither answer promises an order, and ECS puts containers into a task that no definition has (GuardDuty's
agent, Service Connect's proxy): docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.ecs_answers import Container, Task

# How ECS says that a health check ended a task. The stopCode is the scheduler's, as of a task that is one too many
# (aws/containers-roadmap#612).
_BALANCER, _OWN = "failed ELB health checks", "failed container health checks"
_MEMORY = re.compile(r"out ?of ?memory|oom-killed", re.IGNORECASE)
# SIGKILL and SIGTERM: how a container obeyed a stop, unless ECS gives a reason for it.
_KILLED, _SIGNALS = 137, {137, 143}
# Service Connect's: it is essential, and in no definition (aws/amazon-ecs-agent#4397).
_PROXY = "ecs-service-connect-"
# stopCode of API_Task: what a revision may have done, and what ECS's breaker counts. Where there is none, the reasons
# of which stopped-task-errors.html in ECS's guide says that they are others'.
_HOST = ("Host EC2", "Container instance", "Scaling activity")
_ENDED, _NOT_STARTED, _SCHEDULER = "EssentialContainerExited", "TaskFailedToStart", "ServiceSchedulerInitiated"

# What no further try heals, by where it was seen. AWS's own lists are task_cannot_pull_image.html,
# resource-initialization-error.html and stopped-task-error-codes.html in ECS's guide.
_CERTAIN = {
    "aws/amazon-ecs-agent#337, CircleCI-Public/circleci-demo-aws-ecs-ecr#4": r"cannotpull\w+:.*\bnot found\b",
    "the integration tests of aws/amazon-ecs-agent's engine": r"manifest unknown",
    "aviswerdlow/relay#71, aws/containers-roadmap#1120": r"descriptor (?:matching|for) platform",
    "aws/aws-cdk#14457, aws/aws-cdk#29876": r"\b403\b",
    # aws/amazon-ecs-agent#2137: a pull alone that is "denied" may be what the host signs in with.
    "aws-samples/dify-self-hosted-on-aws#35, aws/aws-cdk#3529": r"(?<!pull )access ?denied|not authorized to perform",
    # AWS's pages; what GetParameters answers as InvalidParameters; and Secrets Manager's own words.
    "task_cannot_pull_image.html": r"check that the role has the permissions to pull",
    "resource-initialization-error.html": r"check whether the secret exists in the specified region",
    "kayac/ecspresso#713": r"invalid (?:ssm )?parameters",
    "aws/aws-cdk#18555, lgallard/terraform-aws-secrets-manager#24": r"can't find the specified secret",
    "DEFRA/cdp-portal-backend's tests": r"did not contain json key",
    "rileydakota/valheim-ecs-fargate-cdk#9": r"invalid character .* looking for beginning of value",
    # That a task "cannot find" its group is also said where the connection fails: civiform/civiform#7648.
    "prakhar1989/docker-curriculum#253": r"specified log group does not exist",
    "newbe.dev/ecs-invalid-reference-format-error": r"invalid reference format",
    "aws/copilot-cli#2584": r"failed to normalize image reference",
    "aws/amazon-ecs-cli#1136": r"executable file not found",
}
_NEVER_HEALS = re.compile("|".join(_CERTAIN.values()), re.IGNORECASE)
# The same beginnings, where the network or the service at the other end was at fault for a moment: throttling in its
# spellings (aws/amazon-ecs-agent#498, apptension/saas-boilerplate#204, openreplay/openreplay#4076), 5xx, connections
# (globaldothealth/list#2662), look-ups of names, conflicts within AWS, time-outs (umotif-public/
# terraform-aws-ecs-fargate#50).
_MAY_HEAL = re.compile(
    r"throttl|too ?many ?requests|\b429\b|(?:rate|limit) ?(?:limit )?exceeded|rate limit|slow ?down"
    r"|\b50\d (?:internal|bad|service|gateway)|status(?: code)?:? ?5\d\d\b|internal ?(?:server ?error|failure)"
    r"|service ?unavailable|server ?exception|connection|\beof\b|broken pipe|tim(?:ed|e)?[ -]?out|deadline"
    r"|cancell?ed|handshake|no such host|server misbehaving|name resolution|unreachable|no route to host"
    r"|send request failed|dial tcp|conflict|operation ?aborted|concurrent|try again|temporar",
    re.IGNORECASE,
)
# Names, addresses and ARNs, whose words say nothing about what happened.
_NAMES = re.compile(r"\S*[/@]\S*|\barn:\S+")


@dataclass(frozen=True)
class Group:
    """Tasks that stopped for the same cause: one of them to look into, and how many there are.

    ``failed`` says whether they explain why a deployment failed.
    """

    example: Task
    count: int
    cause: str
    failed: bool


def group(tasks: Iterable[Task], definition: Mapping[str, Any]) -> list[Group]:
    """By their cause: those that failed first, then the most frequent."""
    alike: dict[tuple[bool, str, str, str], list[Task]] = {}
    for task in tasks:
        # A task id inside of a reason would make every task a group of its own.
        said = "" if is_unhealthy(task) else task.reason.replace(task.id, "…")
        key = (not is_failure(task), task.stop_code, cause(task, definition).replace(task.id, "…"), said)
        alike.setdefault(key, []).append(task)
    ordered = sorted(alike.items(), key=lambda one: (one[0][0], -len(one[1])))
    return [Group(found[-1], len(found), cause(found[-1], definition), not key[0]) for key, found in ordered]


def is_failure(task: Task) -> bool:
    """Whether it may be why a deployment failed: ECS stopped it for neither its host, Spot, a scaling nor a person."""
    known = task.stop_code in {_ENDED, _NOT_STARTED} or is_unhealthy(task)
    return known or (not task.stop_code and not task.reason.startswith(_HOST))


def of_revision(task: Task, definition: Mapping[str, Any]) -> bool:
    """Whether a task was stopped for something that its revision can do.

    That is: an essential container that exited, a failed health check, a start that fails for what stands in the task
    definition. Not a host that is retired (TerminationNotice, InfrastructureHealth), a balancing of zones, Spot, a
    scaling or a person: stopCode in docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html.
    """
    if task.stop_code == _NOT_STARTED:
        told = _told(task, definition)
        cannot = "CannotStartContainerError" in told or "CannotCreateContainerError" in told
        # One that an essential container waits for may have run, and failed.
        return _is_certain(told) or (cannot and not _may_heal(told)) or _own_code(culprit(task, definition))
    mine = culprit(task, definition).name != ""
    return mine and (task.stop_code == _ENDED or (task.stop_code in {_SCHEDULER, ""} and is_unhealthy(task)))


def never_heals(tasks: Iterable[Task], definition: Mapping[str, Any], desired: int = 1) -> str | None:
    """The cause that no further try heals, where it is certain; None while another may succeed.

    ``tasks`` are the deployment's that were stopped so far, ``desired`` is how many the service wants. It has to be
    seen in more than one task, or in all there are: what one of several meets alone may be its own. ECS's breaker
    would make at least three tries, minutes apart.
    """
    certain = [task for task in tasks if _is_certain(_told(task, definition))]
    return cause(certain[-1], definition) if len(certain) >= (1 if desired == 1 else 2) else None


def is_unhealthy(task: Task) -> bool:
    """Whether a health check ended it; its exit codes are only how it obeyed then."""
    return _BALANCER in task.reason or _OWN in task.reason


def failed_balancer(task: Task) -> bool:
    """Whether that health check was the load balancer's."""
    return _BALANCER in task.reason


def is_out_of_memory(task: Task, definition: Mapping[str, Any]) -> bool:
    """Whether the kernel ended it, or the container that made it stop, at the memory limit."""
    return bool(_MEMORY.search(f"{task.reason} {culprit(task, definition).reason}"))


def culprit(task: Task, definition: Mapping[str, Any]) -> Container:
    """The container that made a task stop; one without a name where none that the definition has did.

    Out of memory comes first, then an essential container's own exit code, then one that an essential one waits for,
    then one that could not be started or exited with 0, then the service's. 137 and 143 without a reason follow from
    the stop.
    """
    essential = _essential(task, definition)
    able = [one for one in task.containers if one.name in essential | _awaited(definition, essential)]
    proxies = [one for one in task.containers if one.name.startswith(_PROXY)]
    if not any(_failed(one, task) for one in able) and any(_failed(one, task) for one in proxies):
        return Container("")
    return min(
        able,
        key=lambda one: (_innocence(one, task, essential), one.name != task.service, one.name),
        default=Container(""),
    )


def ended_by_itself(task: Task, definition: Mapping[str, Any]) -> list[str]:
    """The names of the containers whose last lines tell of its end, the culprit's first.

    Those are the containers that the definition has and that ended by themselves, or failed a health check.
    """
    first = culprit(task, definition)
    declared = {one.get("name") for one in definition.get("containerDefinitions") or []}
    names = [first.name] if is_failure(task) and (first.exit_code is not None or is_unhealthy(task)) else []
    names += [one.name for one in task.containers if _own_code(one) and one.name in declared]
    return [name for name in dict.fromkeys(names) if name]


def cause(task: Task, definition: Mapping[str, Any]) -> str:
    """What happened to the container, or else to the task, in one line."""
    one = culprit(task, definition)
    code, reason = one.exit_code, one.reason
    if is_out_of_memory(task, definition):
        return f"{one.name} ran out of memory" + (f" (exit code {code})" if code else "")
    if is_unhealthy(task):
        which = "the load balancer's" if failed_balancer(task) else "its own"
        return f"{one.name or 'the task'} failed {which} health checks"
    if is_failure(task) and one.name:
        if code == _KILLED:
            detail = reason or "SIGKILL: out of memory, or still running at its stopTimeout"
            return f"{one.name} was killed with exit code {code} ({detail})"
        if code:
            return f"{one.name} exited with code {code}" + (f" ({reason})" if reason else "")
        if reason:
            return f"{one.name}: {reason}"
        if code == 0 and task.stop_code == _ENDED:
            return f"{one.name} exited with code 0, and a service's container must not exit"
    return task.reason or task.stop_code or "ECS gives no reason"


def _innocence(one: Container, task: Task, essential: set[str]) -> int:
    """The lower, the more likely it is what made the task stop."""
    if _MEMORY.search(one.reason) or (_MEMORY.search(task.reason) and one.exit_code == _KILLED):
        return 0
    if is_unhealthy(task):
        order = [_OWN in task.reason and one.is_unhealthy, one.name == task.service, one.name in essential]
    else:
        order = [
            one.name in essential and _own_code(one),
            _own_code(one),
            one.exit_code is None and one.reason != "",
            task.stop_code == _ENDED and one.name in essential and one.exit_code == 0,
            one.name == task.service,
            one.name in essential,
        ]
    return [*order, True].index(True) + 1


def _failed(one: Container, task: Task) -> bool:
    return one.is_unhealthy if is_unhealthy(task) else task.stop_code == _ENDED and _own_code(one)


def _own_code(one: Container) -> bool:
    return bool(one.exit_code) and (one.reason != "" or one.exit_code not in _SIGNALS)


def _essential(task: Task, definition: Mapping[str, Any]) -> set[str]:
    """The names of the containers that the task stops with; where nothing is said of one, it is essential."""
    declared = definition.get("containerDefinitions") or []
    if not declared:
        return {one.name for one in task.containers}
    return {one.get("name", "") for one in declared if one.get("essential", True)}


def _awaited(definition: Mapping[str, Any], essential: set[str]) -> set[str]:
    """Those whose failure keeps an essential one from starting (ContainerDependency's conditions)."""
    waits = {
        one.get("name", ""): {
            other.get("containerName", "")
            for other in one.get("dependsOn") or []
            if other.get("condition") in {"SUCCESS", "HEALTHY"}
        }
        for one in definition.get("containerDefinitions") or []
    }
    found, new = set[str](), set(essential)
    while new:
        new = {other for name in new for other in waits.get(name, ())} - found
        found |= new
    return found


def _told(task: Task, definition: Mapping[str, Any]) -> str:
    """What ECS says of a start that failed in an essential container; "" of a task that ran."""
    essential = _essential(task, definition)
    mine = [one for one in task.containers if one.name in essential]
    if any(one.exit_code is not None for one in mine):
        # It has another cause, whatever its log says.
        return ""
    reasons = [one.reason for one in mine if one.reason]
    others = [one.reason for one in task.containers if one.reason and one.name not in essential]
    if task.stop_code in {_NOT_STARTED, ""} and not any(one in task.reason or task.reason in one for one in others):
        reasons.append(task.reason)
    return " ".join(reasons)


def _is_certain(told: str) -> bool:
    return bool(_NEVER_HEALS.search(_NAMES.sub("", told))) and not _may_heal(told)


def _may_heal(told: str) -> bool:
    return bool(_MAY_HEAL.search(_NAMES.sub("", told)))
