"""The drills: when each is refused, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.clock import Clock
from gitops.deploy.decision import Decision, Verdict
from gitops.deploy.poller import End, Tell
from gitops.drills import kinds
from gitops.drills.fleet import Fleet, Operations
from gitops.drills.kinds import KINDS, USUAL, Happened, Setting, Upstream
from gitops.ecs_answers import Observation, Task
from gitops.environments import Environment, Rehearsal, StandIn
from gitops.errors import GitopsError
from tests.gitops.deploy.described import NEW, OLD, StubbedSession, old, ours, seen
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


# Writes down what it is told; without a kind it says that stale-read is due.
HAPPEN = "import sys; print(*sys.argv[1:], file=open('told', 'a')) if sys.argv[1:] else print('due: stale-read of app')"
ON_AWS = msgspec.structs.replace(DEMO, happen=["python", "-c", HAPPEN])
HERE = msgspec.structs.replace(ON_AWS, aws_config_file=".state/config")


def setting(
    zones: str = "ab",
    *,
    breaker: bool = True,
    upstream: bool = True,
    session: StubbedSession | None = None,
    environment: Environment = HERE,
) -> Setting:
    """A service with a task in each of these zones."""
    stubbed: Any = session or StubbedSession()
    tasks = tuple(
        Task(f"arn:task/c/{n}", address=f"10.0.0.{n}", zone=zone, is_running=True) for n, zone in enumerate(zones)
    )
    targets = {task.address: "healthy" for task in tasks}
    return Setting(
        root=Path(),
        operations=Operations(stubbed, environment, SERVICE),
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


def test_an_outage_is_none_of_those_held_where_none_is_asked_for() -> None:
    assert set(KINDS) - set(USUAL) == {"crash-loop"}


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("bad-commit", setting(breaker=False), "a bad commit would stay"),
        ("rerun-in-rollback", setting(breaker=False), "a bad commit would stay"),
        ("rollback-in-rollback", setting(breaker=False), "a bad commit would stay"),
        ("crash-loop", setting(environment=ON_AWS), "only a rehearsal may have it"),
        ("stop-task", setting("a"), "one task serves"),
        ("stop-zone", setting("a"), "every task is in a"),
        ("stop-zone", setting("aa"), "every task is in a"),
        ("upstream", setting(upstream=False), "somebody else's"),
        ("pull-failure", setting(environment=ON_AWS), "only a rehearsal can be told to"),
        ("retired-host", setting(environment=ON_AWS), "only a rehearsal can be told to"),
        ("retired-host", setting("a"), "one task serves"),
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


@pytest.mark.parametrize(
    ("kind", "problems"),
    [("pull-failure", ()), ("stale-read", ("stale-read never happened: nothing was proven",))],
)
def test_what_did_not_happen_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, problems: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Operations, "deploy", lambda *_: End(seen(old), Verdict.SUCCEEDED, ""))
    happened = KINDS[kind].act(replace(setting(), root=tmp_path))
    assert (tmp_path / "told").read_text() == f"{kind} --service {SERVICE}\n"
    assert happened.problems == problems
    assert happened.gone == {"arn:task/c/0", "arn:task/c/1"}


def ended(verdict: Verdict) -> End:
    return End(seen(old), verdict, "")


SERVES = seen(replace(old, status="PRIMARY"))
GOES_BACK = seen(
    replace(old, status="PRIMARY", state="IN_PROGRESS"), replace(ours, status="ACTIVE", state="FAILED", failed=3)
)


@pytest.mark.parametrize("kind", ["rerun-in-rollback", "rollback-in-rollback"])
@pytest.mark.parametrize(
    ("environment", "rolls_back", "then", "watched", "live", "problem"),
    [
        (HERE, True, GOES_BACK, Verdict.ROLLED_BACK, SERVES, ""),
        (ON_AWS, True, GOES_BACK, Verdict.SUPERSEDED, SERVES, "the verdict was superseded, not rolled back"),
        (ON_AWS, True, GOES_BACK, Verdict.ROLLED_BACK, seen(ours), "app-staging:2 is live, not app-staging:1"),
        # It would update the service, or go back further.
        (ON_AWS, True, SERVES, Verdict.ROLLED_BACK, SERVES, "ECS"),
        (ON_AWS, False, GOES_BACK, Verdict.ROLLED_BACK, SERVES, "nothing was proven"),
    ],
)
def test_what_is_pressed_while_ecs_rolls_back_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
    environment: Environment,
    rolls_back: bool,
    then: Observation,
    watched: Verdict,
    live: Observation,
    problem: str,
) -> None:
    described = [live]

    def deploy(_: Operations, bad: str, good: str, tell: Tell, *__: Any) -> End:
        assert (bad, good) == (NEW, OLD)
        described.append(then)
        for _look in range(2):
            tell(GOES_BACK, Decision(None, "", rolls_back), 1.0)
        described.pop()
        return ended(Verdict.ROLLED_BACK)

    monkeypatch.setattr(Operations, "doomed_revision", lambda *_: nullcontext(NEW))
    monkeypatch.setattr(Operations, "deploy", deploy)
    monkeypatch.setattr(Operations, "watch", lambda *_: ended(watched))
    monkeypatch.setattr(Operations, "service", lambda _: described[-1])
    happened = KINDS[kind].act(replace(setting(environment=environment), root=tmp_path, seen=SERVES))
    assert len(happened.problems) == (1 if problem else 0)
    assert all(problem in one for one in happened.problems)
    # AWS cannot be told, and need not be.
    told = ["slow-rollback --seconds 10\nnormal\n"] if environment is HERE else []
    assert [path.read_text() for path in tmp_path.iterdir()] == told


@pytest.mark.parametrize(
    ("shipped", "without", "baked", "problems"),
    [
        (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.ROLLED_BACK, ()),
        (Verdict.SUCCEEDED, Verdict.SUCCEEDED, Verdict.ROLLED_BACK, ("the verdict was succeeded, not failed",)),
        (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.SUCCEEDED, ("the verdict was succeeded, not rolled back",)),
        (Verdict.ROLLED_BACK, None, None, ("the verdict was rolled back, not succeeded",)),
    ],
)
def test_a_live_revision_whose_tasks_crash_is_never_green(
    monkeypatch: pytest.MonkeyPatch,
    shipped: Verdict,
    without: Verdict,
    baked: Verdict,
    problems: tuple[str, ...],
) -> None:
    fleets = [setting("a").before, setting().before]
    monkeypatch.setattr(Operations, "doomed_revision", lambda *_: nullcontext(NEW))
    monkeypatch.setattr(Operations, "deploy", lambda *_: ended(shipped))
    monkeypatch.setattr(Operations, "fleet", lambda _: fleets.pop())
    # Without a bake nothing is put back, and so nothing before it is given.
    judged = {("", 0.0): without, (OLD, kinds.BAKE): baked}
    monkeypatch.setattr(Operations, "judge", lambda _, previous, bake, *__: ended(judged[previous, bake]))
    assert KINDS["crash-loop"].act(replace(setting(), seen=SERVES)).problems == problems


@pytest.mark.parametrize(("left", "gone"), [("ab", set()), ("a", {"arn:task/c/1"})])
def test_whose_host_was_retired_has_to_be_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: str, gone: set[str]
) -> None:
    monkeypatch.setattr(Operations, "fleet", lambda _: setting(left).before)
    happened = KINDS["retired-host"].act(replace(setting(), root=tmp_path))
    assert (tmp_path / "told").read_text() == f"retired-host --service {SERVICE}\n"
    assert happened.gone == gone
    assert bool(happened.problems) is not bool(gone)


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
