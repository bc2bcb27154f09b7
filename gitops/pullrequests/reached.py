"""The comment on a merged pull request: which environments its change reached, each with a link to its report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from gitops.review.markdown import plain
from gitops.rollout.verdict import Verdict

_STATE = re.compile(r"^<!-- reached (?P<json>\{.*\}) -->$", re.MULTILINE)
_SIGNS = {Verdict.SUCCEEDED: "✅", Verdict.ROLLED_BACK: "❌", Verdict.FAILED: "❌"}
_OTHER_SIGN = "⚠️"
NO_VERDICT = "ended before a verdict"
TAKEN_BACK = "taken back"


class Row(msgspec.Struct, frozen=True):
    """What came of a change in one environment: a verdict's word, the commit deployed, and its report's address."""

    result: str
    commit: str
    report: str


def subject(service: str) -> str:
    """What the comment on one service is found by: services are shipped side by side."""
    return f"gitops-reached-{service}"


def row(verdict: str, commit: str, report: str, *, taken_back: bool) -> Row:
    """The row after a deploy, or after a rollback that took the change back."""
    if taken_back:
        result = TAKEN_BACK if verdict == Verdict.SUCCEEDED.value else f"to be {TAKEN_BACK}: {verdict or NO_VERDICT}"
    else:
        result = verdict or NO_VERDICT
    return Row(result, commit, report)


def rows(body: str) -> dict[str, Row]:
    """The rows that a comment of ours holds; none when it holds no state that can be read."""
    found = _STATE.search(body)
    if found is None:
        return {}
    try:
        return msgspec.json.decode(found["json"], type=dict[str, Row])
    except msgspec.DecodeError:
        return {}


def text(service: str, environments: Iterable[str], known: Mapping[str, Row]) -> str:
    """The comment's text: a verdict first, a row for each environment, and the rows as the next deploy reads them."""
    names = list(dict.fromkeys([*environments, *known]))
    lines = [_headline(service, names, known), "", "| environment | result | commit | |", "|---|---|---|---|"]
    lines += [_line(name, known.get(name)) for name in names]
    # A hyphen twice would end the comment that hides it.
    state = msgspec.json.encode(dict(known)).decode().replace("-", "\\u002d")
    return "\n".join([*lines, "", f"<!-- reached {state} -->"])


def _headline(service: str, names: list[str], known: Mapping[str, Row]) -> str:
    reached = [plain(name) for name in names if name in known and known[name].result == Verdict.SUCCEEDED.value]
    said = f"reached {' and '.join(reached)}" if reached else "has reached no environment"
    others = [f"{plain(known[name].result)} in {plain(name)}" for name in known if plain(name) not in reached]
    return f"**{plain(service)} {'; '.join([said, *others])}**"


def _line(name: str, found: Row | None) -> str:
    if found is None:
        return f"| {plain(name)} | not yet | | |"
    sign = {verdict.value: sign for verdict, sign in _SIGNS.items()}.get(found.result, _OTHER_SIGN)
    report = f"[report]({found.report})" if found.report.startswith("https://") else ""
    return f"| {plain(name)} | {sign} {plain(found.result)} | {found.commit[:12]} | {report} |"
