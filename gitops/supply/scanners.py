"""Those that know of vulnerabilities: an advisory database for locked requirements, the registry's scan for an image.

The database is asked with pip-audit, which ends with 1 both when it found
something and when it could not ask, and with 0 when it skipped every package.
So its exit code is not looked at: only an answer for each entry of the lock
counts as asked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable

import msgspec
from packaging.utils import canonicalize_name

from gitops.clock import Clock
from gitops.errors import GitopsError
from gitops.registry import Finding, Repository
from gitops.repository import SERVICES, Checkout
from gitops.supply.findings import unproven

# OSV holds PyPI's advisories and GitHub's. The variable is for a mirror of it.
OSV = "https://api.osv.dev/v1/query"
OSV_VARIABLE = "FAIRWEATHER_OSV_URL"
LOCK = "requirements.txt"
_TIMEOUT_SECONDS = 300
# docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html. ACTIVE is Inspector's, which goes on.
_ENDED = {"COMPLETE", "ACTIVE"}
_UNDER_WAY = {"PENDING", "IN_PROGRESS"}
_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==", re.MULTILINE)


class _Advisory(msgspec.Struct, frozen=True):
    id: str
    fix_versions: list[str] = []
    aliases: list[str] = []


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str = ""
    vulns: list[_Advisory] = []
    skip_reason: str = ""


class _Report(msgspec.Struct, frozen=True):
    dependencies: list[_Package]


def database() -> str:
    """The address that is asked."""
    return os.environ.get(OSV_VARIABLE) or OSV


def locked(checkout: Checkout, service: str) -> set[str]:
    """The names in a service's lock; GitopsError when it has none, for then nothing would be asked."""
    path = SERVICES / service / LOCK
    try:
        text = (checkout.root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GitopsError(f"{service} has no {path}", fix="lock its requirements (make lock)") from None
    return {str(canonicalize_name(name)) for name in _ENTRY.findall(text)}


def audit(checkout: Checkout, service: str) -> list[Finding]:
    """Every advisory that applies to a locked requirement of a service.

    Raises GitopsError with the exit code for "unproven" unless the database
    answered for every entry of the lock.
    """
    names = locked(checkout, service)
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--osv-url", database()]
        command += ["--requirement", str(SERVICES / service / LOCK), "--disable-pip", "--progress-spinner", "off"]
        command += ["--format", "json", "--desc", "off", "--aliases", "on", "--cache-dir", cache]
        try:
            done = subprocess.run(
                command, cwd=checkout.root, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise unproven(f"{database()} did not answer within {_TIMEOUT_SECONDS} s") from None
    return read(done.stdout, done.stderr, names)


def read(output: str, errors: str, names: Iterable[str]) -> list[Finding]:
    """The findings in pip-audit's JSON; raises as ``audit`` when it is not an answer for each of ``names``."""
    try:
        report = msgspec.json.decode(output, type=_Report)
    except msgspec.DecodeError:
        raise unproven(f"{database()} could not be asked: {_reason(errors)}") from None
    # It drops an advisory that it cannot read, with a warning and nothing else.
    dropped = [line for line in errors.splitlines() if line.startswith("WARNING:pip_audit._service")]
    if dropped:
        raise unproven(f"an advisory could not be read: {dropped[0].partition(':')[2]}")
    skipped = [package for package in report.dependencies if package.skip_reason]
    if skipped:
        raise unproven(f"{len(skipped)} requirements were not looked up: {skipped[0].skip_reason}")
    missing = set(names) - {package.name for package in report.dependencies}
    if missing:
        raise unproven(f"not looked up: {', '.join(sorted(missing))}")
    return [
        Finding(one.name, one.version, known.id, "", tuple(known.aliases), ", ".join(known.fix_versions))
        for one in report.dependencies
        for known in one.vulns
    ]


def _reason(errors: str) -> str:
    """The last line of a traceback; of urllib3's nested errors the innermost, which says what happened."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    if not lines:
        return "pip-audit said nothing"
    _, caused, inner = lines[-1].rpartition("(Caused by ")
    told = inner.partition("): ")[2].removesuffix('"))') if caused else ""
    return told or lines[-1]


def image_scan(repository: Repository, digest: str, timeout: float, clock: Clock) -> tuple[list[Finding], str]:
    """What the registry's scan of an image found, once it has ended, and on which day that was, as 2026-11-20.

    ``timeout`` is in seconds; the day is "" where the registry does not say. Basic scanning looks once, after the
    push: docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html. Raises GitopsError with the exit
    code for "unproven" when the image was not scanned to the end within that time, or cannot be.
    """
    for _ in clock.ticks(limit=timeout):
        scan = repository.scan(digest)
        if scan is None:
            raise unproven(f"the registry {repository.host} has no scanner")
        if scan.status in _ENDED:
            return repository.findings(digest), f"{scan.ended:%Y-%m-%d}" if scan.ended else ""
        if scan.status not in _UNDER_WAY:
            reason = f": {scan.reason}" if scan.reason else ""
            raise unproven(f"the scan of {digest[:19]}… ended as {scan.status}{reason}")
    raise unproven(f"the scan of {digest[:19]}… has not ended after {timeout:.0f} s")
