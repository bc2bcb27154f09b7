"""Files that say different things are told apart, with who says what."""

from __future__ import annotations

from gitops.layers.claims import Claim, disagreements


def test_files_that_agree_are_silent() -> None:
    assert disagreements([]) == []
    assert disagreements([Claim("port", "80", "a"), Claim("port", "80", "b"), Claim("path", "/", "b")]) == []


def test_each_topic_is_one_line_with_every_value_and_place() -> None:
    claims = [
        Claim("port", "80", "a"),
        Claim("port", "81", "b"),
        Claim("port", "80", "c"),
        Claim("port", "80", "c"),
        Claim("path", "/a", "a"),
        Claim("path", "/b", "b"),
    ]
    assert disagreements(claims) == ["port: 80 in a and c, but 81 in b", "path: /a in a, but /b in b"]
