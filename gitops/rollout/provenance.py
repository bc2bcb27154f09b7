"""Where a revision comes from, written on it as tags: commit, image, run, content, and how its deployment ended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

# Python name to tag key. The keys are read again by deploys, status and rollbacks of later versions: only add.
_KEYS = {
    "project": "Project",
    "environment": "Environment",
    "service": "Service",
    "commit": "Commit",
    "digest": "ImageDigest",
    "content_hash": "ContentHash",
    "run": "Run",
    "run_url": "RunUrl",
    "verdict": "Verdict",
    "rolled_back_from": "RolledBackFrom",
}
KEYS = frozenset(_KEYS.values())

SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class Provenance:
    """What a registered revision was made of; empty strings where nobody wrote it down."""

    project: str = ""
    environment: str = ""
    service: str = ""
    commit: str = ""
    digest: str = ""
    content_hash: str = ""
    run: str = ""
    run_url: str = ""
    verdict: str = ""
    rolled_back_from: str = ""

    @property
    def is_unfinished_rollback(self) -> bool:
        """Whether a rollback made it that has not ended well so far: whoever ran it may have been killed."""
        return bool(self.rolled_back_from) and not self.has_served

    @property
    def has_served(self) -> bool:
        """Whether a deployment of it is known to have succeeded: the tag is written after that, never before."""
        return self.verdict == SUCCEEDED

    def tags(self) -> list[dict[str, str]]:
        """As ECS tags, without the empty ones."""
        values = {_KEYS[field.name]: getattr(self, field.name) for field in fields(self)}
        return [{"key": key, "value": value} for key, value in values.items() if value]


def read(tags: Iterable[Mapping[str, Any]]) -> Provenance:
    """From the tags of a described revision."""
    values = {tag["key"]: tag["value"] for tag in tags}
    return Provenance(**{name: values.get(key, "") for name, key in _KEYS.items()})


def without(document: Mapping[str, Any]) -> dict[str, Any]:
    """A task definition without these tags: what was reviewed, as the rendered file has it."""
    tags = [tag for tag in document.get("tags") or [] if tag["key"] not in KEYS]
    return {**{key: value for key, value in document.items() if key != "tags"}, **({"tags": tags} if tags else {})}


def run_on_github(environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Id (with its attempt) and URL of this workflow run; empty outside of GitHub Actions."""
    run_id = environment.get("GITHUB_RUN_ID", "")
    if not run_id:
        return "", ""
    attempt = environment.get("GITHUB_RUN_ATTEMPT", "1")
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    return f"{run_id}.{attempt}", f"{server}/{repository}/actions/runs/{run_id}/attempts/{attempt}"
