from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from gitops.errors import GitopsError
from gitops.pullrequests.api import GitHubApi
from gitops.pullrequests.comment import Comment, Write

URL = "https://api.github.example"
BASE = f"{URL}/repos/o/r"


@pytest.fixture
def api() -> GitHubApi:
    return GitHubApi(URL, "o/r", "t0ken")


@responses.activate
def test_all_pages_of_comments_are_read(api: GitHubApi) -> None:
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
def test_a_comment_is_created_and_replaced(api: GitHubApi) -> None:
    responses.post(f"{BASE}/issues/7/comments", json={"id": 5}, status=201)
    responses.patch(f"{BASE}/issues/comments/5", json={"id": 5})
    api.write(7, Write(None, "one"))
    api.write(7, Write(5, "two"))
    assert [json.loads(call.request.body or "") for call in responses.calls] == [{"body": "one"}, {"body": "two"}]


@responses.activate
def test_only_merged_pull_requests_are_told(api: GitHubApi) -> None:
    found = [{"number": 3, "merged_at": None}, {"number": 4, "merged_at": "2026-11-20T10:00:00Z"}]
    responses.get(f"{BASE}/commits/{'a' * 40}/pulls", json=found)
    assert api.merged("a" * 40) == [4]


@responses.activate
@pytest.mark.parametrize(
    ("status", "fix"),
    [(403, "grant the job pull-requests: write"), (404, "grant the job pull-requests"), (422, "run the job again")],
)
def test_a_refusal_says_what_github_said(api: GitHubApi, status: int, fix: str) -> None:
    responses.post(f"{BASE}/issues/7/comments", json={"message": "Resource not accessible"}, status=status)
    with pytest.raises(
        GitopsError, match=f"GitHub refuses a comment on pull request 7: {status} Resource not"
    ) as error:
        api.write(7, Write(None, "text"))
    assert fix in str(error.value)
    assert "t0ken" not in str(error.value)


@responses.activate
def test_no_answer_is_one_line_without_the_request(api: GitHubApi) -> None:
    responses.post(f"{BASE}/issues/7/comments", body=requests.ConnectionError("Bearer t0ken and more"))
    with pytest.raises(GitopsError) as error:
        api.write(7, Write(None, "text"))
    assert "GitHub does not answer for a comment on pull request 7: ConnectionError" in str(error.value)
    assert "t0ken" not in str(error.value)


@responses.activate
def test_a_login_on_disk_does_not_replace_the_jobs_token(
    api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        GitHubApi.of_job({"GITHUB_API_URL": URL})
