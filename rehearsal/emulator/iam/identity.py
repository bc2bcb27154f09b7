"""Who may become which role: web identity tokens, the providers that issue them, and roles themselves.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
The signature is not checked: the rehearsal signs its own tokens, and the issuer that they name is
GitHub's, whose key this machine does not have.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from rehearsal.emulator.cloudformation.resource_types import (
    Created,
    Properties,
    Reader,
    ResourceType,
    answered,
    parsed,
)
from rehearsal.emulator.seams import HANDLERS, handle, original, original_entry, replace


@dataclass(frozen=True)
class Provider:
    """An OIDC provider of the account: its issuer without https://, and its client ids."""

    host: str
    clients: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """An error code of AssumeRoleWithWebIdentity and its message."""

    code: str
    message: str


def token_refused(claims: Mapping[str, Any], providers: Iterable[Provider], now: float) -> Refused | None:
    """Why STS refuses a token with these claims at ``now`` (seconds since 1970); None where it does not."""
    issuer = str(claims.get("iss", ""))
    host = issuer.removeprefix("https://").rstrip("/")
    provider = next((p for p in providers if p.host == host), None)
    if provider is None:
        return Refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
    expires = claims.get("exp")
    if not isinstance(expires, int | float):
        return Refused("InvalidIdentityToken", "Missing a required claim: exp")
    if expires <= now:
        return Refused("ExpiredTokenException", f"Token expired: current date/time {int(now)} must be before {expires}")
    audience = claims.get("aud")
    audiences = set(audience if isinstance(audience, list) else [audience])
    if not audiences & set(provider.clients):
        return Refused("InvalidIdentityToken", "Incorrect token audience")
    return None


def _web_identity_trust_denied(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:  # noqa: ANN401
    """Issuer, audience and expiry, then ministack's own look at the trust policy."""
    from ministack.services import sts

    refused = _refused(str(sts._p(params, "WebIdentityToken")), account=role_arn.split(":")[4])
    if refused is not None:
        return sts._error(400, refused.code, refused.message, ns="sts")
    return original("services.sts", "_web_identity_trust_denied")(role_arn, params, use_json)


def _refused(token: str, account: str) -> Refused | None:
    from ministack.core.responses import get_region, request_scope
    from ministack.services import iam

    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return Refused("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    # The call is unsigned, so it belongs to no account: the providers are those of the role's.
    with request_scope(account, get_region()):
        providers = [
            Provider(record["Url"].removeprefix("https://").rstrip("/"), tuple(record["ClientIDList"]))
            for record in iam._oidc_providers.values()
        ]
    return token_refused(claims, providers, time.time())


class OidcProvider:
    """Ref and ``Arn`` are the provider's ARN (aws-resource-iam-oidcprovider)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Trust the issuer; ValueError when the account trusts it already, as IAM answers."""
        from ministack.services import iam

        parameters: dict[str, Any] = {"Url": [properties["Url"]]}
        for name, short in (("ClientIdList", "ClientIDList"), ("ThumbprintList", "ThumbprintList")):
            for number, value in enumerate(properties.get(name) or [], 1):
                parameters[f"{short}.member.{number}"] = [value]
        arn = answered(iam._create_oidc_provider(parameters), "OpenIDConnectProviderArn")
        iam._oidc_providers[arn]["Tags"] = list(properties.get("Tags") or [])
        return arn, {"Arn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Change clients, thumbprints and tags in place; another Url is another provider."""
        from ministack.services import iam

        record = iam._oidc_providers.get(physical_id)
        if record is None or old.get("Url") != new.get("Url"):
            return self.create("", new, stack)
        record["ClientIDList"] = list(new.get("ClientIdList") or [])
        record["ThumbprintList"] = list(new.get("ThumbprintList") or [])
        record["Tags"] = list(new.get("Tags") or [])
        return physical_id, {"Arn": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Stop trusting the issuer."""
        from ministack.services import iam

        iam._oidc_providers.pop(physical_id, None)


OF_A_ROLE: Final = frozenset({
    "AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path",
    "PermissionsBoundary", "Policies", "RoleName", "Tags",
})  # fmt: skip


def read_role(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A role as it is now, with its trust, its inline policies, what is attached to it and its boundary."""
    from ministack.services import iam

    kept = iam._roles.get(physical_id)
    if kept is None:
        return None
    boundary = kept.get("PermissionsBoundary")
    now = {
        "RoleName": kept["RoleName"],
        "Path": kept.get("Path", "/"),
        "Description": kept.get("Description", ""),
        "MaxSessionDuration": kept.get("MaxSessionDuration"),
        "AssumeRolePolicyDocument": parsed(kept.get("AssumeRolePolicyDocument")),
        "ManagedPolicyArns": kept.get("AttachedPolicies", []),
        "Policies": [
            {"PolicyName": name, "PolicyDocument": parsed(document)}
            for name, document in kept.get("InlinePolicies", {}).items()
        ],
        "PermissionsBoundary": boundary.get("PermissionsBoundaryArn") if isinstance(boundary, dict) else boundary,
        "Tags": kept.get("Tags", []),
    }
    return {name: value for name, value in now.items() if value is not None}


# The permissions boundary, which ministack's handler of AWS::IAM::Role leaves out and its evaluator would honour:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
def _create_role(logical_id: str, props: Properties, stack_name: str) -> Any:  # noqa: ANN401 (ministack's answer)
    return _bounded(original_entry(HANDLERS, "AWS::IAM::Role")["create"](logical_id, props, stack_name), props)


def _update_role(
    physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
) -> Any:  # noqa: ANN401
    update = original_entry(HANDLERS, "AWS::IAM::Role")["update"]
    return _bounded(update(physical_id, old_props, new_props, stack_name, logical_id), new_props)


def _bounded(answer: Any, properties: Mapping[str, Any]) -> Any:  # noqa: ANN401 (ministack's answer)
    from ministack.services import iam

    iam._roles[answer[0]]["PermissionsBoundary"] = properties.get("PermissionsBoundary")
    return answer


TYPES: Final[dict[str, ResourceType]] = {"AWS::IAM::OIDCProvider": OidcProvider()}
READERS: Final[dict[str, Reader]] = {"AWS::IAM::Role": (read_role, OF_A_ROLE)}


def install() -> None:
    """Check tokens before trust policies, and give a role of a stack its boundary."""
    replace("services.sts", "_web_identity_trust_denied", _web_identity_trust_denied)
    handle("AWS::IAM::Role", create=_create_role, update=_update_role)
