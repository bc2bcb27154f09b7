"""Known vulnerabilities of a service: which may be found and still pass, which fail a scan, and how that is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal

import msgspec
import yaml

from gitops.errors import GitopsError
from gitops.registry import Finding
from gitops.repository import SERVICES, Checkout
from gitops.text import hide, plain, table

FILE = "vulnerabilities.yaml"
# A scan's exit codes, so that a workflow and a person can tell them apart.
NONE_FOUND = 0
FOUND = 30
UNPROVEN = 31
# ECR's own words, from the least to the worst. What it calls UNDEFINED or UNTRIAGED has no place in the order.
SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
# Lesser findings of a whole operating system run to hundreds; the registry lists them all.
_SHOWN_BELOW = 20


def unproven(problem: str) -> GitopsError:
    """The error for a scan that could not ask: it must never read as "none found"."""
    return GitopsError(
        f"not scanned: {problem}",
        fix="run it again when the database answers; this is no statement that there is none",
        exit_code=UNPROVEN,
    )


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One advisory in one package that does no harm here, why, and the last day on which that is taken for true."""

    advisory: str
    package: str
    reason: str
    expires: date


class Allowance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The threshold and the waivers of one service.

    ``image`` is the severity from which on a finding in the image fails. It
    says nothing of locked requirements: there, any known one does.
    """

    image: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = "HIGH"
    waivers: list[Waiver] = []

    def waiver(self, package: str, names: Collection[str]) -> Waiver | None:
        """The waiver for an advisory under any of its names in a package; the longest of several."""
        found = [one for one in self.waivers if one.package == package and one.advisory in names]
        return max(found, key=lambda one: one.expires, default=None)


def load(checkout: Checkout, service: str) -> Allowance:
    """A service's own file, or the defaults where it has none.

    Raises GitopsError when the file is not YAML, has a field that is unknown,
    missing or of the wrong type, or a waiver without a reason.
    """
    where = SERVICES / service / FILE
    try:
        content = (checkout.root / where).read_bytes()
    except FileNotFoundError:
        return Allowance()
    try:
        allowance = msgspec.convert(yaml.safe_load(content), Allowance)
    except yaml.YAMLError as error:
        raise GitopsError(f"{where} is not YAML: {' '.join(str(error).split())}", fix="correct the file") from None
    except msgspec.ValidationError as error:
        raise GitopsError(f"{where}: {error}", fix="correct the file; docs/supply-chain.md shows one") from None
    for waiver in allowance.waivers:
        if not waiver.reason.strip():
            raise GitopsError(f"{where}: the waiver of {waiver.advisory} gives no reason", fix="say why it is harmless")
    return allowance


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


def headline(subject: str, asked: str, judged: Sequence[Judged]) -> str:
    """How many, of what: ``subject`` is what was scanned and ``asked`` who was asked."""
    counts = [(ruling, sum(1 for one in judged if one.ruling is ruling)) for ruling in Ruling]
    told = ", ".join(f"{number} {ruling.value}" for ruling, number in counts if number)
    return f"{subject}, asked of {asked}: {told or 'none known'}"


def text(judged: Sequence[Judged]) -> str:
    """One line per finding, for a log."""
    lines = []
    for package, names, severity, fixed, told in _rows(judged):
        lines.append("  ".join(["", package, names, severity, *([f"fixed in {fixed}"] if fixed else []), told]))
    return hide("\n".join(lines))


def markdown(title: str, judged: Sequence[Judged]) -> str:
    """The same as a table; without findings the title alone."""
    if not judged:
        return f"### {plain(title)}"
    columns = ("package", "advisory", "severity", "fixed in", "")
    rows = [[plain(cell or "–") for cell in row] for row in _rows(judged)]
    return "\n".join([f"### {plain(title)}", "", *table(columns, rows)])


def next_step(service: str, judged: Sequence[Judged]) -> str:
    """What to do about the failing ones."""
    locked = any(not one.finding.severity for one in failing(judged))
    update = "update (make lock UPGRADE=1)" if locked else "build on a newer base image"
    return f"{update}, or waive it with a reason and an end in {SERVICES}/{service}/{FILE}"


def _rows(judged: Sequence[Judged]) -> Iterator[tuple[str, str, str, str, str]]:
    """Package, advisory with its aliases, severity, the version that is fixed ("" for none), ruling."""
    below = [one for one in judged if one.ruling is Ruling.BELOW]
    for one in [one for one in judged if one.ruling is not Ruling.BELOW] + below[:_SHOWN_BELOW]:
        found, told = one.finding, one.ruling.value
        if one.waiver and one.ruling is not Ruling.BELOW:
            told = f"{told} until {one.waiver.expires}: {one.waiver.reason}"
        names = f"{found.advisory} ({', '.join(found.aliases)})" if found.aliases else found.advisory
        package = f"{found.package or 'unnamed package'} {found.version}".strip()
        yield package, names, found.severity or "not told", found.fixed_in, told
