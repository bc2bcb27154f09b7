"""Entries are found and added as text: what people wrote stays as it was, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.newservice import blocks

WHERE = Path("some.yaml")
TEXT = """\
# above
services:
  # about one
  one:
    A: "1"   # beside

  two: {B: 2}
  three:
    C: >-
      folded
      text

# between
after: 1
"""


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("one", ["  one:", '    A: "1"   # beside']),
        ("two", ["  two: {B: 2}"]),
        ("three", ["  three:", "    C: >-", "      folded", "      text"]),
    ],
)
def test_an_entry_is_its_own_lines(key: str, lines: list[str]) -> None:
    assert blocks.entry(TEXT, "services", key, WHERE) == lines


def test_a_new_entry_follows_the_last() -> None:
    text = blocks.append(TEXT, "services", ["  four: {}"], WHERE)
    assert text == TEXT.replace("      text\n", "      text\n  four: {}\n")


def test_a_section_that_ends_the_file() -> None:
    assert blocks.append("a:\n  b: 1", "a", ["  c: 2"], WHERE) == "a:\n  b: 1\n  c: 2\n"
    assert blocks.append("a:\n  b:\n    - 1\n# end\n", "a", ["  c: 2"], WHERE) == "a:\n  b:\n    - 1\n  c: 2\n# end\n"


@pytest.mark.parametrize("text", ["", "other: 1\n", "services: {}\n", "services: {one: 1}\n", "services:\n", "- a\n"])
def test_a_section_without_lines_of_its_own_is_refused(text: str) -> None:
    with pytest.raises(GitopsError, match=r"some\.yaml has no services"):
        blocks.append(text, "services", ["  two: 2"], WHERE)


def test_an_entry_that_is_not_there_is_named() -> None:
    with pytest.raises(GitopsError, match=r"some\.yaml has no four under services"):
        blocks.entry(TEXT, "services", "four", WHERE)


def test_comments_of_their_own_are_left_out() -> None:
    assert blocks.without_comments(["# a", "  # b", "c # d", ""]) == ["c # d", ""]
