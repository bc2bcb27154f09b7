"""Load balancers and target groups, as drift detection reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rehearsal.emulator.drift.shapes import attributes

Properties = Mapping[str, Any]

_PLAIN: Final = frozenset({
    "HealthCheckEnabled", "HealthCheckIntervalSeconds", "HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "Matcher", "Port", "Protocol", "TargetType",
    "UnhealthyThresholdCount", "VpcId",
})  # fmt: skip
OF_A_TARGET_GROUP: Final = _PLAIN | {"TargetGroupAttributes", "Tags"}
OF_A_LOAD_BALANCER: Final = frozenset({
    "IpAddressType", "LoadBalancerAttributes", "Name", "Scheme", "SecurityGroups", "Subnets", "Tags", "Type",
})  # fmt: skip


def target_group(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A target group, its health check and the attributes that the template sets."""
    from ministack.services import alb

    kept = alb._tgs.get(physical_id)
    if kept is None:
        return None
    return {
        **{name: kept[name] for name in _PLAIN if name in kept},
        "TargetGroupAttributes": attributes(
            alb._tg_attrs.get(physical_id, []), properties.get("TargetGroupAttributes", [])
        ),
        "Tags": alb._tags.get(physical_id, []),
    }


def load_balancer(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A load balancer and the attributes that the template sets."""
    from ministack.services import alb

    kept = alb._lbs.get(physical_id)
    if kept is None:
        return None
    return {
        "Name": kept["LoadBalancerName"],
        **{name: kept[name] for name in ("IpAddressType", "Scheme", "SecurityGroups", "Subnets", "Type")},
        "LoadBalancerAttributes": attributes(
            alb._lb_attrs.get(physical_id, []), properties.get("LoadBalancerAttributes", [])
        ),
        "Tags": alb._tags.get(physical_id, []),
    }
