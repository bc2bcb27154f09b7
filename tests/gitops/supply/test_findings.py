"""A service's threshold and waivers, which findings fail a scan, and how they are told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.registry import Finding
from gitops.repository import Checkout
from gitops.supply import findings
from gitops.supply.findings import SEVERITIES, Allowance, Ruling, Waiver, failing, judge
from tests.conftest import ROOT
from tests.gitops.conftest import write

TODAY = date(2026, 6, 15)


def found(
    severity: str = "", package: str = "alpha", advisory: str = "CVE-1", aliases: tuple[str, ...] = ()
) -> Finding:
    return Finding(package, "1.0", advisory, severity, aliases)


def waiver(package: str = "alpha", advisory: str = "CVE-1", expires: date = TODAY) -> Waiver:
    return Waiver(advisory, package, "not reached", expires)


def ruling(finding: Finding, *waivers: Waiver, image: str = "HIGH") -> Ruling:
    (judged,) = judge([finding], Allowance(image=image, waivers=list(waivers)), TODAY)  # type: ignore[arg-type]
    return judged.ruling


@pytest.mark.parametrize("threshold", SEVERITIES[1:])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_image_fails_from_the_threshold_on(severity: str, threshold: str) -> None:
    expected = Ruling.FAILS if SEVERITIES.index(severity) >= SEVERITIES.index(threshold) else Ruling.BELOW
    assert ruling(found(severity), image=threshold) is expected


def test_a_locked_requirement_fails_whatever_the_threshold_and_what_nobody_has_rated_yet_does_not() -> None:
    assert ruling(found(""), image="CRITICAL") is Ruling.FAILS
    assert {ruling(found(severity), image="LOW") for severity in ("UNDEFINED", "UNTRIAGED")} == {Ruling.BELOW}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([waiver()], Ruling.WAIVED),
        ([waiver(advisory="GHSA-1")], Ruling.WAIVED),
        ([waiver(expires=date(2026, 6, 14))], Ruling.EXPIRED),
        ([waiver(expires=date(2026, 1, 1)), waiver(expires=date(2026, 7, 1))], Ruling.WAIVED),
        ([waiver(package="beta")], Ruling.FAILS),
        ([waiver(advisory="CVE-2")], Ruling.FAILS),
    ],
    ids=["named", "by an alias", "expired yesterday", "the longer of two", "another package", "another advisory"],
)
def test_a_waiver_is_for_one_advisory_in_one_package_until_its_day(given: list[Waiver], expected: Ruling) -> None:
    assert ruling(found("CRITICAL", aliases=("GHSA-1",)), *given) is expected


def test_the_failing_ones_are_told_first_and_the_worst_of_them_before() -> None:
    given = [found("LOW", "a"), found("HIGH", "b"), found("CRITICAL", "c"), found("CRITICAL", "d", "CVE-9")]
    judged = judge(given, Allowance(waivers=[waiver("d", "CVE-9")]), TODAY)
    assert [one.finding.package for one in judged] == ["c", "b", "d", "a"]
    assert [one.finding.package for one in failing(judged)] == ["c", "b"]
    title = findings.headline("app: image", "the scan", judged)
    assert title == "app: image, asked of the scan: 2 fails, 1 waived, 1 below the threshold"
    assert "waived until 2026-06-15: not reached" in findings.text(judged)
    assert findings.markdown(title, judged).splitlines()[4] == "| c 1.0 | CVE-1 | CRITICAL | – | fails |"


def test_hundreds_of_lesser_ones_do_not_hide_the_failing_one() -> None:
    judged = judge([*(found("LOW", f"p{n}") for n in range(300)), found("HIGH", "z")], Allowance(), TODAY)
    lines = findings.text(judged).splitlines()
    assert "z 1.0" in lines[0]
    assert len(lines) == 21
    assert "300 below the threshold" in findings.headline("app", "the scan", judged)


def test_nothing_known_is_said_with_who_was_asked() -> None:
    assert findings.headline("app: 3 locked requirements", "the database", []).endswith(
        "asked of the database: none known"
    )
    assert findings.markdown("title", []) == "### title"


WAIVER = "{advisory: CVE-1, package: alpha, reason: not reached, expires: 2026-06-15}"


def load(root: Path, text: str) -> Allowance:
    write(root / "services/app/vulnerabilities.yaml", text)
    return findings.load(Checkout(root), "app")


def test_a_file_is_read_with_the_days_of_its_waivers_and_without_one_the_defaults_hold(tmp_path: Path) -> None:
    assert findings.load(Checkout(tmp_path), "app") == Allowance(image="HIGH", waivers=[])
    read = load(tmp_path, f"image: CRITICAL\nwaivers: [{WAIVER}]")
    assert read == Allowance("CRITICAL", [Waiver("CVE-1", "alpha", "not reached", date(2026, 6, 15))])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image: [", "is not YAML"),
        ("image: SEVERE", "Invalid enum value 'SEVERE'"),
        ("threshold: HIGH", "unknown field `threshold`"),
        (f"waivers: [{WAIVER.replace(', expires: 2026-06-15', '')}]", "missing required field `expires`"),
        (f"waivers: [{WAIVER.replace('2026-06-15', 'never')}]", "Invalid RFC3339|Expected `date`"),
        (f"waivers: [{WAIVER.replace('not reached', '')}]".replace("reason: ", "reason: ''"), "gives no reason"),
        ("", "Expected `object`"),
    ],
)
def test_a_wrong_file_is_refused_with_its_path(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(GitopsError, match=problem) as caught:
        load(tmp_path, text)
    assert "services/app/vulnerabilities.yaml" in str(caught.value)


@pytest.mark.parametrize("service", Checkout(ROOT).services())
def test_every_service_here_has_one_that_can_be_read(service: str) -> None:
    findings.load(Checkout(ROOT), service)
