"""What STS looks at in a web identity token before it looks at the trust policy.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
The signature is not checked: the rehearsal signs its own tokens, and the issuer that they name is
GitHub's, whose key this machine does not have.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt


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


def install() -> None:
    """Check issuer, audience and expiry before ministack checks the trust policy."""
    from ministack.services import sts

    denied = sts._web_identity_trust_denied

    def web_identity_trust_denied(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:  # noqa: ANN401
        refused = _refused(str(sts._p(params, "WebIdentityToken")), account=role_arn.split(":")[4])
        if refused is not None:
            return sts._error(400, refused.code, refused.message, ns="sts")
        return denied(role_arn, params, use_json)

    sts._web_identity_trust_denied = web_identity_trust_denied


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
