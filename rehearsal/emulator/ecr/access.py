"""Who pushes and pulls, and what they may: registry tokens, and the ECR actions that each call of the protocol needs.

ministack's registry asks nobody, so that a build role that may not push would not be noticed.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rehearsal.emulator.iam.sessions import refusal
from rehearsal.emulator.ministack import app, ecr, responses

Response = tuple[int, dict[str, str], bytes]
# "The authorization token is valid for 12 hours" (ECR API, GetAuthorizationToken).
LIFETIME = 12 * 3600
# ECS asks for a token in the region of each image; a sign-in at /v2/ names no region.
ANY_REGION: Final = ""


@dataclass
class Tokens:
    """Passwords handed out, each with the access key and the region it was issued to.

    It is good for the registries of its own region: "copying the token and changing the endpoint doesnt work we would
    need to request a new token for each region" (aws/eks-anywhere-packages#697). It is worth what its session is worth
    now: once the session has expired, ECR would let it live on for the rest of its twelve hours, this does not.
    """

    _issued: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, access_key: str, region: str = ANY_REGION) -> str:
        """A new password for the user ``AWS``."""
        password = secrets.token_urlsafe(48)
        now = time.time()
        with self._lock:
            self._issued = {p: issued for p, issued in self._issued.items() if issued[-1] > now}
            self._issued[password] = (access_key, region, now + LIFETIME)
        return password

    def holder(self, authorization: str, region: str = ANY_REGION) -> str | None:
        """The access key behind an Authorization header; None for none, a wrong, an expired or another region's."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        with self._lock:
            access_key, issued, expires = self._issued.get(password, ("", "", 0.0))
        if user != "AWS" or expires <= time.time():
            return None
        return access_key if ANY_REGION in (issued, region) or issued == region else None


TOKENS: Final = Tokens()


def encoded(password: str) -> str:
    """The password as ``authorizationToken`` carries it."""
    return base64.b64encode(f"AWS:{password}".encode()).decode()


# (what the path names, method) → actions
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html and
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
ACTIONS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("ping", "GET"): (),
    ("ping", "HEAD"): (),
    ("tags_list", "GET"): ("ecr:ListImages",),
    ("blob", "HEAD"): ("ecr:BatchCheckLayerAvailability",),
    ("blob", "GET"): ("ecr:GetDownloadUrlForLayer",),
    ("manifest", "HEAD"): ("ecr:BatchGetImage",),
    ("manifest", "GET"): ("ecr:BatchGetImage",),
    ("manifest", "PUT"): ("ecr:PutImage",),
    ("blob_uploads", "POST"): ("ecr:InitiateLayerUpload",),
    ("blob_upload_session", "GET"): ("ecr:UploadLayerPart",),
    ("blob_upload_session", "PATCH"): ("ecr:UploadLayerPart",),
    ("blob_upload_session", "PUT"): ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
    ("blob_upload_session", "DELETE"): ("ecr:InitiateLayerUpload",),
}


def needed(kind: str, method: str) -> tuple[str, ...] | None:
    """The actions; None for what ECR does not offer (deleting by this protocol, for one)."""
    return ACTIONS.get((kind, method.upper()))


def refused(method: str, path: str, headers: Mapping[str, str], endpoint: str) -> Response | None:
    """The answer that refuses a call of the protocol in the registry of the request's account and region; or None."""
    parsed = ecr._parse_v2_path(path)
    if parsed is None or not app.AUTH:
        return None
    kind, name, _ = parsed
    actions = needed(kind, method)
    if actions is None:
        return error(405, "UNSUPPORTED", f"ECR does not offer {method} on {path}")
    lowered = {key.lower(): value for key, value in headers.items()}
    access_key = TOKENS.holder(lowered.get("authorization", ""), responses.get_region() if name else ANY_REGION)
    if access_key is None:
        return _unauthorized(
            endpoint, "Your authorization token is missing, wrong or has expired. Reauthenticate and try again."
        )
    resource = f"arn:aws:ecr:{responses.get_region()}:{responses.get_account_id()}:repository/{name}" if name else "*"
    for action in actions:
        denied = refusal(access_key, action, resource, responses.get_region())
        if denied is not None and not denied.authenticated:
            return _unauthorized(endpoint, denied.message)
        if denied is not None:
            return error(403, "DENIED", denied.message)
    return None


def _unauthorized(endpoint: str, message: str) -> Response:
    status, headers, body = error(401, "UNAUTHORIZED", message)
    challenge = f'Basic realm="http://{endpoint}/",service="ecr.amazonaws.com"'
    return status, {**headers, "WWW-Authenticate": challenge}, body


def error(status: int, code: str, message: str) -> Response:
    """An error in the form of the registry protocol."""
    response: Response = ecr._registry_error(status, code, message)
    return response
