"""AWS::ApplicationAutoScaling: targets and policies, kept here for want of an API of its own.

Nothing scales by load in the rehearsal, for want of CloudWatch metrics of its tasks. The
bounds hold, though: a service below its minimum is brought up to it, as on AWS
(https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html).
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import Created, Properties, ResourceType
from rehearsal.emulator.ministack import concurrency, ecs, responses

# By (account, region, physical id).
targets: Final[dict[tuple[str, str, str], dict[str, Any]]] = {}
policies: Final[dict[tuple[str, str, str], dict[str, Any]]] = {}


def _scope() -> tuple[str, str]:
    return str(responses.get_account_id()), str(responses.get_region())


class ScalableTarget:
    """Ref is ``resource|dimension|namespace`` (aws-resource-applicationautoscaling-scalabletarget)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Register the target; ValueError when its bounds contradict each other."""
        lowest, highest = int(properties["MinCapacity"]), int(properties["MaxCapacity"])
        if lowest > highest:
            raise ValueError("Maximum capacity cannot be less than minimum capacity")
        identity = "|".join(str(properties[name]) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
        account, region = _scope()
        arn = f"arn:aws:application-autoscaling:{region}:{account}:scalable-target/{uuid.uuid4().hex[:26]}"
        arn = targets.get((account, region, identity), {}).get("ScalableTargetARN", arn)
        targets[account, region, identity] = {**properties, "ScalableTargetARN": arn}
        if properties["ScalableDimension"] == "ecs:service:DesiredCount":
            _bring_within(str(properties["ResourceId"]), lowest, highest)
        return identity, {"Id": identity, "ScalableTargetARN": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Change the bounds in place; another resource is another target."""
        return self.create("", new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Deregister the target."""
        targets.pop((*_scope(), physical_id), None)


def _bring_within(resource: str, lowest: int, highest: int) -> None:
    """Set a service's desired count to the nearer bound where it lies outside."""
    _, cluster, name = resource.split("/")
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None or service["status"] != "ACTIVE":
        raise ValueError(f"ECS service doesn't exist: {resource}")
    wanted = min(max(service["desiredCount"], lowest), highest)
    if wanted != service["desiredCount"]:
        # Starting and stopping tasks takes time that the server's own loop does not have.
        request = {"cluster": cluster, "service": name, "desiredCount": wanted}
        concurrency.spawn_background(ecs._update_service, request, thread_name="scaling")


class ScalingPolicy:
    """Ref and ``Arn`` are the policy's ARN (aws-resource-applicationautoscaling-scalingpolicy)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Put the policy; ValueError when its target is not registered."""
        account, region = _scope()
        target = properties.get("ScalingTargetId") or "|".join(
            str(properties.get(name, "")) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
        )
        if (account, region, str(target)) not in targets:
            raise ValueError(f"No scalable target registered: {target}")
        resource = str(target).split("|", 1)[0]
        arn = (
            f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:{uuid.uuid4()}:"
            f"resource/ecs/{resource}:policyName/{properties['PolicyName']}"
        )
        policies[account, region, arn] = dict(properties)
        return arn, {"Arn": arn, "PolicyName": str(properties["PolicyName"])}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Change the configuration in place; name and target make another policy."""
        fixed = ("PolicyName", "ScalingTargetId", "ResourceId", "ScalableDimension", "ServiceNamespace")
        if any(old.get(name) != new.get(name) for name in fixed):
            return self.create("", new, stack)
        policies[*_scope(), physical_id] = dict(new)
        return physical_id, {"Arn": physical_id, "PolicyName": str(new["PolicyName"])}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Remove the policy."""
        policies.pop((*_scope(), physical_id), None)


TYPES: Final[dict[str, ResourceType]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ScalableTarget(),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ScalingPolicy(),
}
