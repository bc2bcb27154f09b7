"""What drifted, as lines for a terminal and as Markdown for a job's summary."""

from __future__ import annotations

from collections.abc import Iterable

from gitops.drift.finding import Compared, Drift, Finding
from gitops.review.markdown import code, fold, plain

# A job's summary may have 1 MiB; a log and a person want less.
_SHOWN = 30
_WORDS = {"drift": "DRIFT", "unproven": "NOT COMPARED", "note": "as in git", None: "as in git"}
_SIGNS = {"drift": "!", "unproven": "?", "note": "-"}


def headline(drift: Drift) -> str:
    """Whether what runs is what git says."""
    drifted = [one for one in drift.compared if one.level == "drift"]
    unproven = [one for one in drift.compared if one.level == "unproven"]
    git = f"git at {drift.commit[:12]}"
    if drifted:
        return f"{drift.environment}: drift in {_list(drifted)}, compared with {git}"
    if unproven:
        return f"{drift.environment}: {_list(unproven)} could not be compared with {git}, which does not mean no drift"
    return f"{drift.environment}: no drift from {git}"


def lines(drift: Drift) -> list[str]:
    """Every stack and service, each finding with its next step."""
    text = [headline(drift)]
    for one in drift.compared:
        text += ["", f"{one.kind} {one.name}: {_WORDS[one.level]}{_extent(one)}"]
        found = one.findings[:_SHOWN]
        for position, finding in enumerate(found):
            text.append(f"  {_SIGNS[finding.level]} {finding.what}{_values(finding)}")
            # Several in a row that take the same step name it once.
            is_last = position + 1 == len(found) or found[position + 1].next != finding.next
            text += [f"    next: {finding.next}"] if finding.next and is_last else []
        text += _rest(one)
        text += [f"  - not checked: {_kinds(one)}"] if one.not_checked else []
    return text


def markdown(drift: Drift) -> str:
    """The same for a job's summary."""
    text = [f"### drift {plain(headline(drift))}", ""]
    for one in drift.compared:
        found = [finding for finding in one.findings if finding.level != "note"]
        text.append(f"- {_bold(one)}: {_WORDS[one.level]}{plain(_extent(one))}")
        for finding in one.findings[:_SHOWN]:
            values = f": {code(finding.expected)} → {code(finding.actual)}" if _has_values(finding) else ""
            text.append(f"  - {plain(finding.what)}{values}")
        text += [f"  -{line.lstrip()}" for line in _rest(one)]
        steps = list(dict.fromkeys(finding.next for finding in found if finding.next))
        text += [f"  - next: {plain(step)}" for step in steps]
    skipped = [f"- {plain(one.name)}: {plain(_kinds(one))}" for one in drift.compared if one.not_checked]
    if skipped:
        text += ["", fold("Resources that CloudFormation did not check", "\n".join(skipped))]
    return "\n".join(text)


def alarms(drift: Drift) -> list[tuple[str, str]]:
    """A title and a message for each stack and service that is not as in git."""
    return [
        (
            f"{drift.environment}: {one.kind} {one.name} {'drifted' if one.level == 'drift' else 'was not compared'}",
            "\n".join(f"{finding.what}{_values(finding)}" for finding in one.findings if finding.level == one.level),
        )
        for one in drift.compared
        if one.level in ("drift", "unproven")
    ]


def _extent(one: Compared) -> str:
    if one.about:
        return f"; {one.about}"
    left = sum(one.not_checked.values())
    if not one.checked and not left:
        return ""
    return f"; {one.checked} of {one.checked + left} resources compared"


def _kinds(one: Compared) -> str:
    counted = ((kind.removeprefix("AWS::"), number) for kind, number in one.not_checked.items())
    return ", ".join(kind if number == 1 else f"{kind} ({number})" for kind, number in counted)


def _values(finding: Finding) -> str:
    return f": {finding.expected or 'nothing'} → {finding.actual or 'nothing'}" if _has_values(finding) else ""


def _has_values(finding: Finding) -> bool:
    return bool(finding.expected or finding.actual)


def _rest(one: Compared) -> list[str]:
    left = len(one.findings) - _SHOWN
    return [f"  … and {left} more: gitops drift --json has all"] if left > 0 else []


def _bold(one: Compared) -> str:
    name = plain(f"{one.kind} {one.name}")
    return f"**{name}**" if one.level in ("drift", "unproven") else name


def _list(compared: Iterable[Compared]) -> str:
    return ", ".join(f"{one.kind} {one.name}" for one in compared)
