"""GitHub's side of a run, on loopback: tokens for its jobs, attestations, pull requests, a record of what is posted."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from gitops.environments import GitHub
from rehearsal import identity
from rehearsal.runner.events import Event

# GitHub's tokens live for five minutes.
LIFETIME = 300
# Where the advisory database answers for pip-audit.
ADVISORIES = "/advisories"
_PULLS = re.compile(r"/commits/(?P<commit>[0-9a-f]{40})/pulls\Z")
_COMMENTS = re.compile(r"/issues/(?P<number>\d+)/comments\Z")
_COMMENT = re.compile(r"/issues/comments/(?P<id>\d+)\Z")
# Who a job's token is: docs.github.com, "GITHUB_TOKEN", and the REST API's "Simple User".
APP = {"login": "github-actions[bot]", "type": "Bot"}
# Jobs side by side write at once.
_LOCK = threading.Lock()


@dataclass(frozen=True)
class PullRequests:
    """GitHub's, as far as workflows read and write them: their comments, and what was merged.

    Kept in one file, so that each run of a workflow finds what the one before it left.
    """

    store: Path

    def propose(self, number: int, head: str) -> None:
        """A pull request is open, with this commit of the clone as its newest."""
        with self._changing() as content:
            content["open"][str(number)] = head

    def proposed(self) -> dict[int, str]:
        """The newest commit of each open one."""
        return {int(number): head for number, head in self._read()["open"].items()}

    def merge(self, number: int, commit: str) -> None:
        """A commit of the branch brought it in."""
        with self._changing() as content:
            content["open"].pop(str(number), None)
            content["merged"].setdefault(commit, []).append(number)

    def merged(self, commit: str) -> list[dict[str, Any]]:
        """What GitHub answers about a commit; the time is only there or not."""
        numbers = self._read()["merged"].get(commit, [])
        return [
            {"number": number, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": commit} for number in numbers
        ]

    def comments(self, number: int) -> list[dict[str, Any]]:
        """One's comments, oldest first."""
        return [one for one in self._read()["comments"] if one["number"] == number]

    def create(self, number: int, body: str) -> dict[str, Any]:
        """A new comment, written by a job."""
        with self._changing() as content:
            made = {"id": 1000 + len(content["comments"]), "number": number, "user": APP, "body": body}
            content["comments"].append(made)
        return made

    def update(self, identity: int, body: str) -> dict[str, Any] | None:
        """Another text for a comment; None when there is none of the id."""
        with self._changing() as content:
            found: dict[str, Any] | None = next((one for one in content["comments"] if one["id"] == identity), None)
            if found is not None:
                found["body"] = body
        return found

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = {"open": {}, "merged": {}, "comments": []}
        return json.loads(self.store.read_text()) if self.store.exists() else content

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with _LOCK:
            content = self._read()
            yield content
            self.store.parent.mkdir(parents=True, exist_ok=True)
            self.store.write_text(json.dumps(content))


