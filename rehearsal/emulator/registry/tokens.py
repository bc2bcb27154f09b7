"""Registry tokens that stand for the caller who asked for them (GetAuthorizationToken)."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from dataclasses import dataclass, field

# "The authorization token is valid for 12 hours" (ECR API, GetAuthorizationToken).
LIFETIME = 12 * 3600


@dataclass
class Tokens:
    """Passwords handed out, each with the access key it was issued to.

    A token is worth what its session is worth now: once the session has expired,
    ECR would let it live on for the rest of its twelve hours, this does not.
    """

    _issued: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, access_key: str) -> str:
        """A new password for the user ``AWS``."""
        password = secrets.token_urlsafe(48)
        now = time.time()
        with self._lock:
            self._issued = {p: issued for p, issued in self._issued.items() if issued[1] > now}
            self._issued[password] = (access_key, now + LIFETIME)
        return password

    def holder(self, authorization: str) -> str | None:
        """The access key behind an Authorization header; None for none, a wrong or an expired one."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        with self._lock:
            access_key, expires = self._issued.get(password, ("", 0.0))
        return access_key if user == "AWS" and expires > time.time() else None


def encoded(password: str) -> str:
    """The password as ``authorizationToken`` carries it."""
    return base64.b64encode(f"AWS:{password}".encode()).decode()
