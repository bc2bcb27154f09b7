"""The Markdown a reviewer gets: first line, folds, budget, and text that tries to break out."""

from __future__ import annotations

import json
import re

import pytest

from gitops.errors import GitopsError
from gitops.review.changes import Change, changes
from gitops.review.prices import Costs
from gitops.review.report import report
from gitops.text import COMMENT_BUDGET

RENDERED = "taskdefs/app/rendered/staging.json"


def many(count: int, lines: int = 40, text: str = "x" * 60) -> list[Change]:
    diff = ("--- a", "+++ a", *(f"+{text}" for _ in range(lines)))
    return [Change(f"app{number} in staging", "added", (f"risk {number}",), diff) for number in range(count)]


def test_nothing_changed_is_said_outright_but_not_below_a_warning_which_comes_first() -> None:
    assert report([], "a", "b").startswith("**No changes** in rendered task definitions and environments.\n")
    text = report([], "a", "b", warning="**Stale**: `x`")
    assert text.startswith("**Stale**: `x`\n\n")
    assert "no changes" not in text.lower()
    lines = report(many(1), "a", "b", warning="**Stale**: `x`").splitlines()
    assert lines[0] == "**Stale**: `x`"
    assert lines[2].startswith("**Rendered task definitions and environments: 1 added")


def test_prices_stand_by_the_risks_and_in_the_footer() -> None:
    text = report(many(1), "a", "b", costs=Costs(("**staging**: about +$4 a month",), "A month at rest: $5"))
    assert "\n\n- **staging**: about +$4 a month\n\n<details>" in text
    assert text.endswith("A month at rest: $5\n\nFrom `a` to `b`\n")


def test_the_first_line_counts() -> None:
    found = [
        Change("a", "added", (), ("+1",)),
        Change("b", "changed", ("r", "s"), ("+1",)),
        Change("c", "removed", ("r",), ("-1",)),
    ]
    assert report(found, "x", "y").splitlines()[0] == (
        "**Rendered task definitions and environments: 1 added, 1 changed, 1 removed; 2 risks to look at.**"
    )
    assert "- **b, c**: r\n- **b**: s\n" in report(found, "x", "y")
    # The first of each before the second of any.
    found = [Change(name, "changed", (f"{name} 1", "both"), ("+1",)) for name in "ab"]
    assert "- **a**: a 1\n- **b**: b 1\n- **a, b**: both\n" in report(found, "x", "y")


def test_the_same_changes_give_the_same_bytes_and_the_run_is_linked() -> None:
    run = "https://github.com/o/r/actions/runs/1"
    assert report(many(3), "a", "b", run) == report(many(3), "a", "b", run)
    assert f"[the run]({run})" in report([], "a", "b", run)


@pytest.mark.parametrize(
    "found",
    [
        many(1, lines=5000),
        many(200),
        many(5000, lines=1),
        many(40, lines=30, text="é" * 60),
        [Change("s" * 3000, "added", ("r" * 3000,), ("+" + "`" * 3000,)) for _ in range(60)],
    ],
)
def test_the_budget_holds_and_nothing_is_cut_open(found: list[Change]) -> None:
    text = report(found, "a" * 40, "b" * 40, "https://github.com/o/r/actions/runs/1")
    assert len(text) <= COMMENT_BUDGET
    assert text.count("<details>") == text.count("</details>")
    fences = re.findall(r"^(`{3,})", text, re.MULTILINE)
    assert len(fences) % 2 == 0
    assert "Too long for a comment" in text
    assert text.splitlines()[0].startswith("**Rendered")
    assert text.splitlines()[-1].startswith("From `aaaa")


def test_what_is_left_out_is_named_and_what_fits_after_it_is_shown() -> None:
    found = [*many(1), Change("huge in staging", "added", (), ("+" + "x" * 70_000,)), *many(2)[1:]]
    text = report(found, "a", "b")
    assert "- huge in staging\n" in text
    assert "<summary>app0 in staging" in text
    assert "<summary>app1 in staging" in text


def test_what_fits_is_whole() -> None:
    assert "Too long" not in report(many(20), "a", "b")
    assert report(many(200), "a", "b", budget=10**6).count("<details>") == 200


ENVIRONMENT = "infra/environments/staging.yaml"


@pytest.mark.parametrize(
    ("base", "head", "found"),
    [
        # Of rendered files and environments alone.
        (
            {RENDERED: '{"family": "a"}', "taskdefs/app/base.json": "{}", ENVIRONMENT: "a: 1"},
            {RENDERED: '{"family": "b"}', "taskdefs/app/base.json": "{1}", ENVIRONMENT: "a: 2"},
            [("environment staging", "changed"), ("app in staging", "changed")],
        ),
        # Other bytes of the same content are no change.
        (
            {RENDERED: '{"family": "a", "cpu": "1"}', ENVIRONMENT: "a: 1\nb: 2"},
            {RENDERED: '{"cpu":"1","family":"a"}', ENVIRONMENT: "# b\nb: 2\na: 1"},
            [],
        ),
        ({}, {RENDERED: '{"family": "a"}'}, [("app in staging", "added")]),
        ({RENDERED: '{"family": "a"}'}, {}, [("app in staging", "removed")]),
    ],
)
def test_what_is_a_change(base: dict[str, str], head: dict[str, str], found: list[tuple[str, str]]) -> None:
    seen = changes(base, head)
    assert [(change.subject, change.kind) for change in seen] == found
    assert all(change.diff[-1] == "+}" for change in seen if change.kind == "added")


def test_a_secret_in_a_file_reaches_no_text() -> None:
    def rendered(value: str) -> dict[str, str]:
        container = {"name": "app", "environment": [{"name": "TOKEN", "value": value}]}
        return {RENDERED: json.dumps({"containerDefinitions": [container]})}

    text = report(changes(rendered("hunter1"), rendered("hunter2")), "a", "b")
    assert "hunter" not in text
    assert '-          "value": "•••"' in text
    assert '+          "value": "••• (another value)"' in text


def test_a_secret_is_to_be_put_where_no_rehearsal_puts_it() -> None:
    secret = {"name": "KEY", "valueFrom": "arn:aws:ssm:eu-west-2:1:parameter/app/staging/KEY"}
    rendered = {RENDERED: json.dumps({"containerDefinitions": [{"name": "app", "secrets": [secret]}]})}
    for entry, said in (("", True), ("aws_config_file: x", False)):
        environment = {ENVIRONMENT: f"environment: staging\n{entry}"}
        (change,) = changes(environment, {**environment, **rendered})
        assert any("gitops secret put app staging KEY" in risk for risk in change.risks) == said
        assert '+      "secrets": [\n' in report([change], "a", "b"), "where it is may be seen"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (RENDERED, "{", "not JSON at line 1"),
        ("infra/environments/a.yaml", "a: [", "is not YAML"),
        ("infra/environments/a.yaml", "- a", "holds no mapping"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(path: str, text: str, words: str) -> None:
    with pytest.raises(GitopsError, match=words) as caught:
        changes({}, {path: text})
    assert path in caught.value.problem
