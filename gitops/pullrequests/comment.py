"""One comment of ours per subject: found again by a hidden marker, replaced when what it says has changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request, and whether an app wrote it (a job's token is one's)."""

    id: int
    by_app: bool
    body: str


@dataclass(frozen=True)
class Write:
    """What is to be done: replace the text of a comment, or make a new one (``id`` None)."""

    id: int | None
    body: str


def own(comments: Iterable[Comment], subject: str) -> Comment | None:
    """Our comment on a subject. One that a person wrote is never taken for it, whatever it says."""
    return next((one for one in comments if one.by_app and _marker(one.body, subject)), None)


def write(comments: Iterable[Comment], subject: str, text: str) -> Write | None:
    """What makes the pull request say ``text`` on a subject; None when it does."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    body = f"{text.rstrip()}\n\n<!-- {subject} sha256:{digest} -->\n"
    existing = own(comments, subject)
    if existing is None:
        return Write(None, body)
    found = _marker(existing.body, subject)
    return None if found and found["digest"] == digest else Write(existing.id, body)


def _marker(body: str, subject: str) -> re.Match[str] | None:
    return re.search(rf"^<!-- {re.escape(subject)} sha256:(?P<digest>[0-9a-f]{{64}}) -->\s*\Z", body, re.MULTILINE)
