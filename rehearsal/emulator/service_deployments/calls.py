"""The four calls about service deployments, answered from their history.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
"""

from __future__ import annotations

from typing import Any

from rehearsal.emulator.service_deployments import stop
from rehearsal.emulator.service_deployments.answers import brief, described, revision
from rehearsal.emulator.service_deployments.history import History, ServiceDeployment

Request = dict[str, Any]
# How many ARNs one call takes, and how many service deployments a page has where the caller names no number.
MOST_ARNS, PAGE, LARGEST_PAGE = 20, 20, 100


class Calls:
    """The handlers of the calls, by their names in the API."""

    def __init__(self, history: History) -> None:
        self._history = history

    def install(self) -> None:
        """Take the place of ministack's empty answers."""
        from ministack.services import ecs

        ecs._ACTION_MAP["ListServiceDeployments"] = self.list
        ecs._ACTION_MAP["DescribeServiceDeployments"] = self.describe
        ecs._ACTION_MAP["DescribeServiceRevisions"] = self.describe_revisions
        ecs._ACTION_MAP["StopServiceDeployment"] = self.stop

    def list(self, data: Request) -> Any:  # noqa: ANN401 (ministack's response)
        """ListServiceDeployments: the newest first, filtered and in pages."""
        from ministack.core.responses import json_response
        from ministack.services import ecs

        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if cluster not in ecs._clusters:
            return _refused("ClusterNotFoundException", "Cluster not found.")
        name, of_cluster = ecs._resolve_service_ref(data.get("service", "")) or ("", None)
        service = ecs._services.get(f"{cluster}/{name}")
        if service is None or service["status"] == "INACTIVE" or of_cluster not in (None, cluster):
            return _refused("ServiceNotFoundException", "Service not found.")
        self._history.look(f"{cluster}/{name}")
        size = data.get("maxResults", PAGE)
        if not 1 <= size <= LARGEST_PAGE:
            return _refused("InvalidParameterException", f"maxResults must be between 1 and {LARGEST_PAGE}.")
        found = selected(list(reversed(self._history.of(service["serviceArn"]))), data)
        begin = 0
        if token := data.get("nextToken"):
            begin = next((i for i, one in enumerate(found, 1) if one.arn.endswith(f"/{token}")), 0)
            if not begin:
                return _refused("InvalidParameterException", "Invalid token.")
        page = found[begin : begin + size]
        more = {"nextToken": page[-1].arn.rsplit("/", 1)[-1]} if begin + size < len(found) else {}
        return json_response({"serviceDeployments": [brief(one) for one in page], **more})

    def describe(self, data: Request) -> Any:  # noqa: ANN401
        """DescribeServiceDeployments."""
        from ministack.core.responses import json_response

        arns = data.get("serviceDeploymentArns") or []
        if problem := _wrong(arns):
            return problem
        found = {arn: self._now(arn) for arn in arns}
        return json_response(
            {
                "serviceDeployments": [described(*one) for one in found.values() if one],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn, one in found.items() if not one],
            }
        )

    def describe_revisions(self, data: Request) -> Any:  # noqa: ANN401
        """DescribeServiceRevisions."""
        from ministack.core.responses import json_response
        from ministack.services import ecs

        arns = data.get("serviceRevisionArns") or []
        if problem := _wrong(arns):
            return problem
        answers, failures = [], []
        for arn in arns:
            one = self._history.find(arn)
            if one is None or arn != one.revision_arn:
                failures.append({"arn": arn, "reason": "MISSING"})
                continue
            definition = ecs._task_defs.get(ecs._resolve_td_key(one.revision["taskDefinition"])) or {}
            answers.append(revision(one, definition.get("containerDefinitions") or []))
        return json_response({"serviceRevisions": answers, "failures": failures})

    def stop(self, data: Request) -> Any:  # noqa: ANN401
        """StopServiceDeployment."""
        from ministack.core.responses import json_response

        arn = data.get("serviceDeploymentArn", "")
        found = self._now(arn)
        if found is None:
            return _refused("ServiceDeploymentNotFoundException", "Service deployment not found.")
        problem = stop.problem(found[0].progress, data.get("stopType", "ROLLBACK"))
        if problem is None and found[0].progress.status in stop.STOPPABLE:
            problem = stop.roll_back(self._history, *found)
        return _refused(*problem) if problem else json_response({"serviceDeploymentArn": arn})

    def _now(self, arn: str) -> tuple[ServiceDeployment, dict[str, Any]] | None:
        """A service deployment as it is now, and its service."""
        from ministack.services import ecs

        one = self._history.find(arn)
        if one is None or arn != one.arn:
            return None
        key = "/".join(one.revision["serviceArn"].rsplit("/", 2)[-2:])
        self._history.look(key)
        service = ecs._services.get(key)
        return (one, service) if service is not None and service["status"] == "ACTIVE" else None


def selected(newest_first: list[ServiceDeployment], data: Request) -> list[ServiceDeployment]:
    """Those with one of the wanted states, created between the wanted times (seconds since 1970)."""
    wanted, created = data.get("status") or [], data.get("createdAt") or {}
    after, before = created.get("after", 0), created.get("before", float("inf"))
    return [
        one
        for one in newest_first
        if (not wanted or one.progress.status in wanted) and after <= one.progress.created <= before
    ]


def _wrong(arns: list[str]) -> Any:  # noqa: ANN401
    if 0 < len(arns) <= MOST_ARNS:
        return None
    return _refused("InvalidParameterException", f"Between 1 and {MOST_ARNS} ARNs are needed.")


def _refused(code: str, message: str) -> Any:  # noqa: ANN401
    from ministack.core.responses import error_response_json

    return error_response_json(code, message, 400)
