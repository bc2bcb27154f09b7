"""ECR, which holds services' images, and the one place where its API is asked.

Repositories, what a tag stands for, credentials, scans; what was seen comes back
as plain data. Manifests and blobs are asked for by the registries' own protocol (oci).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops import environments
from gitops.aws import code
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.oci import Login, Reference, RegistryClient, host
from gitops.repository import Checkout

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_ecr.client import ECRClient

# An image's address in ECR, on either stack: docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
_IN_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws)/(?P<name>.+)\Z"
)
# A registry without a scanner (the rehearsal's) does not know the call at all.
_NO_SCANNER = {"InvalidAction", "UnknownOperationException"}


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
        answer = self.client.get_authorization_token().get("authorizationData") or [{}]
        if not (token := answer[0].get("authorizationToken")):
            raise GitopsError("GetAuthorizationToken answered without a token", fix="run it again")
        username, _, password = base64.b64decode(token).decode().partition(":")
        return Login(username, password)

    def digest(self, version: str) -> str | None:
        """The digest of the image under a tag or a digest, or None when there is none."""
        by_digest = version.startswith("sha256:")
        try:
            answer = self.client.describe_images(
                registryId=self.account,
                repositoryName=self.name,
                imageIds=[{"imageDigest": version} if by_digest else {"imageTag": version}],
            )
        except ClientError as error:
            if code(error) != "ImageNotFoundException":
                raise
            return None
        return next((image.get("imageDigest") for image in answer.get("imageDetails", [])), None)

    def of(self, uri: str, client: Callable[[str], ECRClient]) -> Repository | None:
        """The repository at another address: in this registry, or by a ``client`` for its region, in any of ECR's.

        None where its registry is not ECR.
        """
        if host(uri) == self.host:
            return Repository(self.client, self.account, uri.partition("/")[2], uri)
        match = _IN_ECR.match(uri)
        return match and Repository(client(match["region"]), match["account"], match["name"], uri)

    def image(self, commit: str) -> Reference | None:
        """The image of a commit, whose id is its tag; None when there is none."""
        digest = self.digest(commit)
        return None if digest is None else Reference(self.uri, commit, digest)

    def newest(self) -> Reference | None:
        """The image pushed last, or None when none is tagged."""
        pages = self.client.get_paginator("describe_images").paginate(
            registryId=self.account, repositoryName=self.name, filter={"tagStatus": "TAGGED"}
        )
        every = [image for page in pages for image in page.get("imageDetails", []) if image.get("imageTags")]
        images = [image for image in every if {"imageDigest", "imagePushedAt"} <= image.keys()]
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
        parts = [page.get("imageScanFindings", {}) for page in pages]
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
    uri = next((one.get("repositoryUri", "") for one in found.get("repositories", [])), "")
    return Repository(client, home.account, name, uri) if uri else None


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
