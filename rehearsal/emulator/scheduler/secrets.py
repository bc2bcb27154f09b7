"""Secrets reach a container decrypted, read by the execution role and by nobody else.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from rehearsal.emulator.sessions import refusal

# The access key of the execution role's session, for the task that this thread starts.
EXECUTION_SESSION: ContextVar[str] = ContextVar("execution_session", default="")


def install() -> None:
    """Resolve ``secrets`` with decryption and under the execution role's policies."""
    from ministack.services import ecs

    resolve = ecs._resolve_container_secrets

    def resolve_container_secrets(cdef: dict[str, Any]) -> dict[str, str]:
        resolved: dict[str, str] = {}
        for secret in cdef.get("secrets") or []:
            source = str(secret["valueFrom"])
            if "secretsmanager" in source:
                resolved.update(resolve({"secrets": [secret]}))
            else:
                resolved[secret["name"]] = _parameter(source)
        return resolved

    ecs._resolve_container_secrets = resolve_container_secrets


def _parameter(source: str) -> str:
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ecs, ssm

    region, account = get_region(), get_account_id()
    arn = source if source.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:parameter/{source.lstrip('/')}"
    session = EXECUTION_SESSION.get()
    if not session:
        raise ecs._SecretResolutionError("the task definition has secrets and no execution role")
    refused = refusal(session, "ssm:GetParameters", arn, region)
    if refused is not None:
        raise ecs._SecretResolutionError(f"unable to retrieve {source}: AccessDeniedException: {refused.message}")
    value = ssm.resolve_parameter_value(source, decrypt=True)
    if value is None:
        raise ecs._SecretResolutionError(f"invalid ssm parameters: {source}")
    return str(value)
