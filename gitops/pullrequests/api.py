"""Calls to GitHub's REST API (version 2022-11-28): comments of a pull request, and the pull requests of a commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from gitops.errors import GitopsError
from gitops.pullrequests.comment import Comment, Write

SECONDS = 30
# More pages than a person reads: then the comment is looked for no further.
PAGES = 20


class GitHubApi:
    """One repository on GitHub, as the job's token sees it."""

    def __init__(self, url: str, repository: str, token: str) -> None:
        self._base = f"{url.rstrip('/')}/repos/{repository}"
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/vnd.github+json"
        self._session.headers["X-GitHub-Api-Version"] = "2022-11-28"
        # As a callable: a token in the headers gives way to one for the same host in ~/.netrc.
        self._session.auth = _bearer(token)
        # To post twice would show twice; the others may be repeated.
        retry = Retry(total=3, backoff_factor=1, status_forcelist=[502, 503, 504], allowed_methods=["GET", "PATCH"])
        self._session.mount("https://", HTTPAdapter(max_retries=retry))

    @classmethod
    def of_job(cls, variables: Mapping[str, str] = os.environ) -> GitHubApi:
        """The repository and token of the running job; GitopsError when a variable of Actions is missing."""
        names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GH_TOKEN")
        if missing := [name for name in names if not variables.get(name)]:
            raise GitopsError(
                f"{' and '.join(missing)} not set: there is no pull request to write to",
                fix="this verb is a step of a workflow; gitops diff and gitops status print to a terminal",
            )
        return cls(*(variables[name] for name in names))

    def comments(self, number: int) -> list[Comment]:
        """A pull request's comments, oldest first (its conversation; comments on lines are not among them)."""
        url = f"{self._base}/issues/{number}/comments?per_page=100"
        found: list[Comment] = []
        for _ in range(PAGES):
            answer = self._ask("GET", url, f"the comments of pull request {number}")
            found += [
                Comment(one["id"], one["user"]["type"] == "Bot", one["body"] or "")
                for one in answer.json()
                if one["user"] is not None
            ]
            if "next" not in answer.links:
                break
            url = answer.links["next"]["url"]
        return found

    def write(self, number: int, wanted: Write) -> None:
        """Write a new comment into a pull request, or replace what one of its comments says."""
        what = f"a comment on pull request {number}"
        if wanted.id is None:
            self._ask("POST", f"{self._base}/issues/{number}/comments", what, wanted.body)
        else:
            self._ask("PATCH", f"{self._base}/issues/comments/{wanted.id}", what, wanted.body)

    def merged(self, commit: str) -> list[int]:
        """The numbers of the merged pull requests that brought a commit to the default branch."""
        answer = self._ask("GET", f"{self._base}/commits/{commit}/pulls", f"the pull requests of {commit[:12]}")
        return [one["number"] for one in answer.json() if one["merged_at"]]

    def _ask(self, method: str, url: str, what: str, body: str | None = None) -> requests.Response:
        try:
            answer = self._session.request(
                method, url, json=None if body is None else {"body": body}, timeout=SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            # Its own text would hold the whole request.
            raise GitopsError(
                f"GitHub does not answer for {what}: {type(error).__name__}", fix="run the job again"
            ) from None
        if not answer.ok or answer.is_redirect:
            fix = "grant the job pull-requests: write" if answer.status_code in (401, 403, 404) else "run the job again"
            raise GitopsError(f"GitHub refuses {what}: {answer.status_code} {_message(answer)}", fix=fix)
        return answer


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return signed


def _message(answer: requests.Response) -> str:
    try:
        content: Any = answer.json()
    except requests.JSONDecodeError:
        return answer.reason
    return str(content.get("message", answer.reason)) if isinstance(content, dict) else answer.reason
