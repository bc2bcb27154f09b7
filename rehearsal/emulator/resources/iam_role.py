"""AWS::IAM::Role: the permissions boundary, which ministack's handler leaves out and its evaluator would honour.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def install() -> None:
    """Wrap ministack's handler."""
    from ministack.services.cloudformation import provisioners

    handler = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    create, update = handler["create"], handler["update"]

    def created(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:  # noqa: ANN401
        return _bounded(create(logical_id, props, stack_name), props)

    def updated(
        physical_id: str,
        old_props: Mapping[str, Any],
        new_props: Mapping[str, Any],
        stack_name: str,
        logical_id: str | None = None,
    ) -> Any:  # noqa: ANN401
        return _bounded(update(physical_id, old_props, new_props, stack_name, logical_id), new_props)

    handler["create"], handler["update"] = created, updated


def _bounded(answer: Any, properties: Mapping[str, Any]) -> Any:  # noqa: ANN401 (ministack's answer)
    from ministack.services import iam

    iam._roles[answer[0]]["PermissionsBoundary"] = properties.get("PermissionsBoundary")
    return answer
