"""Sessions with AWS: the role of the job on GitHub, a profile per role in the rehearsal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

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

Role = Literal["administrator", "plan", "build", "deploy", "infrastructure", "teardown", "drift", "drill"]

# Adaptive mode slows itself down under throttling; the timeouts bound a hanging endpoint.
CLIENT_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 6}, connect_timeout=5, read_timeout=60)
# An AWS on this machine does not come back by itself: that it has ended is said at once.
REHEARSAL_CONFIG = CLIENT_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))


def session(root: Path, environment: Environment, role: Role) -> boto3.Session:
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
    config_file = root / environment.aws_config_file
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
        detail = error.response.get("Error", {})
        raise GitopsError(
            f"{error.operation_name} was refused in {environment.environment}: "
            f"{detail.get('Code', 'unknown')}: {detail.get('Message', '')}",
            fix=_fix(detail.get("Code", "")),
        ) from None
    except BotoCoreError as error:
        raise GitopsError(f"AWS call failed in {environment.environment}: {error}") from None


def _fix(code: str) -> str:
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return "allow it in the role (infra/cloudformation/bootstrap.yaml), or use the role that may"
    if code in {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"}:
        return "get new credentials and run it again"
    return "correct that and run it again"
