"""A rehearsal brought up, step by step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.repository import Checkout
from rehearsal import daemons, up
from rehearsal.daemons import State
from rehearsal.services import Needs
from rehearsal.steps import Taken, parse_outputs, table
from tests.rehearsal.test_services import here

KEY = "0123456789abcdef0123456789abcdef"
NEEDS = [Needs(here(), "app", ("API_KEY",))]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> State:
    monkeypatch.setenv("API_KEY", KEY)
    return up._with_given(Checkout(tmp_path), State(port=4700, runtime="processes"), NEEDS)


def test_what_the_shell_gave_is_recognised_and_kept_nowhere(started: State, tmp_path: Path) -> None:
    up.require_same(started, None, "auto", NEEDS)
    assert daemons.load(Checkout(tmp_path)) == started
    assert KEY not in (tmp_path / daemons.FOLDER / "state.json").read_text()


@pytest.mark.parametrize("now", ["", "f" * 32])
def test_another_secret_is_refused_with_the_way_on(started: State, monkeypatch: pytest.MonkeyPatch, now: str) -> None:
    monkeypatch.setenv("API_KEY", now)
    with pytest.raises(GitopsError, match=r"API_KEY is not what it was .* → make stop first"):
        up.require_same(started, None, "auto", NEEDS)


def test_a_secret_or_a_service_that_is_new_is_no_change(started: State) -> None:
    more = [dataclasses.replace(NEEDS[0], secrets=("API_KEY", "SALT")), Needs(here(), "web", ("API_KEY",))]
    up.require_same(started, None, "auto", more)


@pytest.mark.parametrize(("port", "runtime"), [(4800, "auto"), (None, "containers")])
def test_another_port_or_runtime_is_refused(started: State, port: int | None, runtime: str) -> None:
    with pytest.raises(GitopsError, match=r"the rehearsal runs .* make stop first"):
        up.require_same(started, port, runtime, NEEDS)


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(up.DISK_BYTES, "processes", 10**18)
    with pytest.raises(GitopsError, match="GB are free on the disk"):
        up.require_disk(Checkout(tmp_path), "processes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("service=missing\n", {"service": "missing"}),
        ("image=repo:sha@sha256:a=b\n", {"image": "repo:sha@sha256:a=b"}),
        ("report<<END\none\ntwo=2\nEND\nservice=exists\n", {"report": "one\ntwo=2", "service": "exists"}),
        ("formula=a<<b\n", {"formula": "a<<b"}),
        ("empty=\n", {"empty": ""}),
    ],
)
def test_outputs_are_read_as_github_reads_them(text: str, expected: dict[str, str]) -> None:
    assert parse_outputs(text) == expected


def test_table_lists_every_step_and_the_sum() -> None:
    lines = table([Taken("stacks", "infrastructure", 1.26), Taken("build", "build", 10.0)]).splitlines()
    assert lines[0].split() == ["step", "role", "seconds"]
    assert lines[2].split() == ["stacks", "infrastructure", "1.3"]
    assert lines[-1].split() == ["all", "11.3"]
    assert len({len(line) for line in lines if line}) == 1
