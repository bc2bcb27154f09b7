"""The advisory database is asked for every locked requirement, or the scan says that it was not."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from gitops.errors import GitopsError
from gitops.supply import outcome, requirements
from gitops.supply.findings import Finding
from tests.gitops.supply.osv import Osv, advisory

NAMES = {"alpha", "beta-two"}


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def test_every_entry_of_the_lock_is_asked(service: Path, database: Osv) -> None:
    assert requirements.audit(service, "app") == []
    assert sorted(database.asked) == [("alpha", "1.0"), ("beta-two", "2.1")]


def test_an_advisory_comes_with_its_names_and_its_fix(service: Path, database: Osv) -> None:
    database.advisories["alpha"] = [advisory("alpha")]
    assert requirements.audit(service, "app") == [
        Finding(package="alpha", version="1.0", advisory="CVE-2026-1", aliases=("GHSA-1",), fixed_in="2.0")
    ]


def test_a_withdrawn_advisory_is_none(service: Path, database: Osv) -> None:
    database.advisories["alpha"] = [advisory("alpha", withdrawn="2026-01-01T00:00:00Z")]
    assert requirements.audit(service, "app") == []


@pytest.mark.parametrize(("status", "body"), [(500, ""), (429, ""), (404, ""), (200, "<html>"), (200, '{"vulns": 3}')])
def test_a_database_that_does_not_answer_properly_is_not_none_found(
    service: Path, database: Osv, status: int, body: str
) -> None:
    database.status, database.answer = status, body
    with pytest.raises(GitopsError, match="not scanned") as caught:
        requirements.audit(service, "app")
    assert caught.value.exit_code == outcome.UNPROVEN


def test_a_database_out_of_reach_is_not_none_found(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv(requirements.OSV_VARIABLE, f"http://127.0.0.1:{closed.getsockname()[1]}/v1/query")
        with pytest.raises(
            GitopsError,
            match=r"v1/query could not be asked: Failed .*refused →",
        ) as caught:
            requirements.audit(service, "app")
    assert caught.value.exit_code == outcome.UNPROVEN


def test_an_advisory_in_a_format_of_the_future_is_not_dropped_in_silence(service: Path, database: Osv) -> None:
    database.advisories["alpha"] = [advisory("alpha", schema_version="2.0.0")]
    with pytest.raises(GitopsError, match=r"an advisory could not be read.*schema") as caught:
        requirements.audit(service, "app")
    assert caught.value.exit_code == outcome.UNPROVEN


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
    with pytest.raises(GitopsError, match=why) as caught:
        requirements.read(output, "a trace\nthe last line\n", NAMES)
    assert caught.value.exit_code == outcome.UNPROVEN


def test_a_service_without_a_lock_is_an_error(service: Path) -> None:
    (service / "services/app/requirements.txt").unlink()
    with pytest.raises(GitopsError, match=r"has no services/app/requirements\.txt") as caught:
        requirements.audit(service, "app")
    assert caught.value.exit_code == 1
