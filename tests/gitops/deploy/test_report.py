"""The report: verdict and cause in its first line, evidence below, the next step last, no secret anywhere."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from gitops.deploy import causes
from gitops.deploy.decision import Verdict
from gitops.deploy.diagnostics import Evidence
from gitops.deploy.report import Outcome, Side, headline, markdown, next_step, telling, text
from gitops.ecs_answers import Event
from tests.gitops.deploy.answers import Seen, every
from tests.gitops.deploy.described import NEW, NOON, OLD, stopped

KEY = "0123456789abcdef0123456789abcdef"
A, B = "a" * 40, "b" * 40


def image(commit: str) -> str:
    return f"reg.example/demo/app:{commit}@sha256:{commit[0] * 64}"


def evidence() -> Evidence:
    return Evidence(
        stopped={one: stopped(one) for one in ("t1", "t2")},
        logs={("t2", "app"): ["starting", f"no answer for appid={KEY}", "RuntimeError: no table", ""]},
        unhealthy={"10.0.0.1:8080": "Target.FailedHealthChecks: status 503"},
        events={"1": Event("1", NOON, "(service app) deployment failed")},
        gaps=["target health: DescribeTargetHealth answered AccessDenied"],
    )


def outcome(verdict: Verdict, *, proof: Evidence | None = None) -> Outcome:
    return Outcome(
        verdict=verdict,
        cause="circuit breaker",
        service="app",
        environment="staging",
        before=Side(OLD, image(A), A),
        after=Side(NEW, image(B), B),
        subject="Show the wind",
        seconds=12.34,
        commits=("bbbbbbb Show the wind", "ccccccc Add | pipes"),
        evidence=proof or Evidence(),
        breaker="3 of 3 failures",
        notes=("app-staging:2 was deregistered",),
    )


def test_the_first_line_is_the_verdict_and_its_cause() -> None:
    rolled_back = outcome(Verdict.ROLLED_BACK, proof=evidence())
    expected = "rolled back: app exited with code 3 in 2 tasks: RuntimeError: no table"
    assert headline(rolled_back) == expected
    assert text(rolled_back).splitlines()[0] == expected
    assert markdown(rolled_back).splitlines()[0] == f"### {expected}"


KILLED = {"name": "app", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
OUT_OF_MEMORY = stopped(containers=[KILLED])


@pytest.mark.parametrize(
    ("verdict", "proof", "expected"),
    [
        (Verdict.FAILED, Evidence(stopped={"t1": stopped()}), "failed: app exited with code 3 in 1 task"),
        (
            Verdict.FAILED,
            Evidence(stopped={"t1": OUT_OF_MEMORY}, logs={("t1", "app"): ["loading the atlas"]}),
            "failed: app ran out of memory (exit code 137) in 1 task",
        ),
        (
            Verdict.TIMED_OUT,
            Evidence(unhealthy={"10.0.0.1:8080": "timeout"}),
            "timed out: target 10.0.0.1:8080 is unhealthy: timeout",
        ),
        (Verdict.ROLLED_BACK, Evidence(), "rolled back: circuit breaker"),
        (Verdict.SUPERSEDED, evidence(), "superseded: circuit breaker"),
        (Verdict.UNPROVEN, Evidence(), "unproven: circuit breaker"),
        (Verdict.SUCCEEDED, Evidence(), f"succeeded: app {B[:12]} serves in staging"),
    ],
)
def test_the_cause_is_the_evidences_where_there_is_some(verdict: Verdict, proof: Evidence, expected: str) -> None:
    assert headline(outcome(verdict, proof=proof)) == expected


UNHEALTHY = stopped(
    code=143,
    stopCode="ServiceSchedulerInitiated",
    stoppedReason="Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:a:1:targetgroup/app/9f)",
    attachments=[{"details": [{"name": "privateIPv4Address", "value": "10.0.0.1"}]}],
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "app failed the load balancer's health checks in 1 task"),
        ({"targets": Counter(initial=1)}, "app never became healthy in 1 task"),
        ({"targets": Counter(healthy=1), "healthy": {"10.0.0.1"}}, "app became unhealthy in 1 task"),
        (
            {"targets": Counter(initial=1), "unhealthy": {"": "Health checks failed with these codes: [503]"}},
            "app never became healthy in 1 task: Health checks failed with these codes: [503]",
        ),
    ],
)
def test_a_failed_health_check_is_the_cause_and_not_how_the_task_obeyed(changes: dict[str, Any], expected: str) -> None:
    proof = Evidence(stopped={"t1": UNHEALTHY}, logs={("t1", "app"): ["Shutting down: Master"]}, **changes)
    rolled_back = outcome(Verdict.ROLLED_BACK, proof=proof)
    assert headline(rolled_back) == f"rolled back: {expected}"
    assert "Task failed ELB health checks in (target-group app); " in text(rolled_back)


def test_a_task_that_was_never_started_is_told_once_and_without_the_length_of_arns() -> None:
    reason = "ResourceInitializationError: unable to retrieve arn:aws:ssm:eu-west-2:1:parameter/app/staging/KEY"
    never = stopped(code=None, stopCode="TaskFailedToStart", stoppedReason=reason)
    rolled_back = outcome(Verdict.ROLLED_BACK, proof=Evidence(stopped={"t1": never}))
    short = "ResourceInitializationError: unable to retrieve parameter/app/staging/KEY"
    assert headline(rolled_back) == f"rolled back: {short} in 1 task"
    assert f"    1 × TaskFailedToStart: {short}\n" in text(rolled_back)
    assert len(headline(replace(outcome(Verdict.FAILED), cause="x" * 1000))) < 320


def test_the_breakers_count_and_an_unhealthy_target_are_told_once() -> None:
    message = "(service app) (port 8080) is unhealthy in (target-group x) due to (reason status 503)."
    proof = replace(evidence(), events={"1": Event("1", NOON, message)})
    report = text(replace(outcome(Verdict.ROLLED_BACK, proof=proof), cause="circuit breaker: 3 of 3 failures"))
    assert report.count("3 of 3 failures") == 1
    assert "service events" not in report


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ""),
        (["one", " ", ""], "one"),
        (
            ["Traceback (most recent call last):", "ValueError: no table", "Shutting down: Master"],
            "ValueError: no table",
        ),
        (["weather.config.ConfigurationError: no key", "bye"], "weather.config.ConfigurationError: no key"),
        (['{"level": "CRITICAL", "message": "no table"}', "bye"], '{"level": "CRITICAL", "message": "no table"}'),
        (["0 errors so far", "the barometer is not calibrated"], "the barometer is not calibrated"),
    ],
)
def test_the_line_that_names_an_error_says_more_than_the_last_one(lines: list[str], expected: str) -> None:
    assert telling(lines) == expected


def test_everything_that_explains_a_failure_is_in_it() -> None:
    report = text(replace(outcome(Verdict.ROLLED_BACK, proof=evidence()), calls=9, waited=11.0))
    for part in (
        "app in staging",
        f"{B[:12]} Show the wind",
        f"{A[:12]}@sha256:{'a' * 12} → {B[:12]}@sha256:{'b' * 12}",
        "app-staging:1 → app-staging:2",
        "12.3 s, 11.0 s of it watching with 9 calls to AWS",
        "circuit breaker",
        "3 of 3 failures",
        "app-staging:2 was deregistered",
        f"commits {A[:12]}..{B[:12]}",
        "ccccccc Add | pipes",
        "2 × EssentialContainerExited: Essential container in task exited; app exited with code 3",
        "last lines of app in task t2",
        "RuntimeError: no table",
        "10.0.0.1:8080 Target.FailedHealthChecks: status 503",
        "(service app) deployment failed",
        "not looked up",
        f"next: {A[:12]} serves again",
    ):
        assert part in report


def test_secrets_in_log_lines_and_reasons_are_masked() -> None:
    leaking = stopped(containers=[{"name": "app", "exitCode": 3, "reason": f"api_key={KEY}"}])
    proof = replace(evidence(), stopped={"t1": leaking}, logs={("t1", "app"): [f"appid={KEY}"]})
    for write in (text, markdown, headline):
        assert KEY not in write(outcome(Verdict.FAILED, proof=proof))


def test_a_first_deploy_has_nothing_before_it() -> None:
    first = replace(outcome(Verdict.FAILED), before=Side(), commits=())
    assert "→" not in text(first)
    assert "no version before to go back to" in next_step(first)


@pytest.mark.parametrize(
    ("verdict", "step"),
    [
        (Verdict.ROLLED_BACK, "serves again"),
        (Verdict.FAILED, f"gitops rollback app staging brings {A[:12]} back"),
        (Verdict.SUPERSEDED, "gitops status staging"),
        (Verdict.TIMED_OUT, f"gitops deploy app staging --commit {B}"),
        (Verdict.UNPROVEN, "at least one task"),
    ],
)
def test_each_end_has_a_next_step(verdict: Verdict, step: str) -> None:
    assert step in next_step(outcome(verdict))


def test_markdown_cannot_be_broken_out_of() -> None:
    proof = Evidence(stopped={"t1": stopped()}, logs={("t1", "app"): ["```", "<b>not bold</b>", "| a | b |"]})
    report = markdown(replace(outcome(Verdict.FAILED, proof=proof), subject="<img src=x> | y"))
    assert "&#60;img src=x&#62; &#124; y" in report
    assert "\n````text\n```\n" in report


def test_a_success_is_short_and_its_many_commits_are_counted() -> None:
    many = tuple(f"{n:07} change" for n in range(25))
    report = text(replace(outcome(Verdict.SUCCEEDED, proof=evidence()), breaker="", notes=(), commits=many))
    assert "stopped tasks" not in report
    assert "next:" not in report
    assert "0000019 change" in report
    assert "0000020 change" not in report
    assert "and 5 more" in report


@pytest.mark.parametrize("seen", every(), ids=lambda seen: seen.where)
def test_the_parts_of_a_report_do_not_contradict_each_other(seen: Seen) -> None:
    lines = {("t1", name): ["bye"] for name in causes.ended_by_itself(seen.task, seen.definition)}
    targets = {"10.0.0.1:8080": "status 503"} if causes.is_failure(seen.task) else {}
    proof = Evidence(seen.definition, {"t1": seen.task}, lines, targets)
    first, *others = text(outcome(Verdict.ROLLED_BACK, proof=proof)).splitlines()
    (row,) = [line for line in others if line.startswith(f"    1 × {seen.task.stop_code or 'no stop code'}: ")]
    said = re.split(r" \(|: ", causes.cause(seen.task, seen.definition))[0]
    assert said in row
    if causes.is_failure(seen.task):
        assert first.startswith(f"rolled back: {said}")
    else:
        assert first == "rolled back: circuit breaker"
    # Nobody else is named: a target's status is the balancer's, and the last lines are of whoever ended by itself.
    assert ("status 503" in first) is causes.failed_balancer(seen.task)
    for one in seen.task.containers:
        assert (f"  last lines of {one.name} in task t1" in others) is (("t1", one.name) in lines)
