"""What ECR's own scan found in an image: packages of its operating system, and with Inspector those of Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops.images.registry import Repository
from gitops.supply.findings import Finding
from gitops.supply.outcome import unproven

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

# docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html. ACTIVE is Inspector's, which goes on.
_DONE = {"COMPLETE", "ACTIVE"}
_UNDER_WAY = {"PENDING", "IN_PROGRESS"}
# A registry without a scanner (the rehearsal's) does not know the call at all.
_NO_SCANNER = {"InvalidAction", "UnknownOperationException"}
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Clock:
    """Time in seconds, and a way to let it pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def findings(repository: Repository, digest: str, timeout: float, clock: Clock) -> list[Finding]:
    """What the scan of an image found, once it has ended; ``timeout`` in seconds.

    Raises GitopsError with the exit code for "unproven" when the image was not
    scanned to the end within that time, or cannot be.
    """
    deadline = clock.now() + timeout
    while True:
        status, reason = _status(repository, digest)
        if status in _DONE:
            return _read(repository.client, repository, digest)
        if status not in _UNDER_WAY:
            raise unproven(f"the scan of {digest[:19]}… ended as {status}{': ' if reason else ''}{reason}")
        if clock.now() >= deadline:
            raise unproven(f"the scan of {digest[:19]}… has not ended after {timeout:.0f} s")
        clock.sleep(_PAUSE_SECONDS)


def as_of(repository: Repository, digest: str) -> str:
    """The day on which a scan ended, as 2026-11-20; "" where the registry does not say.

    Basic scanning looks once, after the push: docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
    """
    answer = repository.client.describe_image_scan_findings(
        registryId=repository.account, repositoryName=repository.name, imageId={"imageDigest": digest}, maxResults=1
    )
    ended = (answer.get("imageScanFindings") or {}).get("imageScanCompletedAt")
    return f"{ended:%Y-%m-%d}" if ended else ""


def basic(entry: Mapping[str, Any]) -> Finding:
    """A finding of basic scanning."""
    attributes = {one["key"]: one.get("value", "") for one in entry.get("attributes", [])}
    return Finding(
        package=attributes.get("package_name", ""),
        version=attributes.get("package_version", ""),
        advisory=entry.get("name", ""),
        severity=entry.get("severity") or "UNDEFINED",
    )


def enhanced(entry: Mapping[str, Any]) -> list[Finding]:
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


def _status(repository: Repository, digest: str) -> tuple[str, str]:
    try:
        answer = repository.client.describe_image_scan_findings(
            registryId=repository.account, repositoryName=repository.name, imageId={"imageDigest": digest}, maxResults=1
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # A push comes a moment before its scan.
        if code == "ScanNotFoundException":
            return "PENDING", ""
        if code in _NO_SCANNER:
            raise unproven(f"the registry {repository.host} has no scanner") from None
        raise
    status = answer.get("imageScanStatus") or {}
    return str(status.get("status", "unknown")), status.get("description", "")


def _read(client: ECRClient, repository: Repository, digest: str) -> list[Finding]:
    pages = client.get_paginator("describe_image_scan_findings").paginate(
        registryId=repository.account, repositoryName=repository.name, imageId={"imageDigest": digest}
    )
    found: list[Finding] = []
    for page in pages:
        part = page["imageScanFindings"]
        found += [basic(entry) for entry in part.get("findings", [])]
        for entry in part.get("enhancedFindings", []):
            found += enhanced(entry)
    return found
