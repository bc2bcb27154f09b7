"""Known vulnerabilities, and which of them fail a scan: decisions over plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from gitops.supply.allowance import Allowance, Waiver

# ECR's own words, from the least to the worst. What it calls UNDEFINED or UNTRIAGED has no place in the order.
SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")


@dataclass(frozen=True)
class Finding:
    """One advisory that applies to one package.

    ``severity`` is empty where the database tells none: the advisories of
    Python packages. ``aliases`` are its names in other databases.
    """

    package: str
    version: str
    advisory: str
    severity: str = ""
    aliases: tuple[str, ...] = ()
    fixed_in: str = ""


class Ruling(Enum):
    """What a finding means for the scan."""

    FAILS = "fails"
    EXPIRED = "fails: its waiver has expired"
    WAIVED = "waived"
    BELOW = "below the threshold"


@dataclass(frozen=True)
class Judged:
    """A finding, and what it means; ``waiver`` is the one that names it, expired or not."""

    finding: Finding
    ruling: Ruling
    waiver: Waiver | None = None

    @property
    def fails(self) -> bool:
        """Whether it makes the scan fail."""
        return self.ruling in {Ruling.FAILS, Ruling.EXPIRED}


def judge(findings: Iterable[Finding], allowance: Allowance, today: date) -> list[Judged]:
    """Each finding's ruling, the failing ones first, then by severity, package and advisory."""
    judged = [_judged(finding, allowance, today) for finding in findings]
    return sorted(
        judged,
        key=lambda one: (not one.fails, -_rank(one.finding.severity), one.finding.package, one.finding.advisory),
    )


def failing(judged: Sequence[Judged]) -> list[Judged]:
    """Those that make the scan fail."""
    return [one for one in judged if one.fails]


def _judged(finding: Finding, allowance: Allowance, today: date) -> Judged:
    waiver = allowance.waiver(finding.package, (finding.advisory, *finding.aliases))
    # Without a severity it is a locked requirement's: any advisory counts, for an update is one command.
    if finding.severity and _rank(finding.severity) < _rank(allowance.image):
        return Judged(finding, Ruling.BELOW, waiver)
    if waiver is None:
        return Judged(finding, Ruling.FAILS)
    # The day it names is the last one on which it holds.
    return Judged(finding, Ruling.WAIVED if today <= waiver.expires else Ruling.EXPIRED, waiver)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
