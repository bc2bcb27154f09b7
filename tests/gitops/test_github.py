"""What a step tells its job, and what the REST API is asked and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from gitops import github
from gitops.errors import GitopsError
from gitops.github import Comment, GitHub
from gitops.text import fit

URL = "https://api.github.example"
BASE = f"{URL}/repos/o/r"


@pytest.fixture(autouse=True)
def _outside_of_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


def test_outside_of_actions_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    github.summary("# hello")
    github.output("digest", "sha256:1")
    github.annotation("error", "title", "message")
    assert capsys.readouterr().out == ""


def test_summaries_are_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    github.summary("# one")
    github.summary("two\n")
    assert file.read_text() == "# one\n\ntwo\n\n"


def test_a_value_of_several_lines_cannot_set_another_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    github.output("verdict", "succeeded")
    github.output("report", "first\nEOF\nverdict=failed")
    first, opening, *inside, closing = file.read_text().splitlines()
    assert first == "verdict=succeeded"
    name, delimiter = opening.split("<<")
    assert (name, closing) == ("report", delimiter)
    assert inside == ["first", "EOF", "verdict=failed"]
    assert len(delimiter) > 20


def test_an_annotation_escapes_what_would_end_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    github.annotation("error", "weather: a, b", "100%\nnext: line")
    assert capsys.readouterr().out == "::error title=weather%3A a%2C b::100%25%0Anext: line\n"


def test_a_run_is_known_by_id_attempt_and_url() -> None:
    environment = {
        "GITHUB_RUN_ID": "123",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "o/r",
    }
    assert github.run(environment) == ("123.2", "https://github.com/o/r/actions/runs/123/attempts/2")
    assert github.run({}) == ("", "")


@pytest.fixture
def api() -> GitHub:
    return GitHub(URL, "o/r", "t0ken")


@responses.activate
def test_all_pages_of_comments_are_read(api: GitHub) -> None:
    """docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api"""
    one = {"id": 1, "user": {"type": "User"}, "body": "hm"}
    two = {"id": 2, "user": {"type": "Bot"}, "body": None}
    ghost = {"id": 3, "user": None, "body": "from a deleted account"}
    first, second = f"{BASE}/issues/7/comments?per_page=100", f"{BASE}/issues/7/comments?per_page=100&page=2"
    responses.get(first, json=[one, ghost], headers={"Link": f'<{second}>; rel="next"'}, match=[query("100", None)])
    responses.get(second, json=[two], match=[query("100", "2")])
    assert api.comments(7) == [Comment(1, False, "hm"), Comment(2, True, "")]
    assert {call.request.headers["Authorization"] for call in responses.calls} == {"Bearer t0ken"}


def query(per_page: str, page: str | None) -> Callable[..., Any]:
    wanted = {"per_page": per_page} | ({"page": page} if page else {})
    return responses.matchers.query_param_matcher(wanted)


@responses.activate
def test_a_comment_is_created_and_replaced(api: GitHub) -> None:
    responses.post(f"{BASE}/issues/7/comments", json={"id": 5}, status=201)
    responses.patch(f"{BASE}/issues/comments/5", json={"id": 5})
    api.comment(7, "one")
    api.comment(7, "two", 5)
    assert [json.loads(call.request.body or "") for call in responses.calls] == [{"body": "one"}, {"body": "two"}]


@responses.activate
def test_only_merged_pull_requests_are_told_those_of_a_second_page_too(api: GitHub) -> None:
    first, second = (f"{BASE}/commits/{'a' * 40}/pulls?per_page=100{more}" for more in ("", "&page=2"))
    found = [{"number": 3, "merged_at": None}, {"number": 4, "merged_at": "2026-11-20T10:00:00Z"}]
    responses.get(first, json=found, headers={"Link": f'<{second}>; rel="next"'}, match=[query("100", None)])
    responses.get(second, json=[{"number": 5, "merged_at": "2026-11-21T10:00:00Z"}], match=[query("100", "2")])
    assert api.merged("a" * 40) == [4, 5]


@responses.activate
@pytest.mark.parametrize(
    ("status", "said", "fix"),
    [
        (403, "Resource not accessible", "grant the job pull-requests: write"),
        (404, "Resource not found", "grant the job pull-requests"),
        (422, "Resource not valid", "run the job again"),
        (403, "Resource not now: you have exceeded a secondary rate limit", "wait some minutes"),
        (429, "Resource not now", "wait some minutes"),
    ],
)
def test_a_refusal_says_what_github_said(api: GitHub, status: int, said: str, fix: str) -> None:
    responses.post(f"{BASE}/issues/7/comments", json={"message": said}, status=status)
    with pytest.raises(
        GitopsError, match=f"GitHub refuses a comment on pull request 7: {status} Resource not"
    ) as error:
        api.comment(7, "text")
    assert fix in str(error.value)
    assert "t0ken" not in str(error.value)


@responses.activate
def test_no_answer_is_one_line_without_the_request(api: GitHub) -> None:
    responses.post(f"{BASE}/issues/7/comments", body=requests.ConnectionError("Bearer t0ken and more"))
    with pytest.raises(GitopsError) as error:
        api.comment(7, "text")
    assert "GitHub does not answer for a comment on pull request 7: ConnectionError" in str(error.value)
    assert "t0ken" not in str(error.value)


@responses.activate
def test_a_login_on_disk_does_not_replace_the_jobs_token(
    api: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.github.example login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(f"{BASE}/commits/{'a' * 40}/pulls", json=[])
    api.merged("a" * 40)
    assert responses.calls[0].request.headers["Authorization"] == "Bearer t0ken"


def test_outside_of_a_job_it_says_so() -> None:
    with pytest.raises(GitopsError, match="GITHUB_REPOSITORY and GH_TOKEN not set"):
        GitHub.of_job({"GITHUB_API_URL": URL})


def test_a_summary_too_long_for_github_is_cut_at_a_line_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(job))
    github.summary("é" * 70 + "\n" + ("→" * 99 + "\n") * 20_000)
    assert len(job.read_bytes()) <= 1_048_576
    assert job.read_text().endswith("→\n\n… and more, which stands in the job's log\n\n")


@pytest.mark.parametrize(("budget", "count"), [(0, 0), (3, 1), (5, 1), (6, 2), (100, 3)])
def test_whole_blocks_fit_a_budget(budget: int, count: int) -> None:
    assert fit(["ab", "é→", "ef"], budget) == ["ab", "é→", "ef"][:count]
