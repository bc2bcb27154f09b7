"""What a scan found, for a log and for the job's summary."""

from __future__ import annotations

from collections.abc import Sequence

from gitops.supply.allowance import FILE
from gitops.supply.findings import Finding, Judged, Ruling, failing

# Lesser findings of a whole operating system run to hundreds; the registry lists them all.
_SHOWN_BELOW = 20


def headline(subject: str, asked: str, judged: Sequence[Judged]) -> str:
    """How many, of what: ``subject`` is what was scanned and ``asked`` who was asked."""
    counts = [(ruling, sum(1 for one in judged if one.ruling is ruling)) for ruling in Ruling]
    told = ", ".join(f"{number} {ruling.value}" for ruling, number in counts if number)
    return f"{subject}, asked of {asked}: {told or 'none known'}"


def text(judged: Sequence[Judged]) -> str:
    """One line per finding, for a log."""
    return "\n".join(
        f"  {_package(one.finding)}  {_names(one.finding)}  {_severity(one)}{_fixed(one.finding)}"
        f"  {one.ruling.value}{_reason(one)}"
        for one in _shown(judged)
    )


def markdown(title: str, judged: Sequence[Judged]) -> str:
    """The same as a table; without findings the title alone."""
    if not judged:
        return f"### {title}"
    rows = [
        f"| {_package(one.finding)} | {_names(one.finding)} | {_severity(one)} | {one.finding.fixed_in or '–'} "
        f"| {one.ruling.value}{_reason(one)} |"
        for one in _shown(judged)
    ]
    return "\n".join(
        [f"### {title}", "", "| package | advisory | severity | fixed in | |", "|---|---|---|---|---|", *rows]
    )


def next_step(service: str, judged: Sequence[Judged]) -> str:
    """What to do about the failing ones."""
    update = "update (make lock UPGRADE=1), " if any(not one.finding.severity for one in failing(judged)) else ""
    update = update or "build on a newer base image, "
    return f"{update}or waive it with a reason and an end in services/{service}/{FILE}"


def _shown(judged: Sequence[Judged]) -> list[Judged]:
    below = [one for one in judged if one.ruling is Ruling.BELOW]
    return [one for one in judged if one.ruling is not Ruling.BELOW] + below[:_SHOWN_BELOW]


def _package(finding: Finding) -> str:
    return f"{finding.package or 'unnamed package'} {finding.version}".strip()


def _names(finding: Finding) -> str:
    return f"{finding.advisory} ({', '.join(finding.aliases)})" if finding.aliases else finding.advisory


def _severity(one: Judged) -> str:
    return one.finding.severity or "not told"


def _fixed(finding: Finding) -> str:
    return f"  fixed in {finding.fixed_in}" if finding.fixed_in else ""


def _reason(one: Judged) -> str:
    return f" until {one.waiver.expires}: {one.waiver.reason}" if one.waiver and one.ruling is not Ruling.BELOW else ""
