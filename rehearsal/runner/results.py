"""What a run did, read from act's log (jobs, steps, outputs, summaries, annotations), and as people read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MARKS = {"success": "✔", "failure": "✘", "skipped": "–"}
# The end of a failed step's output says why; all of it stands in act's log.
SHOWN_LINES = 40


@dataclass
class Step:
    """One step of a job: success, failure or skipped; seconds; and the outputs it set."""

    name: str
    result: str = ""
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)


@dataclass
class Job:
    """One job by the path that GitHub shows, ``Staging / Deploy``; ``result`` as a step's."""

    name: str
    id: str
    result: str = ""
    steps: dict[str, Step] = field(default_factory=dict)
    summary: str = ""
    annotations: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """What its steps took."""
        return sum(step.seconds for step in self.steps.values())

    @property
    def log(self) -> str:
        """What its steps printed."""
        return "".join(line for step in self.steps.values() for line in step.log)


@dataclass(frozen=True)
class Run:
    """One workflow's run, with the OIDC subjects its jobs had and what they would have posted."""

    workflow: str
    event: str
    sha: str
    code: int
    seconds: float
    jobs: dict[str, Job]
    errors: list[str]
    subjects: list[str] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)

    @property
    def results(self) -> dict[str, str]:
        """The result of each job."""
        return {name: job.result for name, job in self.jobs.items()}

    @property
    def summary(self) -> str:
        """The summaries of all jobs, in the order they ran."""
        return "".join(job.summary for job in self.jobs.values())


def jobs(lines: Iterable[str]) -> tuple[dict[str, Job], list[str]]:
    """The jobs by name in the order they began, and errors that belong to none of them.

    Of a workflow called once for each leg of a matrix, act names the inner jobs alike: one that begins after
    another of its name has ended counts as a second one, and a failure stays a failure.
    """
    found: dict[str, Job] = {}
    legs: dict[str, str] = {}
    errors = []
    for record in _records(lines):
        if "job" not in record:
            if record.get("level") in ("error", "fatal"):
                errors.append(str(record.get("msg", "")).strip())
            continue
        raw, matrix = str(record["job"]), bool(record.get("matrix"))
        name = job_name(raw, matrix)
        if matrix:
            legs[raw.rpartition("/")[2].strip()] = name.rpartition(" / ")[2]
        name = " / ".join(legs.get(part, part) for part in name.split(" / "))
        job = found.setdefault(_running(name, found), Job(name, str(record.get("jobID", "")).strip()))
        _take(job, record)
    return {name: job for name, job in found.items() if job.result}, errors


def _running(name: str, found: Mapping[str, Job]) -> str:
    """The key of the job of a name that has not ended: the name itself, or with a number where others have."""
    number, key = 1, name
    while key in found and found[key].result:
        number += 1
        key = f"{name} ({number})"
    return key


def ended(line: str) -> str:
    """The name of the job that ended with a line; "" for another line. Jobs that run at once end in any order."""
    record = next(_records([line]), {}) if '"jobResult"' in line else {}
    return job_name(str(record["job"]), bool(record.get("matrix"))) if "jobResult" in record else ""


def job_name(raw: str, matrix: bool) -> str:
    """A job's name as GitHub shows it.

    act adds the name of the workflow before each job, and a number behind a
    job of a matrix.
    """
    parts = [part.strip() for part in raw.split("/")]
    kept = parts[::-2][::-1]
    return " / ".join([*kept[:-1], re.sub(r"-\d+$", "", kept[-1]) if matrix else kept[-1]])


def _take(job: Job, record: dict[str, Any]) -> None:
    if "jobResult" in record:
        job.result = record["jobResult"]
    if record.get("command") == "summary":
        job.summary += record["content"]
    if record.get("command") in ("error", "warning", "notice"):
        title = (record.get("kvPairs") or {}).get("title", "")
        job.annotations.append(f"{record['command']}: {title}: {record['arg']}")
    identity = record.get("stepID")
    if record.get("stage") != "Main" or not identity:
        return
    step = job.steps.setdefault(identity[0], Step(record.get("step", "")))
    if record.get("raw_output"):
        step.log.append(record["msg"])
    # Steps inside of a composite action have longer ids.
    if len(identity) > 1:
        return
    if record.get("command") == "set-output":
        step.outputs[record["name"]] = record["arg"]
    if "stepResult" in record:
        step.result = record["stepResult"]
        step.seconds = record.get("executionTime", 0) / 1e9


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            record = {"level": "error", "msg": line}
        if isinstance(record, dict):
            yield record


def job_text(done: Job) -> str:
    """One job with its steps, and what a failed step printed last."""
    lines = [f"{_mark(done.result)} {done.name}  {done.seconds:.1f} s"]
    for step in done.steps.values():
        lines.append(f"    {_mark(step.result)} {step.name}  {step.seconds:.1f} s")
        if step.result == "failure":
            said = "".join(step.log).splitlines()[-SHOWN_LINES:]
            lines += [f"        {line}" for line in said]
    return "\n".join(lines)


def end_text(run: Run, log: str) -> str:
    """What the jobs wrote for people, who they were, and how it ended."""
    lines = [f"\nsummary of {done.name}:\n\n{done.summary.strip()}" for done in run.jobs.values() if done.summary]
    lines += [f"\nit would have posted to GitHub: {_posted(post)}" for post in run.posted]
    lines += ["", *(f"a job was {subject}" for subject in run.subjects)]
    lines += [f"act: {error}" for error in run.errors]
    word = "succeeded" if run.code == 0 else "failed"
    return "\n".join([*lines, f"{run.workflow} {word} after {run.seconds:.1f} s on {run.event} (log: {log})"])


def times(runs: Sequence[Run]) -> str:
    """A Markdown table of what each workflow took."""
    rows = [("workflow", "event", "jobs", "result", "seconds")]
    rows += [
        (run.workflow, run.event, str(len(run.jobs)), "succeeded" if run.code == 0 else "failed", f"{run.seconds:.0f}")
        for run in runs
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---|---|---:|---|---:|", *lines[1:]])


def _posted(post: Mapping[str, Any]) -> str:
    text = post.get("body", {}).get("body", "")
    return f"{post['method']} {post['path']}" + (f"\n\n{text.strip()}" if text else "")


def _mark(result: str) -> str:
    return MARKS.get(result, "?")
