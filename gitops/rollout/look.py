"""Asks ECS how a deployment stands: the service deployments API first, one call a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops.errors import GitopsError
from gitops.rollout import live, observation
from gitops.rollout.calls import Calls
from gitops.rollout.decide import OPEN_STATUSES, Target
from gitops.rollout.observation import Observation, ServiceDeployment

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

# The looks at which ours is searched for: ECS lists a new service deployment some seconds late.
_SEARCHES = (1, 4, 8)
# While the service deployment is asked, the service itself (for its events) is described this seldom.
_SERVICE_EVERY = 5
_NOT_OFFERED = {"AccessDeniedException", "InvalidAction", "UnknownOperationException", "UnsupportedFeatureException"}


class Lookout:
    """Called for one observation after the other of the same deployment.

    ``first`` is what UpdateService answered, None when it was not asked: the
    service need not be described again before something is decided on it.
    """

    def __init__(
        self,
        ecs: ECSClient,
        cluster: str,
        service: str,
        target: Target,
        calls: Calls,
        first: Observation | None = None,
    ) -> None:
        self._ecs, self._cluster, self._service_name, self._target = ecs, cluster, service, target
        self._calls, self._seen = calls, first
        self._looks = 0
        self._api_offered = True
        self.arn = ""
        """The service deployment's ARN, once it is known."""

    def __call__(self, waited: float) -> Observation:
        """One observation, ``waited`` seconds after the first.

        Raises GitopsError when the service is gone and ClientError as botocore does.
        """
        self._looks += 1
        ours: ServiceDeployment | None = None
        if not self.arn and self._api_offered and self._looks in _SEARCHES:
            ours = self._find()
        if not self.arn:
            return self._service()
        if ours is None or ours.status not in OPEN_STATUSES:
            answer = self._ecs.describe_service_deployments(serviceDeploymentArns=[self.arn])
            ours = observation.service_deployment(answer["serviceDeployments"][0])
        if self._is_due(ours, waited):
            self._seen = self._service()
        assert self._seen is not None  # noqa: S101 (without it, it was due)
        return replace(self._seen, service_deployment=ours)

    def _is_due(self, ours: ServiceDeployment, waited: float) -> bool:
        """Whether the service is described too: for its events now and then, for what came after a stop always."""
        if self._seen is None or ours.status == "STOPPED":
            return True
        return self._looks % _SERVICE_EVERY == 0 and self._calls.leave_room(1, waited)

    def _service(self) -> Observation:
        seen = live.service(self._ecs, self._cluster, self._service_name)
        if seen is None:
            raise GitopsError(
                f"the service {self._service_name} was deleted while it was watched", fix="find out by whom"
            )
        return seen

    def _find(self) -> ServiceDeployment | None:
        """Our service deployment: of those with our revision, the one created when ours was."""
        since = self._target.created - timedelta(minutes=1)
        try:
            # No filter on the status: PENDING ones, and those that have ended already, are wanted too.
            listed = self._ecs.list_service_deployments(
                cluster=self._cluster, service=self._service_name, createdAt={"after": since}
            )["serviceDeployments"]
            if not listed:
                return None
            revisions = {one["targetServiceRevisionArn"] for one in listed}
            described = self._ecs.describe_service_revisions(serviceRevisionArns=sorted(revisions))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_OFFERED:
                raise
            self._api_offered = False
            return None
        ours = {
            one["serviceRevisionArn"]
            for one in described["serviceRevisions"]
            if one.get("taskDefinition") == self._target.revision
        }
        candidates = [one for one in listed if one["targetServiceRevisionArn"] in ours]
        if not candidates:
            return None
        nearest = min(candidates, key=lambda one: abs(one["createdAt"] - self._target.created))
        self.arn = nearest["serviceDeploymentArn"]
        # What the list says of it already saves a call at the first look; it counts no tasks.
        return ServiceDeployment(self.arn, nearest.get("status", ""), nearest.get("statusReason", ""))
