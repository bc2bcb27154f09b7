"""What drift detection reads of each resource type, where ministack reads too little, and what the caller needs for it.

ministack detects drift itself, for types that have a reader. A type without one is not checked, as on AWS. It reads
with the caller's own credentials, and fails for a resource that the caller may not read.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import Properties, Read, Reader, schema
from rehearsal.emulator.iam.sessions import refusal
from rehearsal.emulator.seams import READERS, enter, original_entry

# Types whose reading is authorised against a resource: ``{id}`` is the physical id, ``{account}`` and ``{region}`` are
# the caller's. EC2's and ELB's have none to name.
AUTHORISED: Final[dict[str, str]] = {
    "AWS::ECR::Repository": "arn:aws:ecr:{region}:{account}:repository/{id}",
    "AWS::ECS::Service": "{id}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{id}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{id}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{id}",
}
# The access key of who calls CloudFormation while it answers.
CALLER: ContextVar[str] = ContextVar("caller", default="")
OF_A_LOG_GROUP: Final = frozenset({"KmsKeyId", "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags"})


def held(kind: str, read: Read | None) -> Read:
    """A reader that raises PermissionError, in IAM's words, unless the caller holds what the type takes.

    ministack's own where ``read`` is None.
    """

    def checked(physical_id: str, properties: Properties) -> dict[str, Any] | None:
        from ministack.core.responses import get_account_id, get_region

        place = {"id": physical_id, "account": get_account_id(), "region": get_region()}
        resource = AUTHORISED.get(kind, "*").format(**place)
        for action in schema(kind)["handlers"]["read"]["permissions"]:
            refused = refusal(CALLER.get(), action, resource, get_region())
            if refused is not None:
                raise PermissionError(refused.message)
        return (read or original_entry(READERS, kind)[0])(physical_id, properties)

    return checked


def read_log_group(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A log group; one that never expires has no retention."""
    from ministack.services import cloudwatch_logs

    kept = cloudwatch_logs._log_groups.get(physical_id)
    if kept is None:
        return None
    now = {
        "LogGroupName": physical_id,
        "RetentionInDays": kept.get("retentionInDays"),
        "KmsKeyId": kept.get("kmsKeyId"),
        "LogGroupClass": kept.get("logGroupClass"),
        "Tags": kept.get("tags", {}),
    }
    return {name: value for name, value in now.items() if value is not None}


def install(readers: Mapping[str, Reader]) -> None:
    """Put readers into ministack's table, each behind the permissions that its type takes."""
    own = {"AWS::Logs::LogGroup": (read_log_group, OF_A_LOG_GROUP)}
    for kind, (read, properties) in {**readers, **own}.items():
        enter(READERS, kind, (held(kind, read), properties))
    # A bucket is read by ministack, which asks nobody.
    bucket = "AWS::S3::Bucket"
    enter(READERS, bucket, (held(bucket, None), original_entry(READERS, bucket)[1]))
