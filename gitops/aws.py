"""Sessions with AWS: the role of the job on GitHub, a profile per role in the rehearsal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own, not the builtin)
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
)

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout

Role = Literal["administrator", "plan", "build", "deploy", "infrastructure", "teardown", "drift", "drill"]

# Adaptive mode slows itself down under throttling; the timeouts bound a hanging endpoint.
CLIENT_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 6}, connect_timeout=5, read_timeout=60)
# An AWS on this machine does not come back by itself: that it has ended is said at once.
REHEARSAL_CONFIG = CLIENT_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))

# The codes of an AWS, or of what stands for it, that does not have an operation.
NOT_OFFERED = frozenset({"InvalidAction", "UnknownOperationException", "UnsupportedFeatureException"})

Answer = TypeVar("Answer")


def session(checkout: Checkout, environment: Environment, role: Role) -> boto3.Session:
    """A session in the environment's region under a workflow role.

    On GitHub the job has assumed its role already, and the default credential
    chain finds it. Where the environment names an AWS config file (the
    rehearsal), the role's profile there is used: botocore assumes it by OIDC.
    Raises GitopsError when that file or profile is missing.
    """
    if environment.aws_config_file is None:
        core = botocore.session.Session()
        core.set_default_client_config(CLIENT_CONFIG)
        return boto3.Session(botocore_session=core, region_name=environment.region)
    config_file = checkout.root / environment.aws_config_file
    if not config_file.exists():
        raise GitopsError(f"{environment.environment} is not running here", fix="make rehearse")
    core = botocore.session.Session(profile=role)
    core.set_config_variable("config_file", str(config_file))
    # A developer's own keys must never reach an environment that has profiles of its own.
    core.set_config_variable("credentials_file", os.devnull)
    core.set_default_client_config(REHEARSAL_CONFIG)
    try:
        return boto3.Session(botocore_session=core, region_name=environment.region)
    except ProfileNotFound:
        raise GitopsError(
            f"{environment.aws_config_file} has no profile {role}", fix="make stop, then make rehearse"
        ) from None


def code(error: ClientError) -> str:
    """The code that AWS gives what it refuses; "" where it gives none."""
    return error.response.get("Error", {}).get("Code", "")


def message(error: ClientError) -> str:
    """What AWS says of what it refuses; "" where it says nothing."""
    return error.response.get("Error", {}).get("Message", "")


def found(ask: Callable[[], Answer], *absent: str) -> Answer | None:
    """What AWS answers; None where it answers with one of the codes that say there is no such thing."""
    try:
        return ask()
    except ClientError as error:
        if code(error) in absent:
            return None
        raise


@contextmanager
def explained(environment: Environment) -> Iterator[None]:
    """Turn what botocore raises into one line that names the cause and the next step."""
    try:
        yield
    except (ConnectionError, HTTPClientError) as error:
        fix = "make rehearse" if environment.aws_config_file else "check the network and the region"
        raise GitopsError(f"AWS does not answer for {environment.environment}: {error}", fix=fix) from None
    except NoCredentialsError:
        raise GitopsError(
            f"no AWS credentials for {environment.environment}",
            fix="sign in (aws sso login), or run this in its workflow",
        ) from None
    except ClientError as error:
        raise GitopsError(
            f"{error.operation_name} was refused in {environment.environment}: "
            f"{code(error) or 'unknown'}: {message(error)}",
            fix=_fix(code(error)),
        ) from None
    except BotoCoreError as error:
        raise GitopsError(f"AWS call failed in {environment.environment}: {error}") from None


# What a call ends with that gives no answer to go on with: GitopsError where the answer itself said so.
UNANSWERED = (ClientError, BotoCoreError, GitopsError)


def answered(error: ClientError | BotoCoreError | GitopsError) -> str:
    """What became of a call, in words: for a report that goes on without its answer."""
    if isinstance(error, GitopsError):
        return error.problem
    return f"{error.operation_name} answered {code(error)}" if isinstance(error, ClientError) else str(error)


def is_throttling(error: ClientError | BotoCoreError) -> bool:
    """Whether AWS only wants to be asked less often."""
    if isinstance(error, BotoCoreError):
        return False
    return "Throttl" in code(error) or code(error) in {"RequestLimitExceeded", "TooManyRequestsException"}


def may_pass(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may succeed in a moment: AWS or the way to it is at fault, not what was asked."""
    if isinstance(error, BotoCoreError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or code(error) == "ServerException"


def _fix(refusal: str) -> str:
    if refusal.startswith("AccessDenied") or refusal == "UnauthorizedOperation":
        return "allow it in the role (infra/cloudformation/bootstrap-*.yaml), or use the role that may"
    if refusal in {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"}:
        return "get new credentials and run it again"
    return "correct that and run it again"
