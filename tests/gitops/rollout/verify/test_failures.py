"""Failures are told all at once."""

from __future__ import annotations

import pytest

from gitops.errors import GitopsError
from gitops.rollout.verify.failures import Failure, require


def test_one_failure_is_one_line_and_several_are_a_list() -> None:
    require([], "app")
    with pytest.raises(GitopsError) as one:
        require([Failure("a is missing", "make a")], "app cannot be registered")
    assert str(one.value) == "app cannot be registered: a is missing → make a"
    with pytest.raises(GitopsError) as two:
        require([Failure("a is missing", "make a"), Failure("b is missing", "make b")], "app")
    assert str(two.value).splitlines() == [
        "app: 2 things are missing or do not fit",
        "  a is missing → make a",
        "  b is missing → make b",
    ]
