from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.runner import command, results
from rehearsal.runner.results import Run


def line(**fields: Any) -> str:
    return json.dumps({"job": "Check/Diff   ", "jobID": "diff", "matrix": {}, "msg": "", **fields})


def main(step: str, *ids: str, **fields: Any) -> str:
    return line(stage="Main", step=step, stepID=list(ids), **fields)


LOG = [
    main("Register", "register", raw_output=True, msg="registered\n"),
    main("Register", "register", command="set-output", name="service", arg="exists"),
    main("Register", "register", "0", stepResult="failure"),
    main("Register", "register", stepResult="success", executionTime=1_500_000_000),
    main("Roll", "1", stepResult="failure", executionTime=2_000_000_000),
    main("Roll", "1", command="summary", content="### Diff\n"),
    main("Roll", "1", command="error", arg="no", kvPairs={"title": "deploy"}),
    line(jobResult="failure"),
    json.dumps({"level": "error", "msg": "Job 'Diff' failed"}),
]


@pytest.mark.parametrize(
    ("raw", "matrix", "shown"),
    [
        ("Check/Diff             ", False, "Diff"),
        ("Check/Plan (production)-2", True, "Plan (production)"),
        ("Ship app/Ship/Build", False, "Ship app / Build"),
        ("Staging/Deploy/Create the service", False, "Staging / Create the service"),
        ("Check/Step-2", False, "Step-2"),
    ],
)
def test_a_job_is_named_as_github_shows_it(raw: str, matrix: bool, shown: str) -> None:
    assert results.job_name(raw, matrix) == shown


def test_jobs_steps_outputs_summaries_and_errors_are_read() -> None:
    jobs, errors = results.jobs(LOG)
    assert errors == ["Job 'Diff' failed"]
    job = jobs["Diff"]
    assert (job.id, job.result, job.seconds) == ("diff", "failure", 3.5)
    assert job.steps["register"].outputs == {"service": "exists"}
    assert job.steps["register"].result == "success"
    assert job.log == "registered\n"
    assert job.summary == "### Diff\n"
    assert job.annotations == ["error: deploy: no"]


def test_of_jobs_that_run_at_once_the_one_that_ended_is_told() -> None:
    staging = {"job": "Drift/Drift (staging)-1  ", "matrix": {"environment": "staging"}}
    production = {"job": "Drift/Drift (production)-2", "matrix": {"environment": "production"}}
    lines = [line(**staging), line(**production), line(**staging, jobResult="success")]
    assert [results.ended(one) for one in lines] == ["", "", "Drift (staging)"]
    assert results.ended('no JSON, but a "jobResult"') == ""


def test_a_workflow_that_is_called_for_several_keeps_every_jobs_result() -> None:
    def inner(**fields: Any) -> str:
        return line(job="Staging/Deploy/Deploy", jobID="deploy", **fields)

    lines = [
        line(job="Service/Ship one-1", matrix={"service": "one"}),
        line(job="Ship one-1/Ship/Build", jobResult="success"),
        inner(msg="begins"),
        inner(jobResult="failure"),
        # What is still said of one that has ended makes no job.
        line(job="Ship one-1/Ship/Build", msg="cleaning up"),
        inner(msg="begins"),
        inner(jobResult="success"),
    ]
    jobs, _ = results.jobs(lines)
    assert {key: job.result for key, job in jobs.items()} == {
        "Ship one / Build": "success",
        "Staging / Deploy": "failure",
        "Staging / Deploy (2)": "success",
    }


def test_a_job_without_a_result_did_not_run() -> None:
    assert results.jobs(LOG[:-2])[0] == {}


def test_what_is_no_json_is_an_error_of_the_runner() -> None:
    assert results.jobs(["panic: out of memory"]) == ({}, ["panic: out of memory"])


def test_a_person_sees_steps_summary_and_who_the_jobs_were() -> None:
    jobs, errors = results.jobs(LOG)
    run = Run(
        "check", "push", "1" * 40, 1, 4.2, jobs, errors, ["repo:a/b:pull_request"], [{"method": "POST", "path": "/x"}]
    )
    shown = results.job_text(jobs["Diff"])
    assert "✘ Diff  3.5 s" in shown
    assert "✔ Register  1.5 s" in shown
    end = results.end_text(run, "act.log")
    for said in (
        "### Diff",
        "repo:a/b:pull_request",
        "POST /x",
        "check failed after 4.2 s on push",
        "Job 'Diff' failed",
    ):
        assert said in end
    assert "| check | push | 1 | failed | 4 |" in results.times([run])


def test_the_stacks_come_first_and_the_teardown_last() -> None:
    names = ["check", "drill", "infrastructure", "later", "service", "teardown"]
    assert command.ordered(names) == ["infrastructure", "service", "check", "drill", "later", "teardown"]


def test_inputs_are_words_with_a_value() -> None:
    assert command.inputs(["confirm=a=b", "empty="]) == {"confirm": "a=b", "empty": ""}
    with pytest.raises(Exception, match="--input confirm has no value"):
        command.inputs(["confirm"])
