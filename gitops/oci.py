"""The protocol of every registry: what a reference to an image says, and manifests and blobs proven by their digest.

github.com/opencontainers/distribution-spec and image-spec; oras pushes. What was
seen comes back as plain data.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oras import defaults

from gitops.errors import GitopsError

if TYPE_CHECKING:
    import requests

# A registry's port stands before the first slash, so only a colon after the last slash starts a tag.
_REFERENCE = re.compile(r"(?P<uri>[^@]+?)(:(?P<tag>[^:/@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?\Z")
# Named, or a registry may answer with a manifest that it converted, of another digest.
_MANIFESTS = ", ".join(defaults.default_manifest_accepted_media_types)
_PULL = "allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the role"
_PUSH = "allow the push in the build role"


@dataclass(frozen=True)
class Reference:
    """``<repository uri>:<tag>@sha256:…``; ECS resolves the digest, the reader keeps the commit."""

    uri: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.uri}{tag}{digest}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The parts of an image reference, empty where it has none; GitopsError when it is none at all."""
        match = _REFERENCE.match(text)
        if match is None:
            raise GitopsError(f'not an image reference: "{text}"')
        return cls(match["uri"], match["tag"] or "", match["digest"] or "")


def sha256(content: bytes) -> str:
    """A digest in the registry's notation."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def host(uri: str) -> str:
    """The registry's host in a repository's address, with its port if it has one."""
    return uri.partition("/")[0]


def is_loopback(uri: str) -> bool:
    """Whether a repository is on this machine, where it speaks plain HTTP; Docker makes the same exception."""
    name = host(uri).partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@dataclass(frozen=True)
class Login:
    """What a registry's own protocol asks for; the password lasts twelve hours and is never shown."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ImageLayer:
    """A layer as the manifest lists it: ``size`` in bytes as it is stored, ``made_by`` from the configuration."""

    digest: str
    size: int
    made_by: str


