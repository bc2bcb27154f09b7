"""What cfn-lint and checkov report, reduced to what a person needs to correct it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def lint(report: Iterable[Match], templates: Mapping[str, Sequence[Filled]]) -> list[Finding]:
    """cfn-lint's findings, each once.

    ``templates`` are the filled ones by the file name that the report uses: those
    of one text share a file. One of those names its environment and the place
    inside it, because its lines are not the template's own.
    """
    findings = set()
    for match in report:
        path = ".".join(str(step) for step in match.location.path or ())
        inside = [_where(one) + (f", {path}" if path else "") for one in templates.get(match.filename, ())]
        for where in inside or [f"{match.filename}:{match.location.start.line_number}"]:
            findings.add(Finding(where, " ".join(match.message.split()), match.rule.id))
    return sorted(findings)


def policy(reports: Iterable[Results], scanned: Mapping[str, Sequence[Filled]]) -> list[Outcome]:
    """checkov's outcome per environment, from the reports over all of ``scanned``.

    Those are the filled templates by the file they lie in, one file for those of one text.
    Raises GitopsError for a template in which it looked at nothing, because it
    could not read it: it passes such a file in silence.
    """
    reports = list(reports)
    passed, failed, skipped = (
        [pair for results in reports for pair in _known(getattr(results, checks), scanned)]
        for checks in ("passed_checks", "failed_checks", "skipped_checks")
    )
    seen = {filled for filled, _ in (*passed, *failed, *skipped)}
    every = [filled for them in scanned.values() for filled in them]
    unseen = [f"checkov looked at nothing in {_where(filled)}" for filled in every if filled not in seen]
    if unseen:
        raise GitopsError(unseen[0], others=tuple(unseen[1:]), fix="correct the template: gitops lint")
    return [
        Outcome(
            environment,
            passed=sum(filled.environment == environment for filled, _ in passed),
            skipped=sum(filled.environment == environment for filled, _ in skipped),
            failed=tuple(sorted(_failure(*pair) for pair in failed if pair[0].environment == environment)),
        )
        for environment in dict.fromkeys(filled.environment for filled in every)
    ]


def _known(checks: Iterable[Check], scanned: Mapping[str, Sequence[Filled]]) -> Iterator[tuple[Filled, Check]]:
    """Each check with each stack that it is of."""
    for check in checks:
        # checkov roots its paths at the scanned folder: "/staging/network.yaml".
        file = check.file_path.lstrip("/")
        if file not in scanned:
            raise GitopsError(f"checkov reports on a file it was not given: {check.file_path}")
        yield from ((filled, check) for filled in scanned[file])


def _failure(filled: Filled, check: Check) -> Finding:
    resource = check.resource.rsplit(".", 1)[-1]
    return Finding(f"{_where(filled)}, {resource}", check.check_name, check.check_id)


def _where(filled: Filled) -> str:
    return f"{filled.template} with the values of {filled.environment}"
