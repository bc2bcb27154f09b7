"""What happens on AWS, and what a deploy, a rollback and a re-run make of it, while somebody reads the page.

The tests of this module run in order on one rehearsal; the last has one of its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.emulators import free_ports
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, SERVICE
from tests.rehearsal.verdicts.bad import COME, CRASHES_LATER, EXITS_AT_START
from tests.rehearsal.verdicts.shipped import Shipped, shipped

ROLLED_BACK = 20
IN_THE_BAKE = "complete; watched for"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    with shipped(tmp_path_factory.mktemp("happenings"), "processes") as found:
        yield found


def happen(service: Shipped, kind: str, *words: str) -> str:
    code, output = service.clone.run("rehearsal", "happen", *([kind, *words] if kind else []))
    assert code == 0, output
    return output


def once(line: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Do something at the first line that has this in it."""
    done: list[object] = []

    def told(said: str) -> None:
        if line in said and not done:
            done.append(act())

    return told


def serves(service: Shipped) -> str:
    """The commit that every wanted task runs."""
    live = service.clone.status()["services"][SERVICE]
    assert live["running"] == live["desired"], live
    return str(live["commit"])


@pytest.mark.parametrize(
    ("kind", "words", "when"),
    [
        # kayac/ecspresso#28, bugcrowd/ecs-deployment-monitor#2
        ("stale-read", ["--times", "3"], ""),
        # openreplay/openreplay#4076: one of two tasks, and another is started for it.
        ("pull-failure", [], ""),
        # Names and ends of containers: https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html
        ("injected-container", ["--times", "2"], ""),
        # DefangLabs/defang#1581
        ("retired-host", [], IN_THE_BAKE),
    ],
)
def test_a_good_deploy_succeeds_whatever_happens(service: Shipped, kind: str, words: list[str], when: str) -> None:
    revisions = service.revisions()
    commit = service.clone.commit(f"Nothing is wrong with this one: {kind}")
    service.build(commit)

    def told() -> None:
        happen(service, kind, "--service", SERVICE, *words)

    if not when:
        told()
    bake, heard = ("15", once(when, told)) if when else ("0", lambda _: None)
    deployed = service.deploy(commit, "--bake", bake, told=heard)
    assert deployed.code == 0, deployed.output
    assert set(deployed.answers) == {"200"}, deployed.answers
    assert "aws-guardduty-agent" not in deployed.output + deployed.summary
    assert serves(service) == commit
    # It is the newest, and nothing was deregistered on one read.
    assert service.revisions()[:-1] == revisions
    assert f"due: {kind}" not in happen(service, "")
    happen(service, "normal")


def test_a_container_that_nobody_declared_is_not_the_cause_of_a_bad_commit(service: Shipped) -> None:
    before, revisions = serves(service), service.revisions()
    happen(service, "injected-container", "--service", SERVICE, "--times", "3")
    with service.broken(EXITS_AT_START) as commit:
        deployed = service.deploy(commit)
    happen(service, "normal")
    assert deployed.code == ROLLED_BACK, deployed.output
    assert deployed.headline.startswith(f"rolled back: {EXITS_AT_START.cause}"), deployed.output
    assert set(deployed.answers) == {"200"}, deployed.answers
    assert (serves(service), service.revisions()) == (before, revisions)


@pytest.mark.parametrize(
    "pressed",
    [["rollback", SERVICE, ENVIRONMENT], ["deploy", SERVICE, ENVIRONMENT, "--commit"]],
    ids=["rollback", "again"],
)
def test_while_ecs_rolls_back_nothing_goes_back_further_or_starts_again(service: Shipped, pressed: list[str]) -> None:
    before, revisions = serves(service), service.revisions()
    running: list[subprocess.Popen[str]] = []
    happen(service, "slow-rollback", "--seconds", "25")
    with service.broken(EXITS_AT_START) as commit:
        words = [*pressed, commit] if pressed[0] == "deploy" else pressed
        deployed = service.deploy(
            commit, told=once("rolling back", lambda: running.append(service.clone.start("gitops", *words)))
        )
        assert running, deployed.output
        output, _ = running[0].communicate(timeout=300)
    happen(service, "normal")
    assert deployed.code == ROLLED_BACK, deployed.output
    # What was asked for by hand is what ECS does already; a re-run waits for the end and says what it was.
    assert running[0].returncode == (0 if pressed[0] == "rollback" else ROLLED_BACK), output
    assert set(deployed.answers) == {"200"}, deployed.answers
    assert (serves(service), service.revisions()) == (before, revisions)


def test_a_live_commit_whose_tasks_crash_is_never_green_again(service: Shipped) -> None:
    """aws-actions/amazon-ecs-deploy-task-definition#494: RUNNING at every other look, SUCCESSFUL for ever."""
    come = service.clone.path / COME
    CRASHES_LATER.change(service.clone.path)
    commit = service.clone.commit(CRASHES_LATER.subject)
    service.build(commit)
    assert service.deploy(commit, "--bake", "0").code == 0
    come.touch()
    try:
        for bake in ("0", "30"):
            deployed = service.deploy(commit, "--bake", bake, "--timeout", "30")
            assert deployed.code != 0, deployed.output
            assert "exited with code 3" in deployed.output, deployed.output
    finally:
        come.unlink()


def test_the_first_image_of_an_environment_fails_in_its_stack_and_the_next_commit_serves(tmp_path: Path) -> None:
    """aws/copilot-cli#5296: the stack says "ECS Deployment Circuit Breaker was triggered", and no more."""
    clone = clones.make(tmp_path / "fairweather", free_ports(), "processes")
    EXITS_AT_START.change(clone.path)
    bad = clone.commit(EXITS_AT_START.subject)
    try:
        code, output = clone.ship()
        # What `make drill DRILL=first-image` shows.
        print(output)
        assert code != 0, output
        assert EXITS_AT_START.cause in output
        assert "no barometer for token=•••" in output
        assert "Traceback" not in output
        # Nothing that a later stack update would roll to.
        ecs = clone.session().client("ecs")
        active = ecs.list_task_definitions(familyPrefix=HERE.family(SERVICE), status="ACTIVE")["taskDefinitionArns"]
        assert active == []
        assert clone.status()["services"][SERVICE]["state"] == "missing"

        clone.git("revert", "--no-edit", bad)
        code, output = clone.ship()
        assert code == 0, output
        assert clone.status()["services"][SERVICE]["commit"] == clone.git("rev-parse", "HEAD").strip()
    finally:
        clone.run("rehearsal", "stop")
