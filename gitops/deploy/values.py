"""Whether what the containers of a task definition are given is there: parameters, secrets, environment files.

Each is looked up in its own region and account, which its ARN names; no value is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops import aws
from gitops.deploy.references import Failure, Finding, Unverified, unless_refused
from gitops.environments import Environment

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_ssm.client import SSMClient

# The most names that one GetParameters call takes.
_NAMES_PER_CALL = 10


@dataclass(frozen=True)
class SecretReference:
    """A variable of a container and where its value comes from: ``value_from`` as the task definition has it.

    ``stored`` is one that is in Secrets Manager whatever its form: the credentials of a registry.
    """

    container: str
    variable: str
    value_from: str
    stored: bool = False

    def __str__(self) -> str:
        return f"{self.variable} of container {self.container}"

    @property
    def parameter(self) -> str | None:
        """The name in Parameter Store; None when it is a Secrets Manager secret."""
        return None if self.stored else parameter_name(self.value_from)

    def place(self, environment: Environment) -> tuple[str, str]:
        """Region and account that its ARN names, and the environment's where it is a name alone.

        Both may be others (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html, eagletmt/hako#109).
        """
        parts = self.value_from.split(":")
        named = [*parts[3:5], "", ""] if parts[0] == "arn" else ["", ""]
        return named[0] or environment.region, named[1] or environment.account


def secrets(document: dict[str, Any]) -> list[SecretReference]:
    """Every secret that the containers of a task definition are given, or that their log drivers or pulls need.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html: the
    credentials of a registry are a secret's ARN, or its name in the same region.
    """
    return [
        *(
            SecretReference(container["name"], secret["name"], secret["valueFrom"])
            for container in document.get("containerDefinitions") or []
            for secret in [
                *(container.get("secrets") or []),
                *((container.get("logConfiguration") or {}).get("secretOptions") or []),
            ]
        ),
        *(
            SecretReference(container["name"], "repositoryCredentials", credentials["credentialsParameter"], True)
            for container in document.get("containerDefinitions") or []
            if (credentials := container.get("repositoryCredentials"))
        ),
    ]


def parameters(
    client: Callable[[str], SSMClient], wanted: Iterable[SecretReference], service: str, environment: Environment
) -> list[Finding]:
    """A failure per variable whose parameter does not exist; ``client`` gives one for a region.

    GetParameters names a missing one in InvalidParameters and raises nothing;
    values stay encrypted and are not looked at.
    """
    named = [one for one in wanted if one.parameter is not None]
    findings = list[Finding]()
    for place in sorted({one.place(environment) for one in named}):
        some = [one for one in named if one.place(environment) == place]
        look = partial(_parameters, client, some, place, service, environment)
        findings += _there(", ".join(map(str, some)), place, environment, look)
    return findings


def _parameters(
    client: Callable[[str], SSMClient],
    wanted: list[SecretReference],
    place: tuple[str, str],
    service: str,
    environment: Environment,
) -> list[Finding]:
    region, account = place
    is_ours = account == environment.account
    # One that another account shares is asked for by its ARN:
    # docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-shared-parameters.html
    named = [(one, str(one.parameter) if is_ours else one.value_from) for one in wanted]
    names = sorted({name for _, name in named})
    missing: set[str] = set()
    for first in range(0, len(names), _NAMES_PER_CALL):
        answer = client(region).get_parameters(Names=names[first : first + _NAMES_PER_CALL], WithDecryption=False)
        missing.update(answer.get("InvalidParameters", []))
    where = "" if region == environment.region else f" in {region}"
    return [
        Failure(f"{one}: there is no parameter {name}{where}", _put(name, service, environment, where))
        if is_ours
        else Unverified(str(one), f"the parameter {name} is not there, or not shared with this role")
        for one, name in named
        if name in missing
    ]


def stored_secrets(
    client: Callable[[str], Any],  # it comes without types
    wanted: Iterable[SecretReference],
    environment: Environment,
) -> list[Finding]:
    """A failure per variable whose Secrets Manager secret does not exist or is about to be deleted.

    ``client`` gives one for a region.
    """
    findings = list[Finding]()
    for one in wanted:
        if one.parameter is not None:
            continue
        if one.value_from.startswith("arn:") and one.value_from.count(":") < 5:
            findings.append(Failure(f"{one}: {one.value_from} is no whole ARN", "correct it in the task definition"))
            continue
        region, account = place = one.place(environment)
        look = partial(_stored_secret, partial(client, region), one, account == environment.account)
        findings += _there(str(one), place, environment, look)
        if key := ":".join(one.value_from.split(":")[7:8]):
            findings.append(Unverified(f"that {one} has a key {key}", "no value is read"))
    return findings


def _stored_secret(client: Callable[[], Any], one: SecretReference, is_ours: bool) -> list[Finding]:
    name = secret_id(one.value_from)
    try:
        described = client().describe_secret(SecretId=name)
    except ClientError as error:
        if aws.code(error) != "ResourceNotFoundException":
            raise
        if is_ours:
            return [Failure(f"{one}: there is no secret {name}", "create it in Secrets Manager")]
        return [Unverified(str(one), f"the secret {name} is not there, or not shared with this role")]
    if "DeletedDate" in described:
        return [Failure(f"{one}: the secret {name} is about to be deleted", "restore it")]
    return []


def environment_files(client: S3Client, document: dict[str, Any]) -> list[Finding]:
    """A failure per environment file that does not exist.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html.
    S3 answers 403 for a missing one too, where the role may not list the bucket:
    docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html.
    """
    findings = list[Finding]()
    for container in document.get("containerDefinitions") or []:
        for file in container.get("environmentFiles") or []:
            bucket, _, key = file.get("value", "").split(":", 5)[-1].partition("/")
            what = f"the environment file s3://{bucket}/{key} of container {container.get('name')}"
            findings += unless_refused(what, partial(_object, client, bucket, key, what))
    return findings


def _object(client: S3Client, bucket: str, key: str, what: str) -> list[Finding]:
    try:
        client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if aws.code(error) not in {"404", "NoSuchBucket", "NoSuchKey"}:
            raise
        return [Failure(f"there is no {what.removeprefix('the ')}", "put it there, or correct environmentFiles")]
    return []


def parameter_name(value_from: str) -> str | None:
    """The Parameter Store name that ``valueFrom`` means; None when it is a Secrets Manager secret."""
    if not value_from.startswith("arn:"):
        return value_from
    resource = ":".join(value_from.split(":")[5:])
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


def _put(parameter: str, service: str, environment: Environment, where: str) -> str:
    prefix = f"/{service}/{environment.environment}/"
    if parameter.startswith(prefix) and not where:
        return f"gitops secret put {service} {environment.environment} {parameter.removeprefix(prefix)}"
    return f"create it{where}, or refer to one below {prefix}"


def _there(
    what: str, place: tuple[str, str], environment: Environment, look: Callable[[], list[Finding]]
) -> list[Finding]:
    """What a look-up finds in a region and account, where it may be refused unless both are the environment's own."""
    if place == (environment.region, environment.account):
        return look()
    return unless_refused(f"{what} in {place[0]} of account {place[1]}", look)
