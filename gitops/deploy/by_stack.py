"""A deployment that a stack began by making or changing its ECS service: why it failed, and its revision retired.

CloudFormation waits until the service is steady. Where it does not become so, it says that the circuit breaker was
triggered and no cause (aws/copilot-cli#5296), and deletes what it made. So whatever explains it is looked up as soon
as it says so, and the tasks by their family: a service that is gone lists none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from gitops.aws import UNANSWERED, answered
from gitops.cloudformation import StackEvent
from gitops.deploy import causes, report, revisions
from gitops.deploy.decision import Target, Verdict
from gitops.deploy.diagnostics import Diagnostics
from gitops.deploy.poller import Calls
from gitops.deploy.release import Destination, Run
from gitops.deploy.report import Outcome, Side
from gitops.display import Display, Event, say
from gitops.ecs_answers import Observation, Task
from gitops.errors import GitopsError
from gitops.stacks.access import Access
from gitops.stacks.apply import is_cancelled
from gitops.stacks.order import Unit

ECS_SERVICE = "AWS::ECS::Service"
_FAILED = ("CREATE_FAILED", "UPDATE_FAILED")
_GONE = Observation("INACTIVE", 0, ())
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Report(NamedTuple):
    """The report of a deployment: its first line, whole for a terminal, and as Markdown."""

    headline: str
    text: str
    markdown: str


class Witness:
    """Told every event of the stacks that are applied, it keeps what explains why an ECS service failed."""

    def __init__(self, access: Access, display: Display) -> None:
        self._access, self._display = access, display
        self._began = access.clock.now()
        self._seen: _Failure | None = None
        self._gap = ""

    def __call__(self, unit: Unit, event: StackEvent) -> None:
        """Take one event; where it says that an ECS service failed, look at once. A refusal ends nothing."""
        failed = event.type == ECS_SERVICE and event.status in _FAILED and not is_cancelled(event)
        if self._seen or not unit.runs or not failed:
            return
        self._display.show(Event(unit.label, "looking for the cause in its tasks", mood="going"))
        try:
            self._seen = _Failure(self._access, unit, event, self._display)
        except UNANSWERED as error:
            self._gap = f"the tasks of {unit.service} could not be looked at: {answered(error)}"

    def explain(self, error: GitopsError) -> Report | None:
        """The report of the service that ended an apply with ``error``, once its stack has settled.

        Its revision is deregistered, unless nothing of it failed. What could not be looked up is said with the error.
        """
        if self._gap:
            error.problem += f" ({self._gap})"
        if self._seen is None:
            return None
        outcome = self._seen.outcome(self._access.clock.now() - self._began)
        return Report(report.headline(outcome), report.text(outcome), report.markdown(outcome))


class _Failure:
    """What was found of one service when CloudFormation said that it failed."""

    def __init__(self, access: Access, unit: Unit, event: StackEvent, display: Display) -> None:
        self._to, self._reason = Destination(access.checkout, access.environment, unit.service), event.reason
        self._service = access.ecs.service(unit.service, self._to.family)
        # The template names the family alone, which is its newest revision.
        self._revision = revisions.revision(access.ecs, access.ecs.newest(self._to.family), unit.service)
        document = access.ecs.task_definition(self._revision.arn).document
        seen = self._service.look()
        self._target = begun(seen, self._service.tasks(stopped=True), self._revision.arn)
        diagnostics = Diagnostics(
            self._target, document, Run(access.session, self._service, say, display, access.clock, 0.0), Calls()
        )
        diagnostics.at_end(seen or _GONE)
        self._evidence = diagnostics.evidence
        # The stack's own way back means the family, too: it must not find this one the newest.
        self._note = self._retire() if seen is not None and seen.revision != self._revision.arn else ""

    def _retire(self) -> str:
        """Retire the revision where it is to blame; what was done, also where that could not be."""
        stays = f"{self._revision.name} stays registered"
        try:
            if not is_to_blame(self._service.tasks(stopped=True), self._revision.arn):
                return f"{stays}: no task of it is known to have failed"
            # The stack's way back may have tried it once more.
            last = begun(self._service.look(), (), self._revision.arn).deployment_id or self._target.deployment_id
        except UNANSWERED as error:
            return f"{stays}: {answered(error)}"
        return revisions.retire(self._service, self._revision.arn, last)

    def _now(self) -> Observation | None:
        """The service once the stack has settled; None where it is gone, or does not answer."""
        try:
            return self._service.look()
        except UNANSWERED:
            return None

    def outcome(self, seconds: float) -> Outcome:
        note = self._note or self._retire()
        origin = self._revision.provenance
        return Outcome(
            verdict=verdict(self._now(), self._revision.arn),
            cause=self._reason,
            service=self._to.service,
            environment=self._to.environment.environment,
            before=Side(),
            after=Side(self._revision.arn, self._revision.image, origin.commit),
            subject=self._to.subject(origin.commit),
            seconds=seconds,
            evidence=self._evidence,
            notes=(note,),
        )


def is_to_blame(stopped: Iterable[Task], revision: str) -> bool:
    """Whether a service's task of the revision ended by its own fault, as one does that fails health checks."""
    return any(
        one.revision == revision and one.started_by and one.has_failed(one.started_by) and causes.is_failure(one)
        for one in stopped
    )


def verdict(seen: Observation | None, failed: str) -> Verdict:
    """Rolled back only where another revision is seen to serve with all its tasks; ``seen`` once the stack settled."""
    primary = seen.primary if seen else None
    serves = primary is not None and primary.revision != failed and 0 < primary.desired <= primary.running
    return Verdict.ROLLED_BACK if serves else Verdict.FAILED


def begun(seen: Observation | None, stopped: Iterable[Task], revision: str) -> Target:
    """The deployment of a revision: the newest that the service still has, else that in whose name a task stopped."""
    described = [one for one in (seen.deployments if seen else ()) if one.revision == revision]
    if described:
        return Target.of(max(described, key=lambda one: one.created))
    names = [one.started_by for one in stopped if one.revision == revision and one.started_by]
    return Target(names[0] if names else "", revision, _LONG_AGO)
