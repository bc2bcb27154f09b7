from __future__ import annotations

import pytest

from gitops.errors import GitopsError
from rehearsal.runtimes.registry import Reference, parse

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("127.0.0.1:4566/web", Reference("127.0.0.1:4566", "web", "latest")),
        ("127.0.0.1:4566/team/web:v1", Reference("127.0.0.1:4566", "team/web", "v1")),
        (f"127.0.0.1:4566/team/web@{DIGEST}", Reference("127.0.0.1:4566", "team/web", DIGEST)),
        (f"127.0.0.1:4566/team/web:v1@{DIGEST}", Reference("127.0.0.1:4566", "team/web", DIGEST)),
    ],
)
def test_the_digest_wins_over_the_tag(image: str, expected: Reference) -> None:
    assert parse(image) == expected


@pytest.mark.parametrize("image", ["web", "registry.example/web:v1", "127.0.0.1/web", "127.0.0.1:1/web@sha256:1"])
def test_other_registries_and_damaged_names_are_refused(image: str) -> None:
    with pytest.raises(GitopsError, match="not in the rehearsal's registry"):
        parse(image)
