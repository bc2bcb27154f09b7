"""The comments on a pull request: what reviewers read of its change, and which environments the merged one reached.

One comment of ours per subject is found again by a hidden marker and replaced when what it says has changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gitops.deploy.decision import Verdict
from gitops.errors import GitopsError
from gitops.github import Comment
from gitops.repository import Checkout
from gitops.text import COMMENT_BUDGET, hide, plain, table


@dataclass(frozen=True)
class Write:
    """What is to be done: replace the text of a comment, or make a new one (``id`` None)."""

    id: int | None
    body: str


def own(comments: Iterable[Comment], subject: str) -> Comment | None:
    """Our comment on a subject. One that a person wrote is never taken for it, whatever it says."""
    return next((one for one in comments if one.by_app and _marker(one.body, subject)), None)


def write(comments: Iterable[Comment], subject: str, text: str) -> Write | None:
    """What makes the pull request say ``text`` on a subject; None when it does."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    body = f"{text.rstrip()}\n\n<!-- {subject} sha256:{digest} -->\n"
    existing = own(comments, subject)
    if existing is None:
        return Write(None, body)
    found = _marker(existing.body, subject)
    return None if found and found["digest"] == digest else Write(existing.id, body)


def _marker(body: str, subject: str) -> re.Match[str] | None:
    return re.search(rf"^<!-- {re.escape(subject)} sha256:(?P<digest>[0-9a-f]{{64}}) -->\s*\Z", body, re.MULTILINE)


# Each is a call to GitHub; a deploy of more is told to the newest.
MOST = 50


@dataclass(frozen=True)
class Moved:
    """The commits between what served before and what was deployed, newest first, and in which direction."""

    commits: tuple[str, ...]
    taken_back: bool


def moved(checkout: Checkout, before: str, after: str, folders: Iterable[str]) -> Moved:
    """What lies between two commits and touches ``folders``, as the branch took it in; at least the newer commit.

    ``before`` is empty or unknown to this clone where nothing was live: then ``after`` stands alone.
    """
    after = checkout.commit(after)
    try:
        before = checkout.commit(before) if before else ""
    except GitopsError:
        before = ""
    if not before or before == after:
        return Moved((after,), taken_back=False)
    taken_back = bool(checkout.is_ancestor(after, before))
    old, new = (after, before) if taken_back else (before, after)
    words = ["rev-list", "--first-parent", f"--max-count={MOST}", f"{old}..{new}", "--", *folders]
    return Moved(tuple(checkout.git(*words).split()) or (new,), taken_back)


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
    # Where a comment is hidden from readers, it is not from those who look.
    known = {name: msgspec.structs.replace(one, result=hide(one.result)) for name, one in known.items()}
    lines = [_headline(service, names, known), ""]
    lines += table(("environment", "result", "commit", ""), [_cells(name, known.get(name)) for name in names])
    # A hyphen twice would end the comment that hides it.
    state = msgspec.json.encode(known).decode().replace("-", "\\u002d")
    return "\n".join([*lines, "", f"<!-- reached {state} -->"])


def _headline(service: str, names: list[str], known: Mapping[str, Row]) -> str:
    reached = [plain(name) for name in names if name in known and known[name].result == Verdict.SUCCEEDED.value]
    said = f"reached {' and '.join(reached)}" if reached else "has reached no environment"
    others = [f"{plain(known[name].result)} in {plain(name)}" for name in known if plain(name) not in reached]
    return f"**{plain(service)} {'; '.join([said, *others])}**"


def _cells(name: str, found: Row | None) -> tuple[str, str, str, str]:
    if found is None:
        return plain(name), "not yet", "", ""
    sign = {verdict.value: sign for verdict, sign in _SIGNS.items()}.get(found.result, _OTHER_SIGN)
    report = f"[report]({found.report})" if found.report.startswith("https://") else ""
    return plain(name), f"{sign} {plain(found.result)}", found.commit[:12], report


SUBJECT = "gitops-review"
DIFF = "diff"
# The marker, and a line for each part that does not fit or is missing.
FRAME = 2_000


def plan_of(environment: str) -> str:
    """The name of an environment's plan among the parts."""
    return f"plan-{environment}"


def wanted(environments: Iterable[str]) -> list[str]:
    """The names of all parts, in the order in which they are read."""
    return [DIFF, *map(plan_of, environments)]


def share(environments: int) -> int:
    """The characters of each part, so that all of them fit into one comment."""
    return (COMMENT_BUDGET - FRAME) // (1 + environments)


def write_part(folder: Path, name: str, text: str) -> None:
    """Leave one part where comment-review looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")


def read_parts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The parts that are there."""
    return {name: path.read_text(encoding="utf-8") for name in names if (path := folder / f"{name}.md").is_file()}


def compose(names: Iterable[str], parts: Mapping[str, str], run_url: str = "") -> str:
    """The text of the comment, of at most the characters that GitHub takes.

    A part that is missing is said: silence would read as "no changes". One
    that does not fit is left out whole and said too.
    """
    where = f"[the run]({run_url})" if run_url.startswith("https://") else "the run"
    room = COMMENT_BUDGET - FRAME
    said: list[str] = []
    for name in names:
        text = parts.get(name, "").strip()
        size = len(text) + 2
        if not text:
            said.append(f"**{plain(name)} is missing**: its job did not end well; see {where}.")
        elif size > room:
            said.append(f"**{plain(name)} is too long** for this comment; it stands in the summary of {where}.")
        else:
            said.append(text)
            room -= size
    return "\n\n".join(said)
