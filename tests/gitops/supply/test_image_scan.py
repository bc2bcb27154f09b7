"""What ECR's scan found, read in both of its forms; a scan that did not end is never taken for a clean one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from gitops.errors import GitopsError
from gitops.images.registry import Repository
from gitops.supply import image_scan, outcome
from gitops.supply.findings import Finding
from gitops.supply.image_scan import Clock

DIGEST = "sha256:" + "d" * 64
BASIC = {
    "name": "CVE-2026-2",
    "severity": "HIGH",
    "attributes": [{"key": "package_version", "value": "3.0"}, {"key": "package_name", "value": "openssl"}],
}
ENHANCED = {
    "severity": "CRITICAL",
    "status": "ACTIVE",
    "packageVulnerabilityDetails": {
        "vulnerabilityId": "CVE-2026-3",
        "vulnerablePackages": [{"name": "zlib", "version": "1.2", "fixedInVersion": "1.3"}],
    },
}


class Time:
    """A clock that a sleep moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def ecr() -> Iterator[tuple[Repository, Stubber]]:
    client = boto3.Session("a", "b", region_name="eu-west-2").client("ecr")
    with Stubber(client) as stubber:
        yield Repository(client, "1" * 12, "demo/app", "example.org/demo/app"), stubber
        stubber.assert_no_pending_responses()
    client.close()


def status(name: str, description: str = "") -> dict[str, Any]:
    return {"imageScanStatus": {"status": name, "description": description}}


def scan(*found: dict[str, Any], key: str = "findings", more: str = "") -> dict[str, Any]:
    return {**status("COMPLETE"), "imageScanFindings": {key: list(found)}} | ({"nextToken": more} if more else {})


def test_it_waits_for_the_scan_and_reads_every_page(ecr: tuple[Repository, Stubber]) -> None:
    repository, stubber = ecr
    asked = {"registryId": "1" * 12, "repositoryName": "demo/app", "imageId": {"imageDigest": DIGEST}}
    stubber.add_client_error("describe_image_scan_findings", "ScanNotFoundException")
    for name in ("PENDING", "IN_PROGRESS", "COMPLETE"):
        stubber.add_response("describe_image_scan_findings", status(name), {**asked, "maxResults": 1})
    stubber.add_response("describe_image_scan_findings", scan(BASIC, more="x"), asked)
    stubber.add_response("describe_image_scan_findings", scan(), {**asked, "nextToken": "x"})
    time = Time()
    assert image_scan.findings(repository, DIGEST, 60, time.clock()) == [
        Finding("openssl", "3.0", "CVE-2026-2", severity="HIGH")
    ]
    assert time.now == 15


def test_inspectors_findings_are_read_too(ecr: tuple[Repository, Stubber]) -> None:
    repository, stubber = ecr
    stubber.add_response("describe_image_scan_findings", status("ACTIVE"))
    closed = {**ENHANCED, "status": "SUPPRESSED"}
    stubber.add_response("describe_image_scan_findings", scan(ENHANCED, closed, key="enhancedFindings"))
    assert image_scan.findings(repository, DIGEST, 60, Time().clock()) == [
        Finding("zlib", "1.2", "CVE-2026-3", severity="CRITICAL", fixed_in="1.3")
    ]


def test_a_finding_without_a_severity_is_not_a_requirements(ecr: tuple[Repository, Stubber]) -> None:
    assert image_scan.basic({"name": "CVE-1"}).severity == "UNDEFINED"
    assert image_scan.enhanced({**ENHANCED, "severity": ""})[0].severity == "UNDEFINED"


@pytest.mark.parametrize(
    "ended", ["FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE", "LIMIT_EXCEEDED"]
)
def test_a_scan_that_ended_badly_is_unproven(ecr: tuple[Repository, Stubber], ended: str) -> None:
    repository, stubber = ecr
    stubber.add_response("describe_image_scan_findings", status(ended, "the reason"))
    with pytest.raises(GitopsError, match=f"ended as {ended}: the reason") as caught:
        image_scan.findings(repository, DIGEST, 60, Time().clock())
    assert caught.value.exit_code == outcome.UNPROVEN


def test_a_scan_that_does_not_end_is_unproven(ecr: tuple[Repository, Stubber]) -> None:
    repository, stubber = ecr
    for _ in range(3):
        stubber.add_response("describe_image_scan_findings", status("IN_PROGRESS"))
    with pytest.raises(GitopsError, match="has not ended after 10 s") as caught:
        image_scan.findings(repository, DIGEST, 10, Time().clock())
    assert caught.value.exit_code == outcome.UNPROVEN


def test_a_registry_without_a_scanner_is_unproven(ecr: tuple[Repository, Stubber]) -> None:
    repository, stubber = ecr
    stubber.add_client_error("describe_image_scan_findings", "InvalidAction")
    with pytest.raises(GitopsError, match="has no scanner") as caught:
        image_scan.findings(repository, DIGEST, 10, Time().clock())
    assert caught.value.exit_code == outcome.UNPROVEN


def test_a_refused_call_stays_an_error(ecr: tuple[Repository, Stubber]) -> None:
    repository, stubber = ecr
    stubber.add_client_error("describe_image_scan_findings", "AccessDeniedException")
    with pytest.raises(ClientError):
        image_scan.findings(repository, DIGEST, 10, Time().clock())
