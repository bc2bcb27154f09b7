"""Drawing: lines in a log, a tree on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gitops.clock import Clock
from gitops.display import Branches, Event, Lines, drawing


def test_lines_carry_the_seconds_leave_out_what_merely_goes_on_and_may_say_what_a_tree_has_in_leaves() -> None:
    stream = io.StringIO()
    times = iter([0.0, 1.25, 61.0, 62.0])
    lines = Lines(stream, Clock(now=lambda: next(times)))
    lines.show(Event("network", "CREATE_IN_PROGRESS", mood="going"))
    lines.show(Event("network", "AWS::EC2::VPC CREATE_IN_PROGRESS", "Vpc", "going"))
    lines.show(Event("network", "AWS::EC2::VPC CREATE_COMPLETE", "Vpc", "done"))
    lines.show(Event("app:2", "starting", mood="going", line="starting: new 0 of 2 running"))
    assert stream.getvalue().splitlines() == [
        "[   1.2 s] network CREATE_IN_PROGRESS",
        "[  61.0 s] network Vpc AWS::EC2::VPC CREATE_COMPLETE",
        "[  62.0 s] app:2 starting: new 0 of 2 running",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "ci", "kind"), [(io.StringIO, "", Lines), (Terminal, "", Branches), (Terminal, "true", Lines)]
)
def test_a_terminal_gets_a_tree_unless_it_is_ci(
    stream: type[io.StringIO], ci: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with drawing(stream()) as display:
        assert isinstance(display, kind)


def drawn(branches: Branches) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(branches.tree())
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_tree_folds_what_is_done_and_keeps_what_failed_in_sight() -> None:
    tree = Branches(Clock(now=lambda: 0.0))
    for event in (
        Event("network", "CREATE_COMPLETE", "Vpc", "done"),
        Event("network", "created", mood="done"),
        Event("platform", "ROLLBACK_COMPLETE", mood="failed"),
        Event("platform", "CREATE_FAILED ([bold]no[/bold])", "Cluster", "failed"),
    ):
        tree.show(event)
    text = drawn(tree)
    assert "network  created" in text
    assert "Cluster  CREATE_FAILED ([bold]no[/bold])" in text
    assert "Vpc" not in text


def test_the_seconds_of_what_goes_on_go_on_and_those_of_the_rest_stand() -> None:
    now = 0.0
    tree = Branches(Clock(now=lambda: now))
    tree.show(Event("network", "created", mood="done"))
    tree.show(Event("platform", "CREATE_IN_PROGRESS", mood="going"))
    now = 3.0
    assert "network  created  0.0 s" in drawn(tree)
    assert "platform  CREATE_IN_PROGRESS  3.0 s" in drawn(tree)


def test_a_terminal_is_drawn_on_and_what_is_printed_meanwhile_stays_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    out = Terminal()
    with drawing(out) as display:
        display.show(Event("weather:7", "starting tasks", mood="going"))
        display.show(Event("weather:7", "1 of 2 running", "new", "going"))
    assert "1 of 2 running" in out.getvalue()
