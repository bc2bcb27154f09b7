"""The registry that holds services' images, the one place where it is asked.

By ECR's API: repositories, what a tag stands for, credentials, scans. By the
protocol of every registry (github.com/opencontainers/distribution-spec; oras
pushes): manifests and blobs, each proven by its digest. What was seen comes back
as plain data.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from oras import defaults

from gitops import environments
from gitops.aws import code
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout

if TYPE_CHECKING:
    import boto3
    import requests
    from mypy_boto3_ecr.client import ECRClient

# A registry's port stands before the first slash, so only a colon after the last slash starts a tag.
_REFERENCE = re.compile(r"(?P<uri>[^@]+?)(:(?P<tag>[^:/@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?\Z")
# Named, or a registry may answer with a manifest that it converted, of another digest.
_MANIFESTS = ", ".join(defaults.default_manifest_accepted_media_types)
_PULL = "allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the role"
_PUSH = "allow the push in the build role"
# A registry without a scanner (the rehearsal's) does not know the call at all.
_NO_SCANNER = {"InvalidAction", "UnknownOperationException"}


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


@dataclass(frozen=True)
class Scan:
    """The registry's own scan of an image: its status in ECR's word, and when it ended."""

    status: str
    reason: str = ""
    ended: datetime | None = None


@dataclass(frozen=True)
class Finding:
    """One advisory that applies to one package, as a scanner or a database of advisories has it.

    ``severity`` is empty where the database tells none: the advisories of
    Python packages. ``aliases`` are its names in other databases.
    """

    package: str
    version: str
    advisory: str
    severity: str = ""
    aliases: tuple[str, ...] = ()
    fixed_in: str = ""


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


@dataclass(frozen=True)
class Repository:
    """One service's repository in ECR, seen with one role's eyes."""

    client: ECRClient
    account: str
    name: str
    uri: str

    @property
    def host(self) -> str:
        """The registry's host, with its port if it has one."""
        return host(self.uri)

    @cached_property
    def protocol(self) -> RegistryClient:
        """The repository by the registries' protocol, signed in once."""
        return RegistryClient(self.uri, self.login())

    def login(self) -> Login:
        """Credentials for the registries' protocol, from GetAuthorizationToken."""
        data = self.client.get_authorization_token()["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return Login(username, password)

    def digest(self, tag: str) -> str | None:
        """The digest of the image under a tag, or None when there is none."""
        try:
            answer = self.client.describe_images(
                registryId=self.account, repositoryName=self.name, imageIds=[{"imageTag": tag}]
            )
        except ClientError as error:
            if code(error) != "ImageNotFoundException":
                raise
            return None
        return next((image["imageDigest"] for image in answer["imageDetails"]), None)

    def image(self, commit: str) -> Reference | None:
        """The image of a commit, whose id is its tag; None when there is none."""
        digest = self.digest(commit)
        return None if digest is None else Reference(self.uri, commit, digest)

    def newest(self) -> Reference | None:
        """The image pushed last, or None when none is tagged."""
        pages = self.client.get_paginator("describe_images").paginate(
            registryId=self.account, repositoryName=self.name, filter={"tagStatus": "TAGGED"}
        )
        images = [image for page in pages for image in page["imageDetails"] if image.get("imageTags")]
        if not images:
            return None
        last = max(images, key=lambda image: image["imagePushedAt"])
        return Reference(self.uri, last["imageTags"][0], last["imageDigest"])

    def scan(self, digest: str) -> Scan | None:
        """How far the registry's scan of an image is; None where the registry has no scanner."""
        try:
            answer = self.client.describe_image_scan_findings(
                registryId=self.account, repositoryName=self.name, imageId={"imageDigest": digest}, maxResults=1
            )
        except ClientError as error:
            # A push comes a moment before its scan.
            if code(error) == "ScanNotFoundException":
                return Scan("PENDING")
            if code(error) in _NO_SCANNER:
                return None
            raise
        status = answer.get("imageScanStatus") or {}
        ended = (answer.get("imageScanFindings") or {}).get("imageScanCompletedAt")
        return Scan(str(status.get("status", "unknown")), status.get("description", ""), ended)

    def findings(self, digest: str) -> list[Finding]:
        """Everything that the ended scan of an image found: packages of its system, with Inspector Python's too."""
        pages = self.client.get_paginator("describe_image_scan_findings").paginate(
            registryId=self.account, repositoryName=self.name, imageId={"imageDigest": digest}
        )
        parts = [page["imageScanFindings"] for page in pages]
        basic = [_basic(entry) for part in parts for entry in part.get("findings", [])]
        enhanced = (entry for part in parts for entry in part.get("enhancedFindings", []))
        return basic + [found for entry in enhanced for found in _enhanced(entry)]


def _basic(entry: Mapping[str, Any]) -> Finding:
    """A finding of basic scanning."""
    attributes = {one["key"]: one.get("value", "") for one in entry.get("attributes", [])}
    return Finding(
        package=attributes.get("package_name", ""),
        version=attributes.get("package_version", ""),
        advisory=entry.get("name", ""),
        severity=entry.get("severity") or "UNDEFINED",
    )


def _enhanced(entry: Mapping[str, Any]) -> list[Finding]:
    """A finding of enhanced scanning (Inspector), once per package that it names."""
    details = entry.get("packageVulnerabilityDetails") or {}
    return [
        Finding(
            package=package.get("name", ""),
            version=package.get("version", ""),
            advisory=details.get("vulnerabilityId", ""),
            severity=entry.get("severity") or "UNDEFINED",
            aliases=tuple(details.get("relatedVulnerabilities") or ()),
            fixed_in=package.get("fixedInVersion", ""),
        )
        for package in details.get("vulnerablePackages") or []
        if entry.get("status", "ACTIVE") == "ACTIVE"
    ]


def home(checkout: Checkout, environment: Environment) -> Environment:
    """The environment whose registry holds this environment's images."""
    if environment.registry == environment.environment:
        return environment
    return environments.load(checkout, environment.registry)


def find(session: boto3.Session, home: Environment, service: str) -> Repository | None:
    """A service's repository, looked up in the account and region of its registry; None when there is none yet."""
    client: ECRClient = session.client("ecr", region_name=home.region)
    name = home.repository(service)
    try:
        found = client.describe_repositories(registryId=home.account, repositoryNames=[name])
    except ClientError as error:
        if code(error) != "RepositoryNotFoundException":
            raise
        return None
    return Repository(client, home.account, name, found["repositories"][0]["repositoryUri"])


def repository(session: boto3.Session, home: Environment, service: str) -> Repository:
    """The same; GitopsError when there is none yet."""
    found = find(session, home, service)
    if found is None:
        raise missing(home, service)
    return found


def missing(home: Environment, service: str) -> GitopsError:
    """The error for a repository that does not exist yet."""
    return GitopsError(
        f"{home.environment} has no image repository {home.repository(service)}",
        fix=f"gitops apply {home.environment} --stack repository-{service}",
    )


def unbuilt(repository: Repository, environment: Environment, service: str, commit: str) -> GitopsError:
    """The error for a commit without an image."""
    return GitopsError(
        f"{repository.name} has no image of commit {commit[:12]}",
        fix=f"gitops build {service} {environment.environment} --commit {commit}",
    )


def newest(session: boto3.Session, home: Environment, service: str) -> Reference | None:
    """A service's image pushed last; None where there is none yet, or none that this role may see."""
    try:
        found = find(session, home, service)
        return found.newest() if found else None
    except ClientError as error:
        # Another account's registry need not let this environment's readers in.
        if code(error) != "AccessDeniedException":
            raise
        return None
