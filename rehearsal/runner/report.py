"""A run as people read it in a terminal: jobs, steps, summaries, and the table of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.runner.results import Job, Run

MARKS = {"success": "✔", "failure": "✘", "skipped": "–"}
# The end of a failed step's output says why; all of it stands in act's log.
SHOWN_LINES = 40


def job(done: Job) -> str:
    """One job with its steps, and what a failed step printed last."""
    lines = [f"{_mark(done.result)} {done.name}  {done.seconds:.1f} s"]
    for step in done.steps.values():
        lines.append(f"    {_mark(step.result)} {step.name}  {step.seconds:.1f} s")
        if step.result == "failure":
            said = "".join(step.log).splitlines()[-SHOWN_LINES:]
            lines += [f"        {line}" for line in said]
    return "\n".join(lines)


def end(run: Run, log: str) -> str:
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
