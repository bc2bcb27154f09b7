"""The one gateway to GitHub: what a step tells its job (a workflow's commands and files), and the REST API.

What a step tells its job is silent outside of Actions, so a verb says it without asking where it runs. Whoever
writes Markdown hides secrets before it escapes; here they are hidden once more, whatever wrote it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gitops.errors import GitopsError
from gitops.text import SUMMARY_BUDGET, fit, hide

if TYPE_CHECKING:
    import requests

Level = Literal["notice", "warning", "error"]

_SECONDS = 30
# More pages than a person reads: then nothing is looked for any further.
_PAGES = 20
_PER_PAGE = 100
# What a workflow's command has for a character that would end it.
_DATA = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}
_PROPERTY = {**_DATA, ord(":"): "%3A", ord(","): "%2C"}
# After a summary that was cut.
_CUT = "\n… and more, which stands in the job's log"


def summary(markdown: str) -> None:
    """Append Markdown to the job's summary, the file that GITHUB_STEP_SUMMARY names; GitHub drops one too long."""
    lines = hide(markdown.rstrip("\n")).split("\n")
    kept = fit(lines, SUMMARY_BUDGET - len(_CUT) - 1)
    _append("GITHUB_STEP_SUMMARY", "\n".join(kept + [_CUT][: len(lines) - len(kept)]) + "\n\n")


def output(name: str, value: str) -> None:
    """Set one output of the step, in the file that GITHUB_OUTPUT names.

    A value of several lines stands between two random delimiters, as
    docs.github.com/actions/reference/workflow-commands says: with a fixed one,
    a value that holds it could set outputs of its own.
    """
    if "\n" in value or "\r" in value:
        delimiter = f"end-{secrets.token_hex(16)}"
        _append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    else:
        _append("GITHUB_OUTPUT", f"{name}={value}\n")


def annotation(level: Level, title: str, message: str) -> None:
    """Print one annotation, shown on the run's page; only inside of GitHub Actions."""
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::{level} title={hide(title).translate(_PROPERTY)}::{hide(message).translate(_DATA)}", flush=True)


def run(variables: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Id (with its attempt) of this workflow run, and where it is shown; both empty outside of Actions.

    docs.github.com/actions/reference/variables-reference: the variables are set in every job.
    """
    names = ("SERVER_URL", "REPOSITORY", "RUN_ID", "RUN_ATTEMPT")
    server, repository, run_id, attempt = (variables.get(f"GITHUB_{name}", "") for name in names)
    if not (server and repository and run_id):
        return "", ""
    url = f"{server}/{repository}/actions/runs/{run_id}" + (f"/attempts/{attempt}" if attempt else "")
    return f"{run_id}.{attempt or 1}", url


def run_url() -> str:
    """Where this attempt of the run is shown; empty outside of Actions."""
    return run()[1]


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request, and whether an app wrote it (a job's token is one's)."""

    id: int
    by_app: bool
    body: str


class GitHub:
    """One repository by the REST API (version 2022-11-28), as the job's token sees it.

    Every call raises GitopsError, with what GitHub said and the next step, when it is refused or not answered.
    """

    def __init__(self, url: str, repository: str, token: str) -> None:
        # Imported late: most verbs tell their job something and ask GitHub nothing.
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        self._base = f"{url.rstrip('/')}/repos/{repository}"
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/vnd.github+json"
        self._session.headers["X-GitHub-Api-Version"] = "2022-11-28"
        # As a callable: a token in the headers gives way to one for the same host in ~/.netrc.
        self._session.auth = signed
        # To post twice would show twice; the others may be repeated.
        retry = Retry(total=3, backoff_factor=1, status_forcelist=[502, 503, 504], allowed_methods=["GET", "PATCH"])
        self._session.mount("https://", HTTPAdapter(max_retries=retry))

    @classmethod
    def of_job(cls, variables: Mapping[str, str] = os.environ) -> GitHub:
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
        return [
            Comment(one["id"], one["user"]["type"] == "Bot", one["body"] or "")
            for one in self._all(f"issues/{number}/comments", f"the comments of pull request {number}")
            if one["user"] is not None
        ]

    def comment(self, number: int, body: str, replaced: int | None = None) -> None:
        """Write a new comment into a pull request, or replace what one of its comments (by its id) says."""
        what = f"a comment on pull request {number}"
        if replaced is None:
            self._ask("POST", f"{self._base}/issues/{number}/comments", what, body)
        else:
            self._ask("PATCH", f"{self._base}/issues/comments/{replaced}", what, body)

    def merged(self, commit: str) -> list[int]:
        """The numbers of the merged pull requests that brought a commit to the default branch."""
        found = self._all(f"commits/{commit}/pulls", f"the pull requests of {commit[:12]}")
        return [one["number"] for one in found if one["merged_at"]]

    def _all(self, path: str, what: str) -> Iterator[Any]:
        """The elements of a list, page after page."""
        url = f"{self._base}/{path}?per_page={_PER_PAGE}"
        for _ in range(_PAGES):
            answer = self._ask("GET", url, what)
            yield from answer.json()
            if "next" not in answer.links:
                return
            url = answer.links["next"]["url"]

    def _ask(self, method: str, url: str, what: str, body: str | None = None) -> requests.Response:
        import requests

        content = None if body is None else {"body": hide(body)}
        try:
            answer = self._session.request(method, url, json=content, timeout=_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            # Its own text would hold the whole request.
            raise GitopsError(
                f"GitHub does not answer for {what}: {type(error).__name__}", fix="run the job again"
            ) from None
        if not answer.ok or answer.is_redirect:
            said = _message(answer)
            raise GitopsError(f"GitHub refuses {what}: {answer.status_code} {said}", fix=_fix(answer, said))
        return answer


def _message(answer: requests.Response) -> str:
    try:
        content: Any = answer.json()
    except ValueError:
        return answer.reason
    return str(content.get("message", answer.reason)) if isinstance(content, dict) else answer.reason


def _fix(answer: requests.Response, said: str) -> str:
    """docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: a limit answers 429, or 403 as well."""
    if answer.status_code == 429 or "rate limit" in said.lower():
        return "GitHub limits how often it is asked: wait some minutes, then run the job again"
    return "grant the job pull-requests: write" if answer.status_code in (401, 403, 404) else "run the job again"
