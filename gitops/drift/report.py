"""What a comparison with git found: where two documents differ, which of it is drift, and how it reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from gitops.text import code, cut, fold, hide_value, plain

# drift: what runs is not what git says. unproven: it could not be compared. note: as it may be, and worth knowing.
Level = Literal["drift", "unproven", "note"]

NONE = 0
FOUND = 32
UNPROVEN = 33

_LONGEST = 200
# What names an element of a list, so that one that moved is not two that changed.
_NAMES = ("name", "key", "Key", "Name", "PolicyName", "Sid", "containerName")
# A job's summary may have 1 MiB; a log and a person want less.
_SHOWN = 30
_WORDS = {"drift": "DRIFT", "unproven": "NOT COMPARED", "note": "as in git", None: "as in git"}
_SIGNS = {"drift": "!", "unproven": "?", "note": "-"}


class Finding(msgspec.Struct, frozen=True):
    """One difference, with the value in git, the one that runs, and the next step ("" where there is none)."""

    level: Level
    what: str
    expected: str = ""
    actual: str = ""
    next: str = ""


class Compared(msgspec.Struct, frozen=True):
    """One stack or service. Of a stack, how many resources were compared, and how many of a type were not.

    ``about`` says of a service what serves, in words.
    """

    kind: Literal["stack", "service"]
    name: str
    findings: tuple[Finding, ...] = ()
    checked: int = 0
    not_checked: dict[str, int] = {}
    about: str = ""

    @property
    def level(self) -> Level | None:
        """The worst of its findings; None when there is none."""
        return worst(one.level for one in self.findings)


class Drift(msgspec.Struct, frozen=True):
    """One environment against one commit. These names are what ``gitops drift --json`` prints: only add to them."""

    environment: str
    commit: str
    compared: tuple[Compared, ...]

    @property
    def exit_code(self) -> int:
        """Drift that is known counts more than what could not be compared."""
        level = worst(one.level for one in self.compared)
        return {"drift": FOUND, "unproven": UNPROVEN}.get(level or "", NONE)


def worst(levels: Iterable[Level | None]) -> Level | None:
    """The one that counts most; None for none."""
    found = set(levels)
    order: tuple[Level, ...] = ("drift", "unproven", "note")
    return next((level for level in order if level in found), None)


def shown(path: str, value: object) -> str:
    """A value at a path, as one short line in which nothing looks like a secret any more."""
    return "" if value is None else cut(hide_value(path, str(value)), _LONGEST)


class Difference(NamedTuple):
    """A path, and the value on each side; None where it has none."""

    path: str
    expected: Any
    actual: Any


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[Difference]:  # noqa: ANN401 (any JSON)
    """Every place in which two documents differ, as deep as both have the same shape."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted({*expected, *actual}):
            yield from differences(expected.get(key), actual.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(expected, list) and isinstance(actual, list):
        ours, theirs = _named(expected), _named(actual)
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{path}[{key}]")
    elif expected != actual:
        yield Difference(path, expected, actual)


def text(value: Any) -> str:  # noqa: ANN401 (any JSON)
    """A value as a person reads it; "" for none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _named(items: list[Any]) -> dict[str, Any]:
    """The elements by their name, else by their position."""
    found: dict[str, Any] = {}
    for position, item in enumerate(items):
        names = (str(item[key]) for key in _NAMES if isinstance(item, dict) and isinstance(item.get(key), str))
        name = next(names, str(position))
        found[name if name not in found else f"{name}#{position}"] = item
    return found


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