@dataclass
class Service:
    """One run's tokens and posts, which grow as the jobs ask; ``store`` is the file of all attestations so far."""

    github: GitHub
    event: Event
    store: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    subjects: list[str] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), repr=False
    )

    @property
    def pull_requests(self) -> PullRequests:
        """Those of the repository, beside the attestations."""
        return PullRequests(self.store.with_name("pull-requests.json"))

    @property
    def repository(self) -> str:
        """Owner and name."""
        return f"{self.github.owner}/{self.github.repository}"

    def claims(self, environment: str, audience: str, now: int, workflow: str = "") -> dict[str, str | int]:
        """What GitHub writes into the token of a job with this GitHub environment (empty: none), of this file."""
        found: dict[str, str | int] = {
            "iss": identity.ISSUER,
            "aud": audience,
            "sub": identity.subject(self.github, subject_ending(self.event, environment)),
            "repository": self.repository,
            "repository_id": self.github.repository_id,
            "ref": self.event.ref,
            "sha": self.event.sha,
            "event_name": self.event.name,
            "job_workflow_ref": f"{self.repository}/.github/workflows/{workflow}.yml@{self.event.ref}",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        }
        return {**found, "environment": environment} if environment else found

    def issue(self, query: Mapping[str, list[str]]) -> str:
        """The token of the job whose URL had this query; a role's is remembered by its subject."""
        audience = query.get("audience", [f"https://github.com/{self.github.owner}"])[0]
        environment, workflow = (query.get(name, [""])[0] for name in ("environment", "workflow"))
        claims = self.claims(environment, audience, int(time.time()), workflow)
        if audience == identity.AUDIENCE:
            self.subjects.append(str(claims["sub"]))
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "rehearsal"})

    def attest(self, statement: Mapping[str, str]) -> None:
        """Keep who states what about which digest; jwt.InvalidTokenError unless this service issued the token."""
        claims = jwt.decode(statement["token"], self._key.public_key(), algorithms=["RS256"], audience="sigstore")
        known = {name: statement[name] for name in ("subject", "digest", "predicate_type")}
        workflow = str(claims["job_workflow_ref"]).partition("@")[0]
        kept = {**known, "signer_workflow": workflow, "sha": claims["sha"], "ref": claims["ref"]}
        self.store.write_text(json.dumps([*self.attestations(), kept]))

    def attestations(self, digest: str | None = None) -> list[dict[str, str]]:
        """All that is kept, or what is about one digest."""
        every: list[dict[str, str]] = json.loads(self.store.read_text()) if self.store.exists() else []
        return [one for one in every if digest in (None, one["digest"])]


def subject_ending(event: Event, environment: str) -> str:
    """The end of a job's OIDC subject: its environment, else what the event is about.

    docs.github.com, "OpenID Connect reference", "Example subject claims".
    """
    if environment:
        return f"environment:{environment}"
    return "pull_request" if event.name == "pull_request" else f"ref:{event.ref}"


class _Handler(BaseHTTPRequestHandler):
    # Of the class that ``serving`` makes of this one.
    _service: Service

    @property
    def _path(self) -> str:
        """What is asked of the repository."""
        return urlsplit(self.path).path.removeprefix(f"/api/repos/{self._service.repository}")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/token":
            if self.headers.get("Authorization") == f"bearer {self._service.token}":
                self._answer(200, {"value": self._service.issue(parse_qs(parts.query))})
            else:
                self._answer(401, {"message": "Bad credentials"})
        elif not self.headers.get("Authorization") and (_PULLS.match(self._path) or _COMMENTS.match(self._path)):
            self._answer(401, {"message": "Requires authentication"})
        elif found := _PULLS.match(self._path):
            self._answer(200, self._service.pull_requests.merged(found["commit"]))
        elif found := _COMMENTS.match(self._path):
            self._answer(200, self._service.pull_requests.comments(int(found["number"])))
        elif self._path.startswith("/attestations/"):
            self._answer(200, {"attestations": self._service.attestations(self._path.rsplit("/", 1)[-1])})
        else:
            self._answer(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        body = self._body()
        if self.path == ADVISORIES:
            # It knows no advisory.
            self._answer(200, {})
            return
        if self._path == "/attestations":
            try:
                self._service.attest(body)
            except (jwt.InvalidTokenError, KeyError) as error:
                self._answer(403, {"message": str(error)})
                return
            body.pop("token")
        made = None
        if found := _COMMENTS.match(self._path):
            made = self._service.pull_requests.create(int(found["number"]), body["body"])
        self._record(body, made)

    def do_PATCH(self) -> None:
        body, made = self._body(), None
        if found := _COMMENT.match(self._path):
            made = self._service.pull_requests.update(int(found["id"]), body["body"])
            if made is None:
                self._answer(404, {"message": "Not Found"})
                return
        self._record(body, made)

    def _body(self) -> dict[str, Any]:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body: dict[str, Any] = json.loads(content or b"{}")
        return body

    def _record(self, body: dict[str, Any], made: dict[str, Any] | None) -> None:
        self._service.posted.append({"method": self.command, "path": self.path.removeprefix("/api"), "body": body})
        status = 200 if self.command == "PATCH" else 201
        self._answer(status, made or {"id": str(len(self._service.posted))})

    def _answer(self, status: int, content: dict[str, Any] | list[dict[str, Any]]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 (http.server's names)
        """Say nothing: the run's own output is what people read."""


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Answer on a free port of 127.0.0.1 for as long as the run lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"_service": service})) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
