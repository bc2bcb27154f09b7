"""Puts identity and permission before ministack's registry, and its address into what ECR answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.emulator.registry import accounts
from rehearsal.emulator.registry.actions import needed
from rehearsal.emulator.registry.tokens import LIFETIME, Tokens, encoded
from rehearsal.emulator.sessions import refusal

Response = tuple[int, dict[str, str], bytes]
TOKENS: Final = Tokens()


def install(port: int) -> None:
    """Replace ECR's entry points; repositories are then ``127.0.0.1:<port>/<name>`` (see accounts)."""
    from ministack.core.responses import get_account_id
    from ministack.services import ecr

    endpoint = f"127.0.0.1:{port}"
    original_api, original_registry = ecr.handle_request, ecr.handle_registry_request
    ecr._repo_uri = lambda name: accounts.uri(endpoint, get_account_id(), name)
    accounts.install()

    async def handle_request(
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        if headers.get("x-amz-target", "").endswith(".GetAuthorizationToken"):
            return _authorization_token(headers, query, endpoint)
        with accounts.acting_in(accounts.of_request(body, get_account_id())):
            return await original_api(method, path, headers, body, query)

    async def handle_registry_request(
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        account, path = accounts.of_path(path)
        with accounts.acting_in(account):
            refused = _refused(method, path, headers, endpoint)
            if refused is not None:
                return refused
            status, answer, content = await original_registry(method, path, headers, body, query)
        return status, accounts.with_account(answer, account), content

    ecr.handle_request = handle_request
    ecr.handle_registry_request = handle_registry_request


def _authorization_token(headers: Mapping[str, str], query: Any, endpoint: str) -> Response:  # noqa: ANN401
    from ministack.core.router import extract_access_key_id

    # Whether the caller may ask at all was decided before: this is an API call like any other.
    password = TOKENS.issue(extract_access_key_id(dict(headers), query))
    answer = {
        "authorizationToken": encoded(password),
        "expiresAt": int(time.time()) + LIFETIME,
        "proxyEndpoint": f"http://{endpoint}",
    }
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"authorizationData": [answer]}).encode()


def _refused(method: str, path: str, headers: Mapping[str, str], endpoint: str) -> Response | None:
    import ministack.app
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ecr

    parsed = ecr._parse_v2_path(path)
    if parsed is None or not ministack.app.AUTH:
        return None
    kind, name, _ = parsed
    actions = needed(kind, method)
    if actions is None:
        return _error(405, "UNSUPPORTED", f"ECR does not offer {method} on {path}")
    lowered = {key.lower(): value for key, value in headers.items()}
    access_key = TOKENS.holder(lowered.get("authorization", ""))
    if access_key is None:
        return _unauthorized(
            endpoint, "Your authorization token is missing, wrong or has expired. Reauthenticate and try again."
        )
    resource = f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{name}" if name else "*"
    for action in actions:
        refused = refusal(access_key, action, resource, get_region())
        if refused is not None and not refused.authenticated:
            return _unauthorized(endpoint, refused.message)
        if refused is not None:
            return _error(403, "DENIED", refused.message)
    return None


def _unauthorized(endpoint: str, message: str) -> Response:
    status, headers, body = _error(401, "UNAUTHORIZED", message)
    challenge = f'Basic realm="http://{endpoint}/",service="ecr.amazonaws.com"'
    return status, {**headers, "WWW-Authenticate": challenge}, body


def _error(status: int, code: str, message: str) -> Response:
    from ministack.services import ecr

    response: Response = ecr._registry_error(status, code, message)
    return response
