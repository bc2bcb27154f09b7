"""The report of a deployment: the verdict and its cause first, then the evidence, then the next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gitops import github
from gitops.deploy import causes
from gitops.deploy.causes import Group
from gitops.deploy.decision import Verdict
from gitops.deploy.diagnostics import Evidence, unhealthy_reason
from gitops.ecs_answers import short_name
from gitops.oci import Reference
from gitops.text import cut, fence, hide, plain, table

_SHOWN_COMMITS = 20
_SHOWN_EVENTS = 5
_QUOTED = 160
_HEADLINE = 300
# Of an ARN a person reads the name; the account and region stand elsewhere.
_ARN = re.compile(r"\barn:aws[\w-]*:[\w-]+:[\w-]*:\d*:(?:targetgroup/(?P<group>[\w-]+)/\w+|(?P<name>[^\s,;)]+))")
# An exception as Python prints it, or a level that a logger writes.
_ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception|Exit)\b)|\b(?:CRITICAL|FATAL|panic|fatal)\b")


@dataclass(frozen=True)
class Side:
    """What ran before, or what was to run: a revision, its image, its commit."""

    revision: str = ""
    image: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Outcome:
    """Everything that a report is written from."""

    verdict: Verdict
    cause: str
    service: str
    environment: str
    before: Side
    after: Side
    subject: str
    seconds: float
    commits: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    breaker: str = ""
    notes: tuple[str, ...] = ()
    # What the wait itself cost: calls to AWS, and seconds from the update to the verdict.
    calls: int = 0
    waited: float = 0.0


def headline(outcome: Outcome) -> str:
    """Verdict and cause in one line: the container's own end where there is one, else what ECS says."""
    cause = cut(_readable(_cause(outcome)), _HEADLINE)
    return f"{outcome.verdict.value}: {cause}" if cause else outcome.verdict.value


def next_step(outcome: Outcome) -> str:
    """The one thing to do now."""
    service, environment, commit = outcome.service, outcome.environment, outcome.after.commit
    match outcome.verdict:
        case Verdict.SUCCEEDED:
            return ""
        case Verdict.ROLLED_BACK:
            live_now = outcome.before.commit[:12] or "the revision before"
            return f"{live_now} serves again; correct what is named above and merge that"
        case Verdict.FAILED if outcome.before.commit and outcome.before.commit != commit:
            return f"gitops rollback {service} {environment} brings {outcome.before.commit[:12]} back"
        case Verdict.FAILED:
            return "correct what is named above and deploy that; there is no version before to go back to"
        case Verdict.SUPERSEDED:
            return f"gitops status {environment} shows what runs; the newer deploy reports its own end"
        case Verdict.TIMED_OUT:
            return f"gitops deploy {service} {environment} --commit {commit} watches the same deployment on"
        case Verdict.UNPROVEN:
            return "let the service want at least one task, or what is named be looked up, and deploy again"


def text(outcome: Outcome) -> str:
    """The report for a terminal or a log."""
    lines = [headline(outcome), ""]
    facts = _facts(outcome)
    width = max(len(name) for name, _ in facts)
    lines += [f"  {name:<{width}}  {value}" for name, value in facts]
    for title, block in _blocks(outcome):
        lines += ["", f"  {title}", *(f"    {one}" for one in block)]
    if step := next_step(outcome):
        lines += ["", f"  next: {step}"]
    return hide("\n".join(lines))


def markdown(outcome: Outcome) -> str:
    """The report for a job's summary."""
    lines = [f"### {plain(headline(outcome))}", ""]
    lines += table(("", ""), [(name, plain(value)) for name, value in _facts(outcome)])
    for title, block in _blocks(outcome):
        lines += ["", f"**{plain(title)}**", "", fence(block)]
    if step := next_step(outcome):
        lines += ["", f"**Next:** {plain(step)}"]
    return "\n".join(lines)


def _cause(outcome: Outcome) -> str:
    if outcome.verdict is Verdict.SUCCEEDED:
        return f"{outcome.service} {outcome.after.commit[:12]} serves in {outcome.environment}"
    if outcome.verdict in {Verdict.ROLLED_BACK, Verdict.FAILED, Verdict.TIMED_OUT}:
        groups = causes.group(outcome.evidence.stopped.values(), outcome.evidence.definition)
        if groups and groups[0].failed:
            return _stopped(groups[0], outcome.evidence)
        if outcome.evidence.unhealthy:
            where, reason = next(iter(outcome.evidence.unhealthy.items()))
            return f"target {where} is unhealthy: {reason}" if where else f"a target is unhealthy: {reason}"
    return outcome.cause


