"""The database is asked for each locked requirement, the registry's scan is waited for, or nothing is called clean."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitops.clock import Clock
from gitops.errors import GitopsError
from gitops.registry import Finding, Scan
from gitops.repository import Checkout
from gitops.supply import findings, scanners
from tests.gitops.supply.osv import Osv, advisory

NAMES = {"alpha", "beta-two"}


@contextmanager
def refused(why: str) -> Iterator[None]:
    """What is raised in here says that nothing was proven, and why."""
    with pytest.raises(GitopsError, match=why) as caught:
        yield
    assert caught.value.exit_code == findings.UNPROVEN


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def test_every_entry_of_the_lock_is_asked_and_what_applies_comes_with_its_names_and_its_fix(
    service: Path, database: Osv
) -> None:
    withdrawn = advisory("beta-two", withdrawn="2026-01-01T00:00:00Z")
    database.advisories |= {"alpha": [advisory("alpha")], "beta-two": [withdrawn]}
    assert scanners.audit(Checkout(service), "app") == [
        Finding(package="alpha", version="1.0", advisory="CVE-2026-1", aliases=("GHSA-1",), fixed_in="2.0")
    ]
    assert sorted(database.asked) == [("alpha", "1.0"), ("beta-two", "2.1")]


@pytest.mark.parametrize(("status", "body"), [(500, ""), (429, ""), (404, ""), (200, "<html>"), (200, '{"vulns": 3}')])
def test_a_database_that_does_not_answer_properly_is_not_none_found(
    service: Path, database: Osv, status: int, body: str
) -> None:
    database.status, database.answer = status, body
    with refused("not scanned"):
        scanners.audit(Checkout(service), "app")


def test_a_database_out_of_reach_is_not_none_found(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv(scanners.OSV_VARIABLE, f"http://127.0.0.1:{closed.getsockname()[1]}/v1/query")
        with refused(r"v1/query could not be asked: Failed .*refused →"):
            scanners.audit(Checkout(service), "app")


def test_an_advisory_in_a_format_of_the_future_is_not_dropped_in_silence(service: Path, database: Osv) -> None:
    database.advisories["alpha"] = [advisory("alpha", schema_version="2.0.0")]
    with refused(r"an advisory could not be read.*schema"):
        scanners.audit(Checkout(service), "app")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (answer({"name": "alpha", "skip_reason": "not found"}, {"name": "beta-two", "version": "1"}), "1 requirements"),
        (answer({"name": "alpha", "version": "1", "vulns": []}), "not looked up: beta-two"),
        (answer(), "not looked up: alpha, beta-two"),
        ("", "could not be asked: the last line"),
        ("No known vulnerabilities found", "could not be asked"),
    ],
)
def test_an_answer_that_leaves_something_out_is_not_none_found(output: str, why: str) -> None:
    with refused(why):
        scanners.read(output, "a trace\nthe last line\n", NAMES)


def test_a_service_without_a_lock_is_an_error(service: Path) -> None:
    (service / "services/app/requirements.txt").unlink()
    with pytest.raises(GitopsError, match=r"has no services/app/requirements\.txt") as caught:
        scanners.audit(Checkout(service), "app")
    assert caught.value.exit_code == 1


class Scanned:
    """As much of a repository as a scan is asked of: what it answers in turn, the last one from then on."""

    host = "example.org"

    def __init__(self, *scans: Scan | None) -> None:
        self.scans = list(scans)

    def scan(self, digest: str) -> Scan | None:
        return self.scans.pop(0) if len(self.scans) > 1 else self.scans[0]

    def findings(self, digest: str) -> list[Finding]:
        return [Finding("openssl", "3.0", "CVE-2026-2", severity="HIGH")]


def scan(*scans: Scan | None) -> tuple[list[Finding], str]:
    now = [0.0]
    clock = Clock(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    repository: Any = Scanned(*scans)
    return scanners.image_scan(repository, "sha256:" + "d" * 64, 10, clock)


@pytest.mark.parametrize(
    ("ended", "day"), [(Scan("COMPLETE", ended=datetime(2026, 11, 20, tzinfo=UTC)), "2026-11-20"), (Scan("ACTIVE"), "")]
)
def test_it_waits_for_the_scan_and_says_of_which_day_it_is(ended: Scan, day: str) -> None:
    found, told = scan(Scan("PENDING"), Scan("IN_PROGRESS"), ended)
    assert ([one.package for one in found], told) == (["openssl"], day)


ENDED = ("FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE", "LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Scan("IN_PROGRESS"), "has not ended after 10 s"),
        (None, "the registry example.org has no scanner"),
        *((Scan(status, "the reason"), f"ended as {status}: the reason") for status in ENDED),
    ],
)
def test_an_image_that_was_not_scanned_to_the_end_is_unproven(answer: Scan | None, why: str) -> None:
    with refused(why):
        scan(answer)
