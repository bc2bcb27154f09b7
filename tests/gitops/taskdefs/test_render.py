"""An overlay over a base, and the rendered task definition."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.environments import load
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.taskdefs.documents import dump, parse
from gitops.taskdefs.render import merge, render, unfilled, variables, with_image

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


SET = {"environment": [{"name": "A", "value": "1"}]}


@pytest.mark.parametrize(
    ("base", "overlay", "place", "words"),
    [
        ({}, {"cpu": None}, "cpu", "does not have"),
        ({"a": {}}, {"a": {"b": None}}, "a.b", "does not have"),
        ({}, {"environment": [{"name": "A", "$remove": True}]}, "environment[A]", "$remove names what the base does"),
        (SET, {"environment": [{"name": "A", "$remove": False}]}, "environment[A]", "removal is written"),
        (SET, {"environment": [{"value": "1"}]}, "environment", "the overlay has an element without name"),
        ({"environment": ["A"]}, {"environment": []}, "environment", "the base has an element without name"),
        (SET, {"environment": SET["environment"] * 2}, "environment", "the overlay names A twice"),
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


def test_variables_of_an_environment_which_it_may_not_take_over(repository: Path) -> None:
    staging = load(Checkout(repository), "staging")
    assert variables(staging, "app") == {
        "environment": "staging",
        "region": "eu-west-2",
        "account": "111111111111",
        "service": "app",
        "project": "demo",
        "city": "Paris",
    }
    for name in ("image", "region"):
        with pytest.raises(GitopsError, match=rf"staging\.yaml: variables sets {name}"):
            variables(msgspec.structs.replace(staging, variables={name: "x"}), "app")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${service}-${environment}", "app-staging"),
        ("${image}", "${image}"),
        ("${unknown}", "${unknown}"),
        ("$HOME and $$", "$HOME and $$"),
        ("${!service} of ${service}", "${!service} of app"),
        ("", ""),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    document, problems = render({"command": [text]}, {}, {"service": "app", "environment": "staging"})
    assert (document, problems) == ({"command": [filled]}, [])


def test_an_overlay_may_name_a_container_either_way() -> None:
    base = {"containerDefinitions": [{"name": "${service}", "user": "1"}]}
    overlay = {"containerDefinitions": [{"name": "app", "user": "2"}]}
    document, _ = render(base, overlay, {"service": "app"})
    assert document == {"containerDefinitions": [{"name": "app", "user": "2"}]}


def test_a_variable_inside_a_value_is_not_filled_in_but_found() -> None:
    document, _ = render({"user": "${a}"}, {}, {"a": "${b}", "b": "1"})
    assert [str(problem) for problem in unfilled(document)] == [
        "user: ${b} is no variable of this environment (a literal is written ${!b})"
    ]


def test_a_missing_placeholder_is_refused_when_the_image_is_filled_in() -> None:
    with pytest.raises(GitopsError, match="no container has the image"):
        with_image({"containerDefinitions": [{"name": "app", "image": "nginx"}]}, "x")


def test_a_literal_is_no_variable_and_ecs_gets_it_without_its_mark() -> None:
    container = {"name": "app", "image": "${image}", "command": ["sh", "-c", "echo ${!HOME:-x} ${!image} $HOME ${!"]}
    document, _ = render({"containerDefinitions": [container]}, {}, {"HOME": "wrong"})
    assert unfilled(document) == []
    (sent,) = with_image(document, "x")["containerDefinitions"]
    assert sent == {"name": "app", "image": "x", "command": ["sh", "-c", "echo ${HOME:-x} ${image} $HOME ${"]}


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key], chance) for key in chance.sample(list(value), len(value))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shuffled(item, chance) for item in chance.sample(value, len(value))]
    return value


def test_the_same_content_gives_the_same_bytes() -> None:
    document = {
        "family": "f",
        "containerDefinitions": [
            {"name": name, "command": ["b", "a"], "portMappings": [{"containerPort": 8080}, {"containerPort": 80}]}
            for name in ("b", "a")
        ],
    }
    texts = {dump(shuffled(document, random.Random(seed))) for seed in range(20)}  # noqa: S311 (an order, no secret)
    assert len(texts) == 1
    written = json.loads(texts.pop())
    assert [container["name"] for container in written["containerDefinitions"]] == ["a", "b"]
    assert written["containerDefinitions"][0]["portMappings"] == [{"containerPort": 80}, {"containerPort": 8080}]
    assert written["containerDefinitions"][0]["command"] == ["b", "a"]
    assert list(written) == ["family", "containerDefinitions"]


def test_a_rendered_file_reads_well() -> None:
    assert dump({"memory": "1", "family": "é"}) == '{\n  "family": "é",\n  "memory": "1"\n}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "a": 1,\n}', "f.json: not JSON at line 3, column 1: Expecting property name"),
        ("", "f.json: not JSON at line 1, column 1: Expecting value"),
        ("[]", "f.json: holds a list, not an object"),
        ('{"a": {"b": 1, "b": 2}}', "f.json: the key b stands twice in one object"),
    ],
)
def test_json_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(GitopsError) as caught:
        parse(text, "f.json")
    assert caught.value.problem.startswith(message)
    assert caught.value.fix
