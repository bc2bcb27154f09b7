"""Pulls an image from the rehearsal's registry by the registry's own protocol."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from dataclasses import dataclass
from typing import Any

from gitops.errors import GitopsError

MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
REFERENCE = re.compile(
    r"(?P<host>127\.0\.0\.1:\d+)/(?P<name>[a-z0-9._/-]+?)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Reference:
    """``host/name[:tag][@digest]``; the digest wins where both stand."""

    host: str
    name: str
    version: str

    def __str__(self) -> str:
        """The reference as a person writes it."""
        separator = "@" if self.version.startswith("sha256:") else ":"
        return f"{self.host}/{self.name}{separator}{self.version}"


def parse(image: str) -> Reference:
    """Read an image's name; GitopsError when it is not in the rehearsal's registry."""
    match = REFERENCE.fullmatch(image)
    if match is None:
        raise GitopsError(f"{image} is not in the rehearsal's registry (127.0.0.1)")
    return Reference(match["host"], match["name"], match["digest"] or match["tag"] or "latest")


@dataclass(frozen=True)
class Registry:
    """One repository, read with a registry token; every answer is checked against its digest."""

    reference: Reference
    password: str

    def manifest(self) -> tuple[str, dict[str, Any]]:
        """Digest and manifest; GitopsError with the registry's own words when it refuses."""
        body = self._get(f"manifests/{self.reference.version}", MANIFESTS)
        digest = _digest(body)
        if self.reference.version.startswith("sha256:") and digest != self.reference.version:
            raise GitopsError(f"manifest {self.reference.version} of {self.reference.name} is damaged")
        manifest: dict[str, Any] = json.loads(body)
        if "layers" not in manifest:
            raise GitopsError(f"{self.reference.name}@{digest} is an index of images, not one image")
        return digest, manifest

    def blob(self, digest: str) -> bytes:
        """A layer or configuration; GitopsError when its content is not what the digest says."""
        body = self._get(f"blobs/{digest}", "*/*")
        if _digest(body) != digest:
            raise GitopsError(f"blob {digest} of {self.reference.name} is damaged")
        return body

    def _get(self, path: str, accept: str) -> bytes:
        token = base64.b64encode(f"AWS:{self.password}".encode()).decode()
        connection = http.client.HTTPConnection(self.reference.host, timeout=30)
        try:
            connection.request(
                "GET",
                f"/v2/{self.reference.name}/{path}",
                headers={"Accept": accept, "Authorization": f"Basic {token}"},
            )
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise GitopsError(f"the registry {self.reference.host} does not answer: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise GitopsError(f"{self.reference}: {_message(response.status, body)}")
        return body


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _message(status: int, body: bytes) -> str:
    try:
        error = json.loads(body)["errors"][0]
        return f"{error['code']}: {error['message']}"
    except (ValueError, LookupError, TypeError):
        return f"status {status}"
