"""What an advisory database knows of a service's locked requirements, asked with pip-audit.

pip-audit ends with 1 both when it found something and when it could not ask,
and with 0 when it skipped every package. So its exit code is not looked at:
only an answer for each entry of the lock counts as asked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from gitops.errors import GitopsError
from gitops.services import FOLDER
from gitops.supply.findings import Finding
from gitops.supply.outcome import unproven

# OSV holds PyPI's advisories and GitHub's. The variable is for a mirror of it.
OSV = "https://api.osv.dev/v1/query"
OSV_VARIABLE = "FAIRWEATHER_OSV_URL"
LOCK = "requirements.txt"
_TIMEOUT_SECONDS = 300
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


def locked(root: Path, service: str) -> set[str]:
    """The names in a service's lock; GitopsError when it has none, for then nothing would be asked."""
    path = FOLDER / service / LOCK
    try:
        text = (root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GitopsError(f"{service} has no {path}", fix="lock its requirements (make lock)") from None
    return {str(canonicalize_name(name)) for name in _ENTRY.findall(text)}


def audit(root: Path, service: str) -> list[Finding]:
    """Every advisory that applies to a locked requirement of a service.

    Raises GitopsError with the exit code for "unproven" unless the database
    answered for every entry of the lock.
    """
    names = locked(root, service)
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--osv-url", database()]
        command += ["--requirement", str(FOLDER / service / LOCK), "--disable-pip", "--progress-spinner", "off"]
        command += ["--format", "json", "--desc", "off", "--aliases", "on", "--cache-dir", cache]
        try:
            done = subprocess.run(
                command, cwd=root, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
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
    return [_finding(package, advisory) for package in report.dependencies for advisory in package.vulns]


def _finding(package: _Package, advisory: _Advisory) -> Finding:
    return Finding(
        package=package.name,
        version=package.version,
        advisory=advisory.id,
        aliases=tuple(advisory.aliases),
        fixed_in=", ".join(advisory.fix_versions),
    )


def _reason(errors: str) -> str:
    """The last line of a traceback; of urllib3's nested errors the innermost, which says what happened."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    if not lines:
        return "pip-audit said nothing"
    _, caused, inner = lines[-1].rpartition("(Caused by ")
    told = inner.partition("): ")[2].removesuffix('"))') if caused else ""
    return told or lines[-1]
