"""What cfn-lint and checkov report, reduced to what a person needs to correct it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from gitops.errors import GitopsError
from gitops.policy.filled import Filled


class Rule(msgspec.Struct, rename="pascal"):
    """The rule a match broke."""

    id: str


class Place(msgspec.Struct, rename="pascal"):
    """A line, counted from 1."""

    line_number: int


class Location(msgspec.Struct, rename="pascal"):
    """Where a match begins, by line and by the keys on the way to it."""

    start: Place
    path: list[str | int] | None = None


class Match(msgspec.Struct, rename="pascal"):
    """One entry of ``cfn-lint --format json``."""

    filename: str
    message: str
    rule: Rule
    location: Location


class Check(msgspec.Struct):
    """One check of one resource in ``checkov --output json``."""

    check_id: str
    check_name: str
    file_path: str
    resource: str


class Results(msgspec.Struct):
    """What checkov looked at, by how it ended."""

    passed_checks: list[Check] = []
    failed_checks: list[Check] = []
    skipped_checks: list[Check] = []


class Report(msgspec.Struct):
    """``checkov --output json`` of one framework; it has no results where it found nothing to look at."""

    results: Results = msgspec.field(default_factory=Results)


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to correct: where (file and line or environment and stack), what, which rule."""

    where: str
    what: str
    rule: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.rule})"


@dataclass(frozen=True)
class Outcome:
    """What checkov found in one environment. Skipped are those with a reason beside their resource."""

    environment: str
    passed: int
    skipped: int
    failed: tuple[Finding, ...]


def file_of(filled: Filled) -> str:
    """The name under which a filled template lies before a checker, relative to the scanned folder."""
    return f"{filled.environment}/{filled.label}.yaml"


def lint(report: Iterable[Match], templates: Mapping[str, Filled]) -> list[Finding]:
    """cfn-lint's findings, each once.

    ``templates`` are the filled ones by the file name that the report uses. One
    of those names its environment and the place inside it, because its lines
    are not the template's own.
    """
    findings = set()
    for match in report:
        filled = templates.get(match.filename)
        if filled is None:
            where = f"{match.filename}:{match.location.start.line_number}"
        else:
            path = ".".join(str(step) for step in match.location.path or ())
            where = _where(filled) + (f", {path}" if path else "")
        findings.add(Finding(where, " ".join(match.message.split()), match.rule.id))
    return sorted(findings)


def policy(report: Report, scanned: Iterable[Filled]) -> list[Outcome]:
    """checkov's outcome per environment, in the order of ``scanned``.

    Raises GitopsError for a template in which it looked at nothing, because it
    could not read it: it passes such a file in silence.
    """
    by_file = {file_of(filled): filled for filled in scanned}
    results = report.results
    passed, failed, skipped = (
        [(_known(check, by_file), check) for check in checks]
        for checks in (results.passed_checks, results.failed_checks, results.skipped_checks)
    )
    seen = {file_of(filled) for filled, _ in (*passed, *failed, *skipped)}
    unseen = [f"checkov looked at nothing in {_where(filled)}" for name, filled in by_file.items() if name not in seen]
    if unseen:
        raise GitopsError(unseen[0], others=tuple(unseen[1:]), fix="correct the template: gitops lint")
    return [
        Outcome(
            environment,
            passed=sum(filled.environment == environment for filled, _ in passed),
            skipped=sum(filled.environment == environment for filled, _ in skipped),
            failed=tuple(sorted(_failure(*pair) for pair in failed if pair[0].environment == environment)),
        )
        for environment in dict.fromkeys(filled.environment for filled in by_file.values())
    ]


def _known(check: Check, by_file: Mapping[str, Filled]) -> Filled:
    # checkov roots its paths at the scanned folder: "/staging/network.yaml".
    filled = by_file.get(check.file_path.lstrip("/"))
    if filled is None:
        raise GitopsError(f"checkov reports on a file it was not given: {check.file_path}")
    return filled


def _failure(filled: Filled, check: Check) -> Finding:
    resource = check.resource.rsplit(".", 1)[-1]
    return Finding(f"{_where(filled)}, {resource}", check.check_name, check.check_id)


def _where(filled: Filled) -> str:
    return f"{filled.template} with the values of {filled.environment}"
