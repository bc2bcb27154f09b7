"""Whether every secret that a container is given exists, in Parameter Store or Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitops.environments import Environment
from gitops.rollout.verify.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# The most names that one GetParameters call takes.
_NAMES_PER_CALL = 10


@dataclass(frozen=True)
class Reference:
    """A variable of a container and where its value comes from: ``value_from`` as the task definition has it."""

    container: str
    variable: str
    value_from: str

    @property
    def parameter(self) -> str | None:
        """The name in Parameter Store; None when it is a Secrets Manager secret."""
        return parameter_name(self.value_from)


def references(document: dict[str, Any]) -> list[Reference]:
    """Every secret that the containers of a task definition are given, those of their log drivers included."""
    return [
        Reference(container["name"], secret["name"], secret["valueFrom"])
        for container in document.get("containerDefinitions") or []
        for secret in [
            *(container.get("secrets") or []),
            *((container.get("logConfiguration") or {}).get("secretOptions") or []),
        ]
    ]


def parameters(ssm: SSMClient, wanted: Iterable[Reference], service: str, environment: Environment) -> list[Failure]:
    """A failure per variable whose parameter does not exist.

    GetParameters names a missing one in InvalidParameters and raises nothing;
    values stay encrypted and are not looked at.
    """
    named = [(reference, reference.parameter) for reference in wanted if reference.parameter is not None]
    names = sorted({name for _, name in named if name})
    missing: set[str] = set()
    for first in range(0, len(names), _NAMES_PER_CALL):
        answer = ssm.get_parameters(Names=names[first : first + _NAMES_PER_CALL], WithDecryption=False)
        missing.update(answer["InvalidParameters"])
    return [
        Failure(
            f"{one.variable} of container {one.container}: there is no parameter {name}",
            _put(str(name), service, environment),
        )
        for one, name in named
        if name in missing
    ]


def stored_secrets(client: Any, wanted: Iterable[Reference]) -> list[Failure]:  # noqa: ANN401 (it comes without types)
    """A failure per variable whose Secrets Manager secret does not exist or is about to be deleted."""
    failures = []
    for one in wanted:
        if one.parameter is not None:
            continue
        name = secret_id(one.value_from)
        who = f"{one.variable} of container {one.container}"
        try:
            described = client.describe_secret(SecretId=name)
        except client.exceptions.ResourceNotFoundException:
            failures.append(Failure(f"{who}: there is no secret {name}", "create it in Secrets Manager"))
            continue
        if "DeletedDate" in described:
            failures.append(Failure(f"{who}: the secret {name} is about to be deleted", "restore it"))
    return failures


def parameter_name(value_from: str) -> str | None:
    """The Parameter Store name that ``valueFrom`` means; None when it is a Secrets Manager secret."""
    if not value_from.startswith("arn:"):
        return value_from
    resource = value_from.split(":", 5)[5]
    if not resource.startswith("parameter/"):
        return None
    name = resource.removeprefix("parameter")
    # A parameter outside of any path has no slash in its name, and none is left in its ARN to tell.
    return name if "/" in name[1:] else name[1:]


def secret_id(value_from: str) -> str:
    """A secret's ARN without the key, stage and version that ECS lets stand behind it.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    return ":".join(value_from.split(":")[:7])


def _put(parameter: str, service: str, environment: Environment) -> str:
    prefix = f"/{service}/{environment.environment}/"
    if parameter.startswith(prefix):
        return f"gitops secret put {service} {environment.environment} {parameter.removeprefix(prefix)}"
    return f"create it, or refer to one below {prefix}"
