"""A service's own threshold and waivers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gitops import services
from gitops.errors import GitopsError
from gitops.supply import allowance
from gitops.supply.allowance import Allowance, Waiver
from tests.conftest import ROOT
from tests.gitops.conftest import write

WAIVER = "{advisory: CVE-1, package: alpha, reason: not reached, expires: 2026-06-15}"


def load(root: Path, text: str) -> Allowance:
    write(root / "services/app/vulnerabilities.yaml", text)
    return allowance.load(root, "app")


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert allowance.load(tmp_path, "app") == Allowance(image="HIGH", waivers=[])


def test_a_waiver_is_read_with_its_day(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("service", services.names(ROOT))
def test_every_service_here_has_one_that_can_be_read(service: str) -> None:
    allowance.load(ROOT, service)
