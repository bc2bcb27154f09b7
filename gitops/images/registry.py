"""The registry that holds a service's images: where it is, what it has, how to sign in."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from gitops.environments import Environment, load
from gitops.errors import GitopsError
from gitops.images.layer import sha256

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

# Named, or ECR may answer with a manifest that it converted, of another digest.
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True)
class Login:
    """What a registry's own protocol asks for; the password lasts twelve hours and is never shown."""

    username: str
    password: str = field(repr=False)


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
        return self.uri.partition("/")[0]

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine and speaks plain HTTP; Docker makes the same exception."""
        name = self.host.partition(":")[0]
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    def digest(self, tag: str) -> str | None:
        """The digest of the image under a tag, or None when there is none."""
        try:
            answer = self.client.describe_images(
                registryId=self.account, repositoryName=self.name, imageIds=[{"imageTag": tag}]
            )
        except self.client.exceptions.ImageNotFoundException:
            return None
        return next((image["imageDigest"] for image in answer["imageDetails"]), None)

    def manifest(self, digest: str) -> bytes:
        """The bytes of an image's manifest, whose sha256 is the image's digest.

        Raises GitopsError when the registry has none or answers with other bytes.
        """
        answer = self.client.batch_get_image(
            registryId=self.account,
            repositoryName=self.name,
            imageIds=[{"imageDigest": digest}],
            acceptedMediaTypes=list(MANIFEST_TYPES),
        )
        content = next((image["imageManifest"].encode() for image in answer["images"]), b"")
        if sha256(content) != digest:
            raise GitopsError(
                f"{self.name} has no manifest whose bytes have the digest {digest[:19]}…",
                fix="build the commit's image again",
            )
        return content

    def login(self) -> Login:
        """Credentials for pushing, from GetAuthorizationToken."""
        data = self.client.get_authorization_token()["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return Login(username, password)

    def newest(self) -> tuple[str, str] | None:
        """Tag and digest of the image pushed last, or None when none is tagged."""
        pages = self.client.get_paginator("describe_images").paginate(
            registryId=self.account, repositoryName=self.name, filter={"tagStatus": "TAGGED"}
        )
        images = [image for page in pages for image in page["imageDetails"] if image.get("imageTags")]
        if not images:
            return None
        last = max(images, key=lambda image: image["imagePushedAt"])
        return last["imageTags"][0], last["imageDigest"]


def home(root: Path, environment: Environment) -> Environment:
    """The environment whose registry stack holds this environment's images."""
    if environment.registry == environment.environment:
        return environment
    return load(root, environment.registry)


def find(session: boto3.Session, home: Environment, service: str) -> Repository | None:
    """A service's repository, looked up in the account and region of its registry; None when there is none yet."""
    client: ECRClient = session.client("ecr", region_name=home.region)
    name = home.repository(service)
    try:
        found = client.describe_repositories(registryId=home.account, repositoryNames=[name])
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
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
        fix=f"gitops apply {home.environment} --stack registry",
    )
