"""What a run did, read from act's log: jobs, steps, outputs, summaries, annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


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
    """One job by the path that GitHub shows, ``Ship weather / Staging / Deploy``; ``result`` as a step's."""

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
    """The jobs by name in the order they began, and errors that belong to none of them."""
    found: dict[str, Job] = {}
    errors = []
    for record in _records(lines):
        if "job" not in record:
            if record.get("level") in ("error", "fatal"):
                errors.append(str(record.get("msg", "")).strip())
            continue
        name = job_name(str(record["job"]), bool(record.get("matrix")))
        job = found.setdefault(name, Job(name, str(record.get("jobID", "")).strip()))
        _take(job, record)
    return {name: job for name, job in found.items() if job.result}, errors


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
