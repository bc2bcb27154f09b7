"""What a call of CloudFormation must be allowed beside its own action.

Handing over a role: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
Tags, and parameters whose type is something of AWS, which it looks up on the caller's behalf:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from gitops.errors import GitopsError
from gitops.stacks import templates
from rehearsal.emulator.guard import Permission, before, first_refusal

PASSED: Final = {"iam:PassedToService": "cloudformation.amazonaws.com"}
LOOKED_UP: Final = {
    "AWS::EC2::SecurityGroup::Id": "ec2:DescribeSecurityGroups",
    "AWS::EC2::Subnet::Id": "ec2:DescribeSubnets",
    "AWS::EC2::VPC::Id": "ec2:DescribeVpcs",
}


def needed(request: Mapping[str, str], region: str, account: str) -> list[Permission]:
    """The further permissions of a call; ``request`` is its form, flat."""
    found = []
    if role := request.get("RoleARN"):
        found.append(Permission("iam:PassRole", role, PASSED))
    if any(name.startswith("Tags.") for name in request):
        name = request.get("StackName", "")
        stack = name if name.startswith("arn:") else f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"
        by = {"cloudformation:CreateAction": request.get("Action", "")}
        found.append(Permission("cloudformation:TagResource", stack, by))
    if body := request.get("TemplateBody"):
        found += [Permission(looks_up, "*") for looks_up in _looked_up(body)]
    return found


def _looked_up(body: str) -> list[str]:
    try:
        parameters = templates.parse(body, "", Path("TemplateBody")).parameters.values()
    except GitopsError:
        # CloudFormation itself will say what is wrong with it.
        return []
    types = {parameter.type.removeprefix("List<").removesuffix(">") for parameter in parameters}
    return sorted(LOOKED_UP[one] for one in types if one in LOOKED_UP)


def install() -> None:
    """Ask for them once the call's own action is allowed."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cloudformation
    from ministack.services.cloudformation import helpers

    def look(caller: str, headers: Mapping[str, str], body: bytes) -> Any:  # noqa: ANN401 (ministack's response)
        request = {name: values[0] for name, values in parse_qs(body.decode("utf-8", errors="replace")).items()}
        refused = first_refusal(caller, needed(request, get_region(), get_account_id()))
        return refused and helpers._error("AccessDenied", refused.message, 403)

    before(cloudformation, look)
