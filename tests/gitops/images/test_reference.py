"""Image references, a registry's port and a digest included."""

from __future__ import annotations

import pytest

from gitops.errors import GitopsError
from gitops.images.reference import Reference, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"reg.example/app:abc@{DIGEST}", Reference("reg.example/app", "abc", DIGEST)),
        (f"127.0.0.1:5000/team/app:abc@{DIGEST}", Reference("127.0.0.1:5000/team/app", "abc", DIGEST)),
        (f"127.0.0.1:5000/app@{DIGEST}", Reference("127.0.0.1:5000/app", "", DIGEST)),
        ("127.0.0.1:5000/app", Reference("127.0.0.1:5000/app", "", "")),
        ("app:1.0", Reference("app", "1.0", "")),
    ],
)
def test_a_reference_is_taken_apart_and_put_together_again(text: str, expected: Reference) -> None:
    assert parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "app@sha256:short", "app@md5:" + "a" * 32])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(GitopsError, match="not an image reference"):
        parse(text)