def _stopped(alike: Group, evidence: Evidence) -> str:
    one, cause = alike.example, alike.cause
    container = causes.culprit(one, evidence.definition).name
    count = "1 task" if alike.count == 1 else f"{alike.count} tasks"
    if causes.is_out_of_memory(one, evidence.definition):
        return f"{cause} in {count}"
    if causes.failed_balancer(one):
        if one.address in evidence.healthy:
            cause = f"{container} became unhealthy"
        elif one.address and evidence.targets:
            cause = f"{container} never became healthy"
        reasons = list(evidence.unhealthy.values())
        return f"{cause} in {count}" + (f": {reasons[-1]}" if reasons else "")
    line = "" if causes.is_unhealthy(one) else telling(evidence.logs.get((one.id, container), []))
    return f"{cause} in {count}" + (f": {cut(line, _QUOTED)}" if line else "")


def telling(lines: Sequence[str]) -> str:
    """The log line that says most about an end: the last one that names an error, else the last one."""
    words = [line.strip() for line in lines if line.strip()]
    return next((line for line in reversed(words) if _ERROR.search(line)), words[-1] if words else "")


def _facts(outcome: Outcome) -> list[tuple[str, str]]:
    before, after = outcome.before, outcome.after
    watched = f", {outcome.waited:.1f} s of it watching with {outcome.calls} calls to AWS" if outcome.calls else ""
    facts = [
        ("service", f"{outcome.service} in {outcome.environment}"),
        ("meaning", outcome.verdict.meaning),
        ("commit", f"{after.commit[:12]} {outcome.subject}".rstrip()),
        ("image", _change(_short(before.image), _short(after.image))),
        ("revision", _change(short_name(before.revision), short_name(after.revision))),
        ("took", f"{outcome.seconds:.1f} s{watched}"),
    ]
    told = outcome.verdict is Verdict.SUCCEEDED or outcome.cause == _cause(outcome)
    if outcome.cause and not told:
        facts.append(("reason", outcome.cause))
    if outcome.breaker and outcome.verdict is not Verdict.SUCCEEDED and outcome.breaker not in outcome.cause:
        facts.append(("breaker", outcome.breaker))
    return facts + [("note", note) for note in outcome.notes]


def _blocks(outcome: Outcome) -> list[tuple[str, list[str]]]:
    blocks = []
    if outcome.commits:
        shown = list(outcome.commits[:_SHOWN_COMMITS])
        if len(outcome.commits) > len(shown):
            shown.append(f"and {len(outcome.commits) - len(shown)} more")
        spread = f"{outcome.before.commit[:12]}..{outcome.after.commit[:12]}"
        blocks.append((f"commits {spread}", shown))
    if outcome.verdict in {Verdict.SUCCEEDED, Verdict.UNPROVEN, Verdict.SUPERSEDED}:
        return blocks
    evidence = outcome.evidence
    groups = causes.group(evidence.stopped.values(), evidence.definition)
    if groups:
        blocks.append(("stopped tasks", [_row(one) for one in groups]))
    for (task_id, container), lines in evidence.logs.items():
        blocks.append((f"last lines of {container} in task {task_id}", lines))
    if evidence.unhealthy:
        blocks.append(("unhealthy targets", [f"{where} {why}".strip() for where, why in evidence.unhealthy.items()]))
    events = [event for event in evidence.events.values() if not unhealthy_reason(event.message)]
    if events:
        newest = sorted(events, key=lambda event: event.created)[-_SHOWN_EVENTS:]
        blocks.append(("service events", [_readable(event.message) for event in newest]))
    if evidence.gaps:
        blocks.append(("not looked up", evidence.gaps))
    return blocks


def _row(alike: Group) -> str:
    one = alike.example
    said = [one.reason or "no reason"] + ([alike.cause] if alike.cause != one.reason else [])
    return _readable(f"{alike.count} × {one.stop_code or 'no stop code'}: {'; '.join(said)}")


def _readable(text: str) -> str:
    return _ARN.sub(lambda found: found["group"] or found["name"], text)


def _change(before: str, after: str) -> str:
    return f"{before} → {after}" if before and before != after else after


def _short(image: str) -> str:
    if not image:
        return ""
    parts = Reference.parse(image)
    return f"{parts.tag[:12]}@{parts.digest[:19]}" if parts.tag and parts.digest else image


def tell(outcome: Outcome) -> int:
    """Print and publish the report, set the outputs, and return the verdict's exit code."""
    print()
    print(text(outcome), flush=True)
    github.summary(markdown(outcome))
    if outcome.verdict is not Verdict.SUCCEEDED:
        level: github.Level = "error" if outcome.verdict in {Verdict.ROLLED_BACK, Verdict.FAILED} else "warning"
        title = f"{outcome.service} in {outcome.environment}: {outcome.verdict.value}"
        github.annotation(level, title, f"{headline(outcome)}\nnext: {next_step(outcome)}")
    github.output("verdict", outcome.verdict.value)
    github.output("commit", outcome.after.commit)
    github.output("before", outcome.before.commit)
    github.output("revision", outcome.after.revision)
    github.output("image", outcome.after.image)
    github.output("digest", outcome.after.image.rpartition("@")[2])
    return outcome.verdict.exit_code
