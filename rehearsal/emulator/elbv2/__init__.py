"""Load balancers: their own names as hosts, what listeners and rules may not share, how drift detection reads them.

ministack answers /health, /v2/… and a few more paths itself before it looks at the host: the server asks
``is_load_balancer`` first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import Properties, Reader, set_attributes
from rehearsal.emulator.elbv2 import attributes
from rehearsal.emulator.seams import ELB, HANDLERS, enter, handle, original_entry

Params = dict[str, Any]
SUFFIXES = (".elb.amazonaws.com", ".alb.localhost")


def is_load_balancer(headers: Mapping[str, str]) -> bool:
    """Whether a request names a load balancer as its host."""
    return headers.get("host", "").split(":")[0].lower().endswith(SUFFIXES)


def owner(host: str) -> tuple[str, str]:
    """Account and region of the load balancer that answers to a name; the request's own where none does."""
    from ministack.core.responses import get_account_id, get_region, request_scope
    from ministack.services import alb

    for account, region in sorted({(account, region) for (account, region, _), _ in alb._lbs.all_items()}):
        with request_scope(account, region):
            if alb.find_lb_for_host(host) is not None:
                return account, region
    return get_account_id(), get_region()


async def answer(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,  # noqa: ANN401
    raw_query_string: str,
    raw_path: str | None,
) -> Any:  # noqa: ANN401 (ministack's response)
    """What the load balancer of the request's host answers, whatever the path."""
    from ministack import app
    from ministack.core.responses import request_scope

    # A visitor signs nothing: account and region are those that have a load balancer of this name.
    with request_scope(*owner(headers["host"])):
        answered = await app._handle_alb_request(
            headers["host"], path, method, headers, body, query_params, raw_query_string, raw_path
        )
    return answered or (503, {"Content-Type": "text/plain"}, b"no load balancer has this name\n")


# "A listener already exists on this port for this load balancer" (hashicorp/terraform#26407) and "Priority '49994' is
# currently in use" (wellcomecollection/wellcomecollection.org#6519), by the codes that CreateListener and CreateRule
# name: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
Problem = tuple[str, str]
LISTENER: Final = "AWS::ElasticLoadBalancingV2::Listener"
RULE: Final = "AWS::ElasticLoadBalancingV2::ListenerRule"


def taken_port(balancer: str, port: int, but: str = "") -> Problem | None:
    """Why a listener (other than ``but``, by its ARN) cannot have a port, as code and message; None where it can."""
    from ministack.services import alb

    others = (one for arn, one in alb._listeners.items() if arn != but)
    if any(one["LoadBalancerArn"] == balancer and int(one["Port"]) == port for one in others):
        return "DuplicateListener", f"A listener already exists on this port for this load balancer '{balancer}'"
    return None


def taken_priority(listener: str, priority: str, but: Collection[str] = ()) -> Problem | None:
    """Why a rule (other than ``but``, by ARN) cannot have a priority of a listener; None where it can."""
    from ministack.services import alb

    others = (one for arn, one in alb._rules.items() if arn not in but)
    if any(one["ListenerArn"] == listener and str(one["Priority"]) == priority for one in others):
        return "PriorityInUse", f"Priority '{priority}' is currently in use"
    return None


def _refused_where(action: str, problem: Callable[[Params], Problem | None]) -> None:
    """Answer a call with its problem, where it has one, instead of what ministack would do."""

    def checked(params: Params) -> Any:  # noqa: ANN401 (ministack's response)
        from ministack.services import alb

        found = problem(params)
        return alb._error(*found) if found else original_entry(ELB, action)(params)

    enter(ELB, action, checked)


def _new_port(params: Params) -> Problem | None:
    from ministack.services import alb

    return taken_port(alb._p(params, "LoadBalancerArn"), int(alb._p(params, "Port") or 80))


def _other_port(params: Params) -> Problem | None:
    from ministack.services import alb

    arn, port = alb._p(params, "ListenerArn"), alb._p(params, "Port")
    known = alb._listeners.get(arn)
    return taken_port(known["LoadBalancerArn"], int(port), arn) if known and port else None


def _new_priority(params: Params) -> Problem | None:
    from ministack.services import alb

    return taken_priority(alb._p(params, "ListenerArn"), str(alb._p(params, "Priority")))


