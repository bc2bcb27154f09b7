"""A bad commit of each kind: the right verdict, the right cause in the first line, and the old revision serving."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.emulator.account import eventually
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, SERVICE, a_secret
from tests.rehearsal.verdicts.bad import EXITS_AT_START, NEVER_HEALTHY, OUT_OF_MEMORY, UNHEALTHY_LATER, Bad
from tests.rehearsal.verdicts.shipped import Deployed, Shipped, shipped

ROLLED_BACK = 20
SECRET = f"/{SERVICE}/{ENVIRONMENT}/{a_secret()}"


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    with shipped(tmp_path_factory.mktemp("processes"), "processes") as found:
        # As on AWS, reads and lists lag behind by seconds: kayac/ecspresso#28, bugcrowd/ecs-deployment-monitor#2.
        code, output = found.clone.run("rehearsal", "happen", "late-answers")
        assert code == 0, output
        yield found


def require_old_serves(service: Shipped, deployed: Deployed, revisions: list[str]) -> None:
    """Nobody lost a page, the commit before serves, and its revision is the newest one."""
    assert set(deployed.answers) == {"200"}, deployed.answers
    # Few visits fall into a refusal, which takes two seconds.
    assert sum(deployed.answers.values()) >= 5

    def found() -> tuple[str, bool, list[str]]:
        live = service.clone.status()["services"][SERVICE]
        return live["commit"], live["running"] == live["desired"], service.revisions()

    # A list may be late by seconds.
    assert eventually(lambda: found() == (service.commit, True, revisions)), found()


def require_rolled_back(service: Shipped, bad: Bad) -> Deployed:
    revisions = service.revisions()
    with service.broken(bad) as commit:
        deployed = service.deploy(commit, *bad.words, told=bad.watch(service.clone.path))
    assert deployed.code == ROLLED_BACK, deployed.output
    assert deployed.headline.startswith(f"rolled back: {bad.cause}"), deployed.output
    report = deployed.output[deployed.output.index("\nrolled back: ") :]
    assert f"{commit[:7]} {bad.subject}" in report
    assert f"{service.commit[:12]}@sha256:" in report
    assert f"next: {service.commit[:12]} serves again" in report
    annotation = next(line for line in deployed.output.splitlines() if line.startswith("::error "))
    assert bad.cause in annotation
    assert "verdict=rolled back\n" in deployed.outputs
    require_old_serves(service, deployed, revisions)
    return deployed


def test_one_that_exits_at_start(processes: Shipped) -> None:
    key = processes.clone.session().client("ssm").get_parameter(Name=SECRET, WithDecryption=True)
    deployed = require_rolled_back(processes, EXITS_AT_START)
    assert "no barometer for token=•••" in deployed.headline
    assert "3 of 3 failures" in deployed.summary
    for text in (deployed.output, deployed.summary):
        assert key["Parameter"]["Value"] not in text


def test_one_that_never_becomes_healthy(processes: Shipped) -> None:
    deployed = require_rolled_back(processes, NEVER_HEALTHY)
    assert deployed.headline.endswith("Health checks failed with these codes: [503]")


def test_one_that_becomes_unhealthy_after_it_was_deployed(processes: Shipped) -> None:
    deployed = require_rolled_back(processes, UNHEALTHY_LATER)
    assert deployed.headline.endswith("Health checks failed with these codes: [503]")
    assert "it was complete and did not last" in deployed.summary


def test_one_without_an_image_is_refused_before_anything_is_registered(processes: Shipped) -> None:
    revisions = processes.revisions()
    commit = processes.clone.commit("Nobody built this")
    deployed = processes.deploy(commit)
    assert deployed.code == 1
    assert f"has no image of commit {commit[:12]}" in deployed.output
    assert f"gitops build {SERVICE} {ENVIRONMENT}" in deployed.output
    require_old_serves(processes, deployed, revisions)


@contextmanager
def nobody_may_read_the_secret(service: Shipped) -> Iterator[None]:
    """The execution role loses its permission, and the breaker is off: nothing but gitops ends such a deployment."""
    session = service.clone.session()
    iam, ecs = session.client("iam"), session.client("ecs")
    role, policy = f"{SERVICE}-{ENVIRONMENT}-execution", "start-tasks"
    document: Any = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    kept = [one for one in document["Statement"] if one["Sid"] != "ReadTheServicesSecrets"]
    assert len(kept) < len(document["Statement"])

    def change(statements: list[Any], *, breaker: bool) -> None:
        iam.put_role_policy(
            RoleName=role, PolicyName=policy, PolicyDocument=json.dumps({**document, "Statement": statements})
        )
        ecs.update_service(
            cluster=HERE.cluster,
            service=SERVICE,
            deploymentConfiguration={
                "minimumHealthyPercent": 100,
                "maximumPercent": 200,
                "deploymentCircuitBreaker": {"enable": breaker, "rollback": breaker},
            },
        )

    change(kept, breaker=False)
    try:
        yield
    finally:
        change(document["Statement"], breaker=True)


def test_a_cause_that_no_try_heals_ends_the_wait_at_once(processes: Shipped) -> None:
    revisions = processes.revisions()
    commit = processes.clone.commit("Nothing wrong with this one")
    processes.build(commit)
    with nobody_may_read_the_secret(processes):
        deployed = processes.deploy(commit)
    assert deployed.code == ROLLED_BACK, deployed.output
    assert deployed.headline.startswith("rolled back: ResourceInitializationError: ")
    assert "AccessDeniedException" in deployed.headline
    assert "ECS was told to stop the deployment and roll back" in deployed.summary
    require_old_serves(processes, deployed, revisions)


def test_one_that_needs_more_memory_than_its_task_has(tmp_path: Path) -> None:
    with shipped(tmp_path, "containers") as containers:
        require_rolled_back(containers, OUT_OF_MEMORY)
