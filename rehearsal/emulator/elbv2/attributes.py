"""A load balancer's name and attributes: a name is one's own, a protected one is not deleted, its logs are tested.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
The bucket's side, which a stack of ministack's would delete with what is in it:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
"""

from __future__ import annotations

from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import Properties
from rehearsal.emulator.seams import ELB, HANDLERS, enter, handle, original_entry

BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
BUCKET: Final = "AWS::S3::Bucket"
# rebuy-de/aws-nuke#258
PROTECTED: Final = "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
NOT_EMPTY: Final = "The bucket you tried to delete is not empty (Service: S3, Status Code: 409)"
# aws-cloudformation/cfn-lint#3259; DuplicateLoadBalancerName is what API_CreateLoadBalancer calls a name that is taken.
LONGEST_NAME: Final = 32
TOO_LONG: Final = "The load balancer name '{name}' cannot be longer than '32' characters"
# "Elastic Load Balancing validates the S3 bucket and creates a test file"
TEST_FILE: Final = "ELBAccessLogTestFile"


def attributes_of(arn: str) -> dict[str, str]:
    """A load balancer's attributes by key; empty where there is none."""
    from ministack.services import alb

    return {one["Key"]: one["Value"] for one in alb._lb_attrs.get(arn) or []}


def refusal(arn: str) -> str:
    """Why a load balancer cannot be deleted; "" where it can."""
    protected = attributes_of(arn).get("deletion_protection.enabled") == "true"
    return PROTECTED.format(arn=arn) if protected else ""


def _delete_load_balancer(params: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response, here and below)
    from ministack.services import alb

    reason = refusal(alb._p(params, "LoadBalancerArn"))
    return alb._error("OperationNotPermitted", reason) if reason else original_entry(ELB, "DeleteLoadBalancer")(params)


def _modify_attributes(params: dict[str, Any]) -> Any:  # noqa: ANN401
    from ministack.services import alb

    arn = alb._p(params, "LoadBalancerArn")
    before = attributes_of(arn)
    answer = original_entry(ELB, "ModifyLoadBalancerAttributes")(params)
    _test_logging(arn, before)
    return answer


def _test_logging(arn: str, before: dict[str, str]) -> None:
    """Write into the log bucket when logging has just been switched on."""
    from ministack.core.responses import get_account_id
    from ministack.services import s3

    now, switch = attributes_of(arn), "access_logs.s3.enabled"
    if now.get(switch) == "true" != before.get(switch):
        folder = "/".join(filter(None, [now.get("access_logs.s3.prefix"), "AWSLogs", get_account_id()]))
        s3._put_object(now["access_logs.s3.bucket"], f"{folder}/{TEST_FILE}", b"Enable AccessLog for ELB", {})


def _create_of_stack(logical_id: str, props: Properties, stack_name: str) -> Any:  # noqa: ANN401
    from ministack.services import alb

    name = str(props.get("Name", ""))
    if len(name) > LONGEST_NAME:
        raise ValueError(TOO_LONG.format(name=name))
    if any(one["LoadBalancerName"] == name for one in alb._lbs.values()):
        raise ValueError(f"A load balancer with name '{name}' already exists.")
    made = original_entry(HANDLERS, BALANCER)["create"](logical_id, props, stack_name)
    _test_logging(made[0], {})
    return made


def _update_of_stack(
    physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
) -> Any:  # noqa: ANN401
    before = attributes_of(physical_id)
    update = original_entry(HANDLERS, BALANCER)["update"]
    changed = update(physical_id, old_props, new_props, stack_name, logical_id)
    _test_logging(changed[0], before)
    return changed


def _delete_of_stack(physical_id: str, props: Properties) -> None:
    if reason := refusal(physical_id):
        raise ValueError(reason)
    original_entry(HANDLERS, BALANCER)["delete"](physical_id, props)


def _delete_bucket_of_stack(physical_id: str, props: Properties) -> None:
    from ministack.services import s3

    kept = s3._buckets.get(physical_id)
    if kept and (kept["objects"] or s3._bucket_has_versions(physical_id)):
        raise ValueError(NOT_EMPTY)
    original_entry(HANDLERS, BUCKET)["delete"](physical_id, props)


def install() -> None:
    """Refuse to delete what is protected or not empty, and test each log bucket, by the API and in a stack."""
    enter(ELB, "DeleteLoadBalancer", _delete_load_balancer)
    enter(ELB, "ModifyLoadBalancerAttributes", _modify_attributes)
    handle(BALANCER, create=_create_of_stack, update=_update_of_stack, delete=_delete_of_stack)
    handle(BUCKET, delete=_delete_bucket_of_stack)
