"""Each drill, held for real on a clone's own rehearsal.

At a quarter of the usual rate: other tests run beside these, and what a starved machine loses is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gitops.drills.kinds import USUAL
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, SERVICE, Clone

RATE = "50"
# That this machine could not send in time says nothing of what was drilled: it is held again, so often at most.
TRIES = 3
BEHIND = re.compile(r"this machine was [\d.]+ s behind with sending")
ROW = re.compile(
    r"^(?P<drill>[a-z-]+)  +(?P<sent>[\d,]+)  +(?P<lost>[\d,]+)  +[\d,]+  +[\d.]+ ms  +\d+ ms  +(?P<recovered>[\d.]+) s"
    r"  (?P<result>\w+)",
    re.MULTILINE,
)


@pytest.fixture(scope="module", params=["processes", "containers"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    with clones.shipped(tmp_path_factory.mktemp("drills"), request.param) as (clone, _):
        yield clone


def drill(clone: Clone, *words: str) -> tuple[int, str, dict[str, re.Match[str]]]:
    """Exit code, everything printed, and the rows of the table by drill."""
    code, output = clone.run("gitops", "drill", ENVIRONMENT, *words)
    return code, output, {found["drill"]: found for found in ROW.finditer(output)}


def only_behind(name: str, output: str) -> bool:
    """Whether the one thing that a drill came to grief on is the sender of the requests."""
    problems = re.findall(rf"^(?:error: )?{name}: (.+)$", output, re.MULTILINE)
    return bool(problems) and all(BEHIND.match(problem) for problem in problems)


@pytest.mark.parametrize(
    ("problems", "again"),
    [
        ("error: roll: this machine was 1.2 s behind with sending: lower the rate → docs/drills.md", True),
        ("error: upstream: it did not recover within 30 s\nroll: this machine was 1.2 s behind with sending", True),
        ("error: roll: 3 of 400 requests were lost\nroll: this machine was 1.2 s behind with sending", False),
        ("error: upstream: this machine was 1.2 s behind with sending", False),
        ("", False),
    ],
)
def test_only_a_drill_that_lost_nothing_is_held_again(problems: str, again: bool) -> None:
    assert only_behind("roll", f"a table\n{problems}\n") is again


def test_every_drill_is_held_and_nothing_is_lost(running: Clone) -> None:
    drills = list(USUAL)
    if running.runtime == "containers":
        drills = ["roll", "stop-task"]
    for _ in range(TRIES):
        code, output, rows = drill(running, *(word for name in drills for word in ("--drill", name)), "--rate", RATE)
        assert list(rows) == drills, output
        again = [name for name in drills if only_behind(name, output)]
        for name in [name for name in drills if name not in again]:
            assert rows[name]["lost"] == "0", output
            assert rows[name]["result"] == "held", output
            # Two seconds of load before and after the failure at the least.
            assert int(rows[name]["sent"].replace(",", "")) > 4 * int(RATE)
        assert (code == 0) is (not again), output
        drills = again
        if not drills:
            return
    raise AssertionError(f"{TRIES} times, this machine was behind with {' and '.join(drills)}: {output}")


def test_a_live_revision_that_crashes_is_judged_and_put_back(running: Clone) -> None:
    if running.runtime == "containers":
        pytest.skip("what is judged is the same whatever runs the tasks")
    for _ in range(TRIES):
        code, output, rows = drill(running, "--drill", "crash-loop", "--rate", RATE)
        if not only_behind("crash-loop", output):
            break
    assert code == 0, output
    assert "live and crashing: failed; with a bake rolled back" in output
    assert f"{SERVICE}-drill exited with code 75" in output
    # Whatever was lost: where its tasks crash one after the other, nothing is.
    assert rows["crash-loop"]["result"] == "held", output


def test_nothing_of_a_drill_is_left(running: Clone) -> None:
    assert running.status()["services"][SERVICE]["revision"] == f"{HERE.family(SERVICE)}:1"
    ecs = running.session().client("ecs")
    for status in ("ACTIVE", "INACTIVE"):
        left = ecs.list_task_definitions(familyPrefix=f"{HERE.family(SERVICE)}-drill", status=status)
        assert left["taskDefinitionArns"] == []


def test_a_lost_request_fails_the_drill(running: Clone) -> None:
    if running.runtime == "containers":
        pytest.skip("what is lost is judged the same whatever runs the tasks")
    # This path says when the upstream fails, and so no cache holds it up.
    ready = HERE.rehearsal(SERVICE).ready
    code, output, rows = drill(running, "--drill", "upstream", "--rate", "10", "--path", ready)
    assert code == 1, output
    assert rows["upstream"]["result"] == "failed"
    assert 0 < int(rows["upstream"]["lost"]) < int(rows["upstream"]["sent"])
    assert "requests were lost" in output
    assert "status 503" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        # A page that is not there is no reason to stop a task.
        (["--drill", "stop-task", "--path", "/nowhere"], "status 404 before anything was done: nothing was touched"),
        (["--confirm", "staging"], "nothing was touched"),
    ],
)
def test_what_cannot_be_meant_touches_nothing(running: Clone, words: list[str], said: str) -> None:
    code, output, rows = drill(running, *words)
    assert code == 1, output
    assert said in output
    assert rows == {}
