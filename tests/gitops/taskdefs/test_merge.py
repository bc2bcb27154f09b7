"""Overlay over base: what is added, changed, replaced and removed, and what an overlay gets wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gitops.taskdefs.merge import merge

APP = {"name": "app", "image": "a"}


@pytest.mark.parametrize(
    ("base", "overlay", "merged"),
    [
        ({"cpu": "256"}, {}, {"cpu": "256"}),
        ({"cpu": "256"}, {"cpu": "512", "memory": "1024"}, {"cpu": "512", "memory": "1024"}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}),
        ({"command": ["a"]}, {"command": []}, {"command": []}),
        ({"containerDefinitions": [APP]}, {"containerDefinitions": []}, {"containerDefinitions": [APP]}),
        (
            {"containerDefinitions": [APP]},
            {"containerDefinitions": [{"name": "app", "user": "1"}, {"name": "sidecar"}]},
            {"containerDefinitions": [{**APP, "user": "1"}, {"name": "sidecar"}]},
        ),
        (
            {"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"environment": [{"name": "A", "$remove": True}, {"name": "B", "value": ""}]},
            {"environment": [{"name": "B", "value": ""}]},
        ),
        (
            {"secrets": [{"name": "A", "valueFrom": "x"}]},
            {"secrets": [{"name": "A", "valueFrom": "y"}]},
            {"secrets": [{"name": "A", "valueFrom": "y"}]},
        ),
        (
            {"mountPoints": [{"sourceVolume": "tmp", "containerPath": "/scratch"}]},
            {"mountPoints": [{"sourceVolume": "tmp", "readOnly": True}]},
            {"mountPoints": [{"sourceVolume": "tmp", "containerPath": "/scratch", "readOnly": True}]},
        ),
        (
            {"portMappings": [{"containerPort": 8080, "name": "http"}]},
            {"portMappings": [{"containerPort": 8080, "appProtocol": "http2"}]},
            {"portMappings": [{"containerPort": 8080, "name": "http", "appProtocol": "http2"}]},
        ),
        ({"tags": [{"key": "A", "value": "1"}]}, {"tags": [{"key": "A", "$remove": True}]}, {"tags": []}),
        (
            {"dependsOn": [{"containerName": "a", "condition": "START"}]},
            {"dependsOn": [{"containerName": "a", "condition": "HEALTHY"}]},
            {"dependsOn": [{"containerName": "a", "condition": "HEALTHY"}]},
        ),
    ],
)
def test_merges(base: dict[str, Any], overlay: dict[str, Any], merged: dict[str, Any]) -> None:
    before = copy.deepcopy((base, overlay))
    assert merge(base, overlay) == (merged, [])
    assert (base, overlay) == before


@pytest.mark.parametrize(
    ("base", "overlay", "place", "words"),
    [
        ({}, {"cpu": None}, "cpu", "does not have"),
        ({"a": {}}, {"a": {"b": None}}, "a.b", "does not have"),
        (
            {"environment": []},
            {"environment": [{"name": "A", "$remove": True}]},
            "environment[A]",
            "$remove names what the base does not have",
        ),
        (
            {"environment": [{"name": "A", "value": "1"}]},
            {"environment": [{"name": "A", "$remove": False}]},
            "environment[A]",
            "removal is written",
        ),
        ({"environment": []}, {"environment": [{"value": "1"}]}, "environment", "without name"),
        ({"environment": ["A"]}, {"environment": []}, "environment", "the base has an element without name"),
        (
            {"environment": []},
            {"environment": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
            "environment",
            "the overlay names A twice",
        ),
    ],
)
def test_says_what_an_overlay_gets_wrong(base: dict[str, Any], overlay: dict[str, Any], place: str, words: str) -> None:
    _, problems = merge(base, overlay)
    assert len(problems) == 1
    assert str(problems[0]).startswith(f"{place}: ")
    assert words in str(problems[0])


def test_collects_every_problem() -> None:
    _, problems = merge({}, {"cpu": None, "memory": None, "tags": [{"value": "x"}]})
    assert [problem.place for problem in problems] == [("cpu",), ("memory",), ("tags",)]
