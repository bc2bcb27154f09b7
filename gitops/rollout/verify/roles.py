"""Whether a task's two roles exist and trust ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitops.environments import Environment
from gitops.rollout.verify.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

TASKS = "ecs-tasks.amazonaws.com"
KINDS = {"executionRoleArn": "execution role", "taskRoleArn": "task role"}


def roles(iam: IAMClient, document: dict[str, Any], service: str, environment: Environment) -> list[Failure]:
    """A failure for each role that is not named, does not exist, or may not be taken by tasks.

    Fargate needs the execution role to pull from ECR and to read secrets
    (docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html).
    """
    failures = []
    apply = f"gitops apply {environment.environment} --stack service-{service}"
    for key, kind in KINDS.items():
        arn = document.get(key)
        if not arn:
            if key == "executionRoleArn":
                failures.append(Failure("the task definition names no execution role", f"set {key} in its base"))
            continue
        # A path may stand before the name, which alone is what GetRole takes.
        name = arn.rpartition("/")[2]
        try:
            found = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            failures.append(Failure(f"the {kind} {name} does not exist", apply, coming=True))
            continue
        if found["Arn"] != arn:
            failures.append(Failure(f"the {kind} {arn} does not exist: {name} is {found['Arn']}", f"correct {key}"))
        # boto3 has decoded the policy, which its stubs know as text.
        policy: Any = found.get("AssumeRolePolicyDocument") or {}
        if not trusts(policy, TASKS):
            failures.append(Failure(f"the {kind} {name} does not trust {TASKS}", apply))
    return failures


def trusts(policy: dict[str, Any], principal: str) -> bool:
    """Whether a trust policy lets an AWS service assume the role; conditions are AWS's to decide."""
    return any(
        statement.get("Effect") == "Allow"
        and principal in _listed((statement.get("Principal") or {}), "Service")
        and {"sts:AssumeRole", "sts:*", "*"}.intersection(_listed(statement, "Action"))
        for statement in _as_list(policy.get("Statement"))
    )


def _listed(mapping: Any, key: str) -> list[Any]:  # noqa: ANN401 (a policy's principal may be "*" instead)
    return _as_list(mapping.get(key)) if isinstance(mapping, dict) else []


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 (IAM takes one of a thing where it takes several)
    return value if isinstance(value, list) else [] if value is None else [value]
