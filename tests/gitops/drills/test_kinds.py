"""The drills: when each is refused, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.clock import Clock
from gitops.drills import kinds
from gitops.drills.fleet import Fleet, Operations
from gitops.drills.kinds import KINDS, Happened, Setting, Upstream
from gitops.ecs_answers import Task
from gitops.environments import Rehearsal, StandIn
from gitops.errors import GitopsError
from tests.gitops.deploy.described import StubbedSession, old, seen
from tests.gitops.drills.server import DEMO, SERVICE

APPEND = "import sys; open('told', 'a').write(sys.argv[1] + '\\n')"
STAND_IN = StandIn(
    ["python", "serve"],
    {"URL": "http://127.0.0.1:{port}"},
    tell=["python", "-c", APPEND],
    failing=["broken", "silent"],
    normal="normal",
)
TOLD = Upstream(STAND_IN, "/ready", f".state/stand-ins/{SERVICE}")


def setting(
    zones: str = "ab", *, breaker: bool = True, upstream: bool = True, session: StubbedSession | None = None
) -> Setting:
    """A service with a task in each of these zones."""
    stubbed: Any = session or StubbedSession()
    tasks = tuple(
        Task(f"arn:task/c/{n}", address=f"10.0.0.{n}", zone=zone, is_running=True) for n, zone in enumerate(zones)
    )
    targets = {task.address: "healthy" for task in tasks}
    return Setting(
        root=Path(),
        operations=Operations(stubbed, DEMO, SERVICE),
        seen=seen(old, rolls_back=breaker),
        before=Fleet(len(tasks), tasks, (targets,)),
        upstream=TOLD if upstream else None,
        clock=Clock(sleep=lambda _: None),
        say=lambda _: None,
        ask=lambda _: "",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_two_tasks_in_two_zones_can_be_drilled(kind: str) -> None:
    assert KINDS[kind].refusal(setting()) == ""


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("bad-commit", setting(breaker=False), "a bad commit would stay"),
        ("stop-task", setting("a"), "one task serves"),
        ("stop-zone", setting("a"), "every task is in a"),
        ("stop-zone", setting("aa"), "every task is in a"),
        ("upstream", setting(upstream=False), "somebody else's"),
    ],
)
def test_what_would_be_an_outage_or_prove_nothing_is_refused(kind: str, given: Setting, why: str) -> None:
    assert why in KINDS[kind].refusal(given)


@pytest.mark.parametrize(("kind", "stopped"), [("stop-task", ["0"]), ("stop-zone", ["1", "2"])])
def test_what_is_stopped_has_to_be_replaced(kind: str, stopped: list[str]) -> None:
    with StubbedSession() as session:
        for task in stopped:
            session.answers("ecs").add_response(
                "stop_task",
                {"task": {}},
                {"cluster": DEMO.cluster, "task": f"arn:task/c/{task}", "reason": "gitops drill"},
            )
        happened = KINDS[kind].act(setting("abb", session=session))
    assert happened.gone == {f"arn:task/c/{task}" for task in stopped}
    assert happened.problems == ()
    assert happened.mended is None


def moving() -> Clock:
    """A clock that a test moves by sleeping."""
    slept: list[float] = []
    return Clock(now=lambda: sum(slept), sleep=slept.append)


def upstream_fails(root: Path, ask: Callable[[str], str], **changes: Any) -> Happened:
    """The drill of that name, where a clock moves by sleeping and ``ask`` answers."""
    return KINDS["upstream"].act(replace(setting(), **{"root": root, "ask": ask, "clock": moving(), **changes}))


def test_each_failure_shows_and_ends(tmp_path: Path) -> None:
    clock, said = moving(), list[str]()

    def ask(path: str) -> str:
        assert path == "/ready"
        return "" if (tmp_path / "told").read_text().split()[-1] == "normal" else "status 503"

    happened = upstream_fails(tmp_path, ask, clock=clock, say=said.append)
    assert happened.problems == ()
    assert (tmp_path / "told").read_text().split() == ["broken", "silent", "normal"]
    assert happened.mended == clock.now() == 2 * kinds.LASTS
    assert said == ["the upstream is broken", "the upstream is silent", "the upstream is normal"]


@pytest.mark.parametrize(
    ("always", "expected"),
    [
        # A failure that nobody notices proves nothing.
        ("", [f"/ready does not say that the upstream is {behaviour}" for behaviour in STAND_IN.failing]),
        ("status 503", ["/ready still fails after the upstream works again"]),
    ],
)
def test_a_service_that_always_says_the_same_is_a_problem(tmp_path: Path, always: str, expected: list[str]) -> None:
    assert list(upstream_fails(tmp_path, lambda _: always).problems) == expected


def test_the_upstream_works_again_whatever_happens(tmp_path: Path) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upstream_fails(tmp_path, interrupted)
    assert (tmp_path / "told").read_text().split() == ["broken", "normal"]


def test_a_command_that_fails_is_one_line(tmp_path: Path) -> None:
    told = ["python", "-c", "raise SystemExit('nobody listens')"]
    broken = Upstream(msgspec.structs.replace(STAND_IN, tell=told, unless="KEY"), "/ready", ".state")
    with pytest.raises(GitopsError, match=r"cannot be told to be .*: nobody listens → make rehearse without KEY"):
        upstream_fails(tmp_path, lambda _: "", upstream=broken)


@pytest.mark.parametrize(
    ("entry", "is_ours"),
    [
        (Rehearsal(STAND_IN, ready="/ready"), True),
        # Nothing would show that it fails, nothing can be told, nothing is told.
        (Rehearsal(STAND_IN), False),
        (Rehearsal(msgspec.structs.replace(STAND_IN, tell=[]), ready="/ready"), False),
        (Rehearsal(msgspec.structs.replace(STAND_IN, failing=[]), ready="/ready"), False),
        (Rehearsal(ready="/ready"), False),
    ],
)
def test_an_upstream_is_drilled_where_its_failure_can_be_made_and_seen(entry: Rehearsal, is_ours: bool) -> None:
    here = msgspec.structs.replace(DEMO, aws_config_file=".state/config", rehearsals={SERVICE: entry})
    assert kinds.upstream(here, SERVICE) == (TOLD if is_ours else None)
    assert kinds.upstream(here, "another") is None