@dataclass(frozen=True)
class Image:
    """One image as its registry has it, with the whole of its configuration."""

    digest: str
    config: dict[str, Any]
    layers: tuple[ImageLayer, ...]

    @property
    def size(self) -> int:
        """What a task pulls: bytes of all layers as they are stored."""
        return sum(layer.size for layer in self.layers)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its configuration sets."""
        entries = (self.config.get("config") or {}).get("Env") or []
        return dict(entry.partition("=")[::2] for entry in entries)


class RegistryClient:
    """One repository by the registries' protocol, signed in; nothing is asked of it before it is used."""

    def __init__(self, uri: str, login: Login) -> None:
        # Imported late: not every verb needs it.
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3 import Retry

        self.uri = uri
        self._login = login
        self._session = requests.Session()
        # About ten seconds in all; blobs go by digest, so a second time does no harm.
        retry = Retry(total=4, backoff_factor=0.7, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        # A proxy of the user's cannot reach a registry on this machine.
        self._session.trust_env = not is_loopback(uri)
        # ECR sends a blob's reader on to S3, where requests leaves this out.
        self._session.auth = (login.username, login.password)

    def manifest(self, version: str) -> bytes:
        """The bytes of the manifest under a digest or a tag, whose sha256 is the image's digest.

        Raises GitopsError when the registry refuses, has none or answers with other bytes.
        """
        return self._read("manifests", version)

    def digest(self, version: str) -> str:
        """The digest that a tag stands for now; GitopsError as ``manifest``."""
        return sha256(self.manifest(version))

    def blob(self, digest: str) -> bytes:
        """A layer or a configuration; GitopsError as ``manifest``."""
        return self._read("blobs", digest)

    def image(self, version: str) -> Image:
        """The image under a digest or a tag; GitopsError as ``manifest``, and for an index of several images."""
        content = self.manifest(version)
        manifest = json.loads(content)
        digest = sha256(content)
        if "layers" not in manifest:
            raise GitopsError(
                f"{digest[:19]}… in {self.uri.partition('/')[2]} is not one image but a list of them",
                fix="build for one platform, without attestations inside the image",
            )
        config = json.loads(self.blob(manifest["config"]["digest"]))
        return Image(digest, config, _layers(manifest, config))

    def platforms(self, version: str) -> list[str]:
        """What the image under a digest or a tag is for, as in ``linux/amd64``: of a list, each of its images.

        Raises GitopsError as ``manifest``. What a list holds beside images, such as an attestation, is for
        ``unknown`` (docs.docker.com/build/metadata/attestations/attestation-storage).
        """
        manifest = json.loads(self.manifest(version))
        if "manifests" in manifest:
            found = [one.get("platform") or {} for one in manifest["manifests"]]
        elif "config" in manifest:
            found = [json.loads(self.blob(manifest["config"]["digest"]))]
        else:
            raise GitopsError(f"{version[:19]} has a manifest of an old form, which names no platform")
        named = (f"{one.get('os') or 'no system'}/{one.get('architecture') or 'no architecture'}" for one in found)
        return [name for name in dict.fromkeys(named) if not name.startswith("unknown/")]

    def push(self, tag: str, manifest: dict[str, Any], blobs: Mapping[str, bytes]) -> None:
        """Push a manifest's layers, its configuration and, last, the manifest that makes them an image.

        ``blobs`` holds each by its digest. Raises GitopsError when the registry
        refuses one of them or does not answer.
        """
        # Imported late: it takes most of a second, and what reads does not need it.
        from oras.provider import Registry

        oras = Registry(host(self.uri), insecure=is_loopback(self.uri), auth_backend="basic")
        oras.session = self._session
        oras.auth.set_basic_auth(self._login.username, self._login.password)
        # oras's own retry takes two silent minutes, also for what no retry helps: the session's is used instead.
        oras.do_request = partial(Registry.do_request.__wrapped__, oras)
        target = f"{self.uri}:{tag}"
        container = oras.get_container(target)
        with tempfile.TemporaryDirectory() as folder:
            for descriptor in (*manifest["layers"], manifest["config"]):
                blob = Path(folder) / descriptor["digest"].partition(":")[2]
                blob.write_bytes(blobs[descriptor["digest"]])
                self._accepted(target, _PUSH, partial(oras.upload_blob, str(blob), container, descriptor))
        self._accepted(target, _PUSH, partial(oras.upload_manifest, manifest, container))

    def _read(self, kind: str, version: str) -> bytes:
        name = self.uri.partition("/")[2]
        url = f"{'http' if is_loopback(self.uri) else 'https'}://{host(self.uri)}/v2/{name}/{kind}/{version}"
        by_digest = version.startswith("sha256:")
        shown = f"{version[:19]}…" if by_digest else version
        ask = partial(self._session.get, url, headers={"Accept": _MANIFESTS} if kind == "manifests" else {})
        content = self._accepted(f"to give {shown}", _PULL, ask).content
        if by_digest and sha256(content) != version:
            raise GitopsError(f"the registry gave other bytes than {shown}", fix="run it again")
        return content

    def _accepted(self, what: str, allow: str, ask: Callable[[], requests.Response]) -> requests.Response:
        """What the registry answered; its refusal in its own words as a GitopsError."""
        import requests

        try:
            answer = ask()
        except requests.RequestException as error:
            raise GitopsError(
                f"the registry {host(self.uri)} does not answer: {type(error).__name__}",
                fix="run it again; what was pushed already is not pushed twice",
            ) from None
        except ValueError as error:
            # oras raises it for a refused sign-in and for an answer it cannot read.
            raise GitopsError(f"the registry refused {what}: {error}", fix=allow) from None
        if answer.status_code in {200, 201, 202}:
            return answer
        try:
            reasons = "; ".join(f"{error['code']}: {error['message']}" for error in answer.json()["errors"])
        except (ValueError, KeyError, TypeError):
            reasons = answer.reason or ""
        fixes = {401: allow, 403: allow, 404: "build the commit's image again"}
        raise GitopsError(
            f"the registry refused {what} with {answer.status_code}: {reasons}",
            fix=fixes.get(answer.status_code, "correct that and run it again"),
        )


def _layers(manifest: dict[str, Any], config: dict[str, Any]) -> tuple[ImageLayer, ...]:
    history = [entry for entry in config.get("history") or [] if not entry.get("empty_layer")]
    commands = [str(entry.get("created_by", "")) for entry in history]
    # An image that was imported rather than built may tell less than it has layers.
    commands += [""] * (len(manifest["layers"]) - len(commands))
    return tuple(
        ImageLayer(layer["digest"], int(layer["size"]), command)
        for layer, command in zip(manifest["layers"], commands, strict=False)
    )
