"""Two documents, compared by path."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.drift.document import differences


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({}, {"a": [1]}, [("a", None, [1])]),
        # An element goes by its name, wherever it stands.
        (
            {"l": [{"name": "x", "value": 1}, {"name": "y", "value": 2}]},
            {"l": [{"name": "y", "value": 3}, {"name": "x", "value": 1}]},
            [("l[y].value", 2, 3)],
        ),
        ({"l": [{"name": "x"}]}, {"l": [{"name": "x"}, {"name": "x"}]}, [("l[x#1]", None, {"name": "x"})]),
        ({"l": ["a", "b"]}, {"l": ["a"]}, [("l[1]", "b", None)]),
        ({"l": ["a"]}, {"l": "a"}, [("l", ["a"], "a")]),
    ],
)
def test_every_place_that_differs(expected: Any, actual: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert [tuple(one) for one in differences(expected, actual)] == found
