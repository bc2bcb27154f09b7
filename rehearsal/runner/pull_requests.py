"""GitHub's pull requests, as far as workflows read and write them: their comments, and what was merged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Who a job's token is: docs.github.com, "GITHUB_TOKEN", and the REST API's "Simple User".
APP = {"login": "github-actions[bot]", "type": "Bot"}


# Jobs side by side write at once.
_LOCK = threading.Lock()


@dataclass(frozen=True)
class PullRequests:
    """Kept in one file, so that each run of a workflow finds what the one before it left."""

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