def _other_priorities(params: Params) -> Problem | None:
    """Priorities may change places within one call, for which the rules named in it do not count as taken."""
    from ministack.services import alb

    wanted: dict[str, str] = {}
    while arn := alb._p(params, f"RulePriorities.member.{len(wanted) + 1}.RuleArn"):
        wanted[arn] = str(alb._p(params, f"RulePriorities.member.{len(wanted) + 1}.Priority"))
    known = ((alb._rules.get(arn), priority) for arn, priority in wanted.items())
    found = (taken_priority(rule["ListenerArn"], priority, wanted) for rule, priority in known if rule)
    return next((problem for problem in found if problem), None)


def _port_of_stack(arn: str, properties: Properties) -> Problem | None:
    return taken_port(properties.get("LoadBalancerArn", ""), int(properties.get("Port", 80)), arn)


def _priority_of_stack(arn: str, properties: Properties) -> Problem | None:
    return taken_priority(properties.get("ListenerArn", ""), str(properties.get("Priority", 1)), (arn,))


def _checked(kind: str, problem: Callable[[str, Properties], Problem | None]) -> dict[str, Callable[..., Any]]:
    """Creating and updating a resource type, refused where ``problem`` (of physical id and properties) says why."""

    def refuse(physical_id: str, props: Properties) -> None:
        if found := problem(physical_id, props):
            raise ValueError(found[1])

    def create(logical_id: str, props: Properties, stack_name: str) -> Any:  # noqa: ANN401
        refuse("", props)
        return original_entry(HANDLERS, kind)["create"](logical_id, props, stack_name)

    def update(
        physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
    ) -> Any:  # noqa: ANN401
        refuse(physical_id, new_props)
        return original_entry(HANDLERS, kind)["update"](physical_id, old_props, new_props, stack_name, logical_id)

    return {"create": create, "update": update}


_PLAIN: Final = frozenset({
    "HealthCheckEnabled", "HealthCheckIntervalSeconds", "HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "Matcher", "Port", "Protocol", "TargetType",
    "UnhealthyThresholdCount", "VpcId",
})  # fmt: skip
OF_A_TARGET_GROUP: Final = _PLAIN | {"TargetGroupAttributes", "Tags"}
OF_A_LOAD_BALANCER: Final = frozenset({
    "IpAddressType", "LoadBalancerAttributes", "Name", "Scheme", "SecurityGroups", "Subnets", "Tags", "Type",
})  # fmt: skip


def read_target_group(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A target group, its health check and the attributes that the template sets."""
    from ministack.services import alb

    kept = alb._tgs.get(physical_id)
    if kept is None:
        return None
    return {
        **{name: kept[name] for name in _PLAIN if name in kept},
        "TargetGroupAttributes": set_attributes(
            alb._tg_attrs.get(physical_id, []), properties.get("TargetGroupAttributes", [])
        ),
        "Tags": alb._tags.get(physical_id, []),
    }


def read_load_balancer(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A load balancer and the attributes that the template sets."""
    from ministack.services import alb

    kept = alb._lbs.get(physical_id)
    if kept is None:
        return None
    return {
        "Name": kept["LoadBalancerName"],
        **{name: kept[name] for name in ("IpAddressType", "Scheme", "SecurityGroups", "Subnets", "Type")},
        "LoadBalancerAttributes": set_attributes(
            alb._lb_attrs.get(physical_id, []), properties.get("LoadBalancerAttributes", [])
        ),
        "Tags": alb._tags.get(physical_id, []),
    }


READERS: Final[dict[str, Reader]] = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (read_load_balancer, OF_A_LOAD_BALANCER),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (read_target_group, OF_A_TARGET_GROUP),
}


def install() -> None:
    """Refuse a second listener on a port and a second rule of a priority, by the API and in a stack; and attributes."""
    _refused_where("CreateListener", _new_port)
    _refused_where("ModifyListener", _other_port)
    _refused_where("CreateRule", _new_priority)
    _refused_where("SetRulePriorities", _other_priorities)
    handle(LISTENER, **_checked(LISTENER, _port_of_stack))
    handle(RULE, **_checked(RULE, _priority_of_stack))
    attributes.install()
