"""What the verbs tell pull requests, against the stand-in that the runner's jobs speak to."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import cli
from gitops.repository import Checkout
from gitops.review import pull_request
from rehearsal.runner.github import Service
from tests.conftest import ROOT
from tests.rehearsal.runner.conftest import GITHUB
from tests.rehearsal.ship.clone import SERVICE

RUN = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "12", "GITHUB_RUN_ATTEMPT": "2"}
REPORT = f"https://github.com/{GITHUB.owner}/{GITHUB.repository}/actions/runs/12/attempts/2"


@pytest.fixture(autouse=True)
def _job(github: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    job = {**RUN, "GITHUB_API_URL": f"{github.url}/api", "GITHUB_REPOSITORY": github.repository, "GH_TOKEN": "t"}
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)


def bodies(service: Service, number: int) -> list[str]:
    return [comment["body"] for comment in service.pull_requests.comments(number)]


def test_a_review_is_one_comment_that_follows_the_pull_request(github: Service, tmp_path: Path) -> None:
    words = ["comment-review", "7", "--parts", str(tmp_path)]
    for name in ("diff", "plan-staging", "plan-production"):
        pull_request.write_part(tmp_path, name, f"the {name}")
    assert cli.main(words) == 0
    assert cli.main(words) == 0
    pull_request.write_part(tmp_path, "diff", "another diff")
    assert cli.main(words) == 0
    assert [(post["method"], post["path"].rsplit("/", 2)[-2]) for post in github.posted] == [
        ("POST", "7"),
        ("PATCH", "comments"),
    ]
    (body,) = bodies(github, 7)
    assert body.startswith("another diff\n\nthe plan-staging\n\nthe plan-production\n")


def test_a_plan_that_failed_is_said_in_the_comment(github: Service, tmp_path: Path) -> None:
    pull_request.write_part(tmp_path, "diff", "the diff")
    assert cli.main(["comment-review", "7", "--parts", str(tmp_path)]) == 0
    assert "plan-production is missing" in bodies(github, 7)[0]
    assert REPORT in bodies(github, 7)[0]


def test_a_merged_pull_request_follows_its_change_through_the_environments(github: Service) -> None:
    commit = Checkout(ROOT).commit("HEAD")
    github.pull_requests.merge(8, commit)
    github.pull_requests.propose(9, commit)
    for words in (["staging", "--verdict", "succeeded", "--job", "34"], ["production", "--verdict", "rolled back"]):
        assert cli.main(["comment-reached", SERVICE, *words, "--commit", commit]) == 0
    (body,) = bodies(github, 8)
    assert body.startswith(f"**{SERVICE} reached staging; rolled back in production**")
    assert f"[report]({REPORT}#summary-34)" in body
    assert [post["method"] for post in github.posted] == ["POST", "PATCH"]
    assert bodies(github, 9) == []


def test_a_commit_without_a_pull_request_tells_nobody(github: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["comment-reached", SERVICE, "staging", "--commit", "HEAD", "--verdict", "succeeded"]) == 0
    assert "nobody to tell" in capsys.readouterr().out
    assert github.posted == []


def test_without_a_token_nothing_is_told(
    github: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GH_TOKEN")
    assert cli.main(["comment-reached", SERVICE, "staging", "--commit", "HEAD"]) == 1
    assert "GH_TOKEN not set" in capsys.readouterr().err
