"""gitops secret: a service's secrets in Parameter Store. A value is read, stored, and never shown."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from gitops import aws, environments
from gitops.arguments import environment_argument, service_argument
from gitops.deploy import values
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import TASKDEFS, Checkout, rendered
from gitops.taskdefs import documents

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# The limit of a standard parameter, in bytes: docs.aws.amazon.com/general/latest/gr/ssm.html.
_LARGEST = 4096
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """put SERVICE ENVIRONMENT NAME [--from-env VAR]."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    put = actions.add_parser("put", help="store one secret, or replace it", description="Store or replace a secret.")
    service_argument(put)
    environment_argument(put)
    put.add_argument("name", help="the variable that the container gets, such as OPENWEATHER_API_KEY")
    put.add_argument(
        "--from-env", metavar="VAR", help="take the value from this environment variable instead of asking for it"
    )
    put.epilog = (
        "The value is asked for without an echo, or read from standard input when that is not a terminal. It is never "
        "an argument, which any process of the machine could read. It is stored as a SecureString named "
        "/SERVICE/ENVIRONMENT/NAME; running tasks get it when they are replaced."
    )


def run(arguments: argparse.Namespace) -> int:
    """Store the value and say whether it is new."""
    checkout, service, name = arguments.checkout, arguments.service, arguments.name
    environment = environments.load(checkout, arguments.environment)
    environment.require_service(service)
    if not _NAME.match(name):
        raise GitopsError(f'"{name}" is no name of a variable', fix="use letters, digits and _, such as API_KEY")
    value = read_value(arguments.from_env, f"value of {name} for {service} in {environment.environment}: ")
    parameter = f"/{service}/{environment.environment}/{name}"
    with aws.explained(environment):
        ssm = aws.session(checkout, environment, "administrator").client("ssm")
        version = put(ssm, parameter, value, _tags(environment, service))
    print(f"created {parameter}" if version == 1 else f"replaced {parameter} (version {version})")
    if not is_referenced(checkout, service, environment, parameter):
        print(
            f"warning: the rendered task definition of {service} in {environment.environment} does not refer to it, "
            f"so no container gets it → add it under secrets in {TASKDEFS / service}/, then gitops render",
        )
    return 0


def read_value(variable: str | None, prompt: str) -> str:
    """The secret's value, without the line end that a shell adds.

    Raises GitopsError when it is empty, longer than 4096 bytes, or the variable is not set.
    """
    if variable is not None:
        if variable not in os.environ:
            raise GitopsError(
                f"the environment variable {variable} is not set", fix="export it or leave out --from-env"
            )
        value, source = os.environ[variable], f"the environment variable {variable}"
    elif sys.stdin.isatty():
        value, source = getpass.getpass(prompt), "the value typed"
    else:
        value, source = sys.stdin.read(), "standard input"
    value = value.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise GitopsError(f"{source} is empty: nothing was stored", fix="give a value")
    if len(value.encode()) > _LARGEST:
        raise GitopsError(f"{source} is longer than {_LARGEST} bytes: nothing was stored", fix="give a shorter value")
    return value


def put(ssm: SSMClient, parameter: str, value: str, tags: dict[str, str]) -> int:
    """Create or replace a SecureString, and return its version (1 when it was created)."""
    listed: Any = [{"Key": key, "Value": tag} for key, tag in tags.items()]
    try:
        return ssm.put_parameter(Name=parameter, Value=value, Type="SecureString", Tags=listed)["Version"]
    except ssm.exceptions.ParameterAlreadyExists:
        # SSM refuses tags together with Overwrite.
        answer = ssm.put_parameter(Name=parameter, Value=value, Type="SecureString", Overwrite=True)
        ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=parameter, Tags=listed)
        return answer["Version"]


def is_referenced(checkout: Checkout, service: str, environment: Environment, parameter: str) -> bool:
    """Whether a container of the rendered task definition gets the parameter."""
    path = rendered(service, environment.environment)
    if not (checkout.root / path).exists():
        return False
    secrets = values.secrets(documents.read(checkout, path))
    return any(secret.parameter == parameter for secret in secrets)


def _tags(environment: Environment, service: str) -> dict[str, str]:
    return {"Project": environment.project, "Environment": environment.environment, "Service": service}
