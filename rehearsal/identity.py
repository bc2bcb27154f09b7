"""Who each step is: an OIDC token and an AWS profile per role, as GitHub gives them to its jobs."""

from __future__ import annotations

import configparser
import io
import time
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from gitops import Checkout, Environment, GitHub

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
# GitHub's tokens live for minutes; a rehearsal is left running for days and nobody else can reach it.
LIFETIME = 30 * 24 * 3600


# Role → the end of the OIDC subject of the workflow job that assumes it. A job with a GitHub environment is known by
# it, which replaces branch and pull_request (docs.github.com, "OpenID Connect reference").
ENDINGS: Final = {
    "plan": "pull_request",
    "build": "ref:refs/heads/{branch}",
    "drift": "ref:refs/heads/{branch}",
    "deploy": "environment:{environment}",
    "infrastructure": "environment:{environment}-infrastructure",
    "teardown": "environment:{environment}-teardown",
    "drill": "environment:{environment}-drill",
}


def subject(github: GitHub, ending: str) -> str:
    """An OIDC subject with the numbers of owner and repository, as repositories made since 2026-07-15 send it."""
    return f"repo:{github.owner}@{github.owner_id}/{github.repository}@{github.repository_id}:{ending}"


def claims(environment: Environment, role: str, now: int) -> dict[str, str | int]:
    """The claims of a job's token."""
    github = environment.github
    ending = ENDINGS[role].format(environment=environment.environment, branch=github.branch)
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject(github, ending),
        "repository": f"{github.owner}/{github.repository}",
        "repository_id": github.repository_id,
        "ref": f"refs/heads/{github.branch}",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
    }


def aws_config(environment: Environment, endpoint: str, tokens: Path, administrator: tuple[str, str]) -> str:
    """The AWS config file: boto3 itself exchanges each role's token for its credentials."""
    config = configparser.ConfigParser(interpolation=None)
    place = {"region": environment.region, "endpoint_url": endpoint}
    key, secret = administrator
    config["profile administrator"] = {"aws_access_key_id": key, "aws_secret_access_key": secret, **place}
    for role in ENDINGS:
        name = f"{environment.project}-{environment.environment}-{role}"
        config[f"profile {role}"] = {
            "role_arn": f"arn:aws:iam::{environment.account}:role/{name}",
            "web_identity_token_file": str(tokens / f"{role}.jwt"),
            "role_session_name": "rehearsal",
            **place,
        }
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def write(checkout: Checkout, environment: Environment, endpoint: str, administrator: tuple[str, str]) -> None:
    """Write tokens and profiles where the environment's file says they are."""
    if environment.aws_config_file is None:
        raise ValueError(f"{environment.environment} is not a rehearsal: it names no aws_config_file")
    config_file = checkout.root / environment.aws_config_file
    tokens = config_file.parent / "tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    for role in ENDINGS:
        token = jwt.encode(claims(environment, role, now), key, algorithm="RS256", headers={"kid": "rehearsal"})
        (tokens / f"{role}.jwt").write_text(token)
    config_file.write_text(aws_config(environment, endpoint, tokens, administrator))
