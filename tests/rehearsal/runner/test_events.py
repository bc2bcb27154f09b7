from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal.runner import events
from rehearsal.runner.github import Service, subject_ending
from rehearsal.runner.workflows import Workflow
from tests.rehearsal.runner.conftest import GITHUB

ONE, TWO = "1" * 40, "2" * 40

DISPATCH = Workflow(
    "dispatch",
    """
on:
  workflow_dispatch:
    inputs:
      environment: {type: choice, required: true, options: [staging, production]}
      confirm: {type: string, required: true}
      pause: {type: string, default: "5"}
""",
)
CALL = Workflow("call", "on: {workflow_call: {inputs: {service: {type: string, required: true}}}}")


@pytest.mark.parametrize(
    ("event", "environment", "ending"),
    [
        (events.push(GITHUB, ONE, TWO), "", "ref:refs/heads/main"),
        (events.push(GITHUB, ONE, TWO), "staging", "environment:staging"),
        (events.pull_request(GITHUB, ONE, TWO, TWO), "", "pull_request"),
        (events.pull_request(GITHUB, ONE, TWO, TWO), "staging", "environment:staging"),
        (events.by_hand(GITHUB, ONE, {}), "", "ref:refs/heads/main"),
        (events.schedule(GITHUB, ONE, "0 5 * * 1"), "", "ref:refs/heads/main"),
        (events.merge_group(GITHUB, ONE, TWO), "", f"ref:refs/heads/gh-readonly-queue/main/pr-7-{ONE}"),
    ],
)
def test_each_jobs_subject_is_the_one_github_gives_it(
    tmp_path: Path, event: events.Event, environment: str, ending: str
) -> None:
    assert subject_ending(event, environment) == ending
    claims = Service(GITHUB, event, tmp_path / "store").claims(environment, "sts.amazonaws.com", 1000)
    assert claims["sub"] == f"repo:an-owner@1000001/a-repository@2000002:{ending}"
    assert claims.get("environment", "") == environment
    assert claims["exp"] == 1300


def test_a_forks_pull_request_comes_from_another_owner() -> None:
    event = events.pull_request(GITHUB, ONE, TWO, TWO, fork=True)
    assert event.fork
    assert event.payload["pull_request"]["head"]["repo"]["full_name"] != "an-owner/a-repository"


def test_a_schedule_says_which_of_its_lines_it_is_and_runs_on_the_branch() -> None:
    """https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule"""
    event = events.schedule(GITHUB, ONE, "23 5 * * 1-5")
    assert (event.name, event.sha, event.ref) == ("schedule", ONE, "refs/heads/main")
    assert event.payload["schedule"] == "23 5 * * 1-5"
    assert event.payload["repository"]["full_name"] == "an-owner/a-repository"
    assert not event.fork


def test_inputs_are_given_defaulted_or_the_first_choice() -> None:
    assert events.inputs(DISPATCH, "workflow_dispatch", {"confirm": "staging"}, {}) == {
        "environment": "staging",
        "confirm": "staging",
        "pause": "5",
    }
    assert events.inputs(CALL, "workflow_call", {}, {"service": "app"}) == {"service": "app"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "dispatch needs the input confirm"),
        ({"confirm": "x", "environment": "prod"}, "environment is one of staging, production, not prod"),
        ({"confrm": "x"}, "dispatch has no input confrm"),
    ],
)
def test_an_input_that_github_would_refuse_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(GitopsError, match=said):
        events.inputs(DISPATCH, "workflow_dispatch", given, {})


def test_what_confirms_is_never_filled_in() -> None:
    with pytest.raises(GitopsError, match="needs the input confirm"):
        events.inputs(DISPATCH, "workflow_dispatch", {}, {"confirm": "staging"})


@pytest.mark.parametrize(
    ("on", "wanted", "chosen"),
    [
        ("on: [workflow_dispatch, push]", None, "push"),
        ("on: {workflow_dispatch: , push: }", "workflow_dispatch", "workflow_dispatch"),
        ("on: pull_request", None, "pull_request"),
        ("on: {workflow_dispatch: , schedule: [{cron: 23 5 * * 1-5}]}", None, "schedule"),
        ("on: {workflow_dispatch: , schedule: [{cron: 23 5 * * 1-5}]}", "workflow_dispatch", "workflow_dispatch"),
    ],
)
def test_the_event_is_the_common_one_or_the_wanted_one(on: str, wanted: str | None, chosen: str) -> None:
    assert events.choose(Workflow("w", on), wanted) == chosen


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (None, "w starts on issues, for which there is no event here"),
        ("push", "w does not start on push"),
    ],
)
def test_a_trigger_without_an_event_is_said(wanted: str | None, said: str) -> None:
    with pytest.raises(GitopsError, match=said):
        events.choose(Workflow("w", "on: issues"), wanted)
