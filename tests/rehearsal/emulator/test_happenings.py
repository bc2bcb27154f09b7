"""What can be told to happen: what is accepted, when it is due, and what ECS shows of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gitops.errors import GitopsError
from gitops.repository import Checkout
from rehearsal import cli, daemons
from rehearsal.emulator.ecs.stopping import HOSTS
from rehearsal.emulator.happenings import AWS_LATE, AWS_ROLLBACK, HAPPENINGS, KINDS, ROLLBACK, Happenings, Told
from rehearsal.happen import happen
from rehearsal.page import loopback
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.conftest import Tell
from tests.rehearsal.emulator.service import Service, lay


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        *((Told(kind), "") for kind in KINDS if kind not in HOSTS),
        (Told("stale-read", service="shop", times=3), ""),
        (Told("throttling", operation="DescribeServices"), ""),
        (Told("earthquake"), f"nothing of the kind 'earthquake' happens: {', '.join(KINDS)}"),
        (Told("throttling", service="shop"), "throttling takes no service"),
        (Told("normal", seconds=1), "normal takes no seconds"),
        (Told("stale-read", times=0), "stale-read happens once or more, not 0 times"),
        (Told("late-answers", seconds=-1), "late-answers lasts from 0 to 3600 seconds, not -1"),
        (Told("late-answers", seconds=float("nan")), "late-answers lasts from 0 to 3600 seconds, not nan"),
    ],
)
def test_what_is_told_is_accepted_or_refused_in_a_line(told: Told, problem: str) -> None:
    assert Happenings().tell(told) == problem


def test_it_is_due_where_it_is_told_and_as_often() -> None:
    due = Happenings()
    due.tell(Told("stale-read", service="shop", times=2))
    due.tell(Told("throttling", operation="StopTask"))
    assert not due.happens("stale-read", service="till")
    assert not due.happens("slow-list", service="shop")
    assert [due.happens("stale-read", service="shop") for _ in range(3)] == [True, True, False]
    assert not due.happens("throttling", operation="RunTask")
    assert due.happens("throttling", operation="StopTask")


def test_settings_hold_until_all_is_normal_again() -> None:
    due = Happenings(late=1.0)
    due.tell(Told("late-answers"))
    due.tell(Told("slow-rollback"))
    assert (due.late, due.rollback) == (AWS_LATE, AWS_ROLLBACK)
    due.tell(Told("late-answers", seconds=0))
    due.tell(Told("pull-failure"))
    assert due.late == 0
    due.tell(Told("normal"))
    assert (due.late, due.rollback) == (1.0, ROLLBACK)
    assert not due.happens("pull-failure")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"kind": "normal", "colour": 1}', b'{"kind": "earthquake"}'])
def test_what_cannot_be_read_is_a_problem_and_not_an_exception(body: bytes) -> None:
    status, _, answer = Happenings().answer("POST", body)
    assert status == 400
    assert json.loads(answer)["problem"]


@pytest.fixture(scope="module")
def service(account: Account) -> Iterator[Service]:
    laid = lay(account, "happening")
    laid.create(laid.register("v1"))
    yield laid
    laid.delete()


@pytest.mark.usefixtures("service", "tell")
def test_the_command_says_what_can_happen_and_what_is_due(tmp_path: Path) -> None:
    clone = Checkout(tmp_path)
    said: list[str] = []
    happen(clone, None, said.append)
    assert [line.split()[0] for line in said[: len(KINDS)]] == list(KINDS)
    assert said[-1] == "answers are 0 s late, a rollback shows for 1 s"
    happen(clone, Told("pull-failure", service="nobody", times=2), said.append)
    assert "due: pull-failure of nobody, 2 times" in said
    with pytest.raises(GitopsError, match="throttling takes no service → rehearsal happen"):
        happen(clone, Told("throttling", service="x"), said.append)
    with pytest.raises(GitopsError, match="0 tasks of nobody run, not 1"):
        happen(clone, Told("retired-host", service="nobody"), said.append)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["earthquake"], "error: nothing of the kind 'earthquake' happens: pull-failure, "),
        (["throttling", "--service", "x"], "error: throttling takes no service → rehearsal happen"),
        (["stale-read", "--times", "0"], "error: stale-read happens once or more, not 0 times → "),
        (["stale-read", "--service", "x"], "error: no rehearsal runs in this clone → make rehearse"),
        ([], "error: no rehearsal runs in this clone → make rehearse"),
    ],
)
def test_a_wrong_word_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "infra/environments").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["happen", *words]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(said)


def test_without_a_rehearsal_nothing_happens(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match="no rehearsal runs in this clone → make rehearse"):
        happen(Checkout(tmp_path), None, print)
    daemons.save(Checkout(tmp_path), daemons.State(port=1, runtime="processes"))
    with pytest.raises(GitopsError, match="the emulator does not answer: ConnectionError"):
        happen(Checkout(tmp_path), None, print)


def test_one_task_cannot_be_pulled_and_the_deployment_succeeds(service: Service, tell: Tell) -> None:
    """openreplay/openreplay#4076: a registry that throttles one pull is asked again by the next task."""
    tell(Told("pull-failure", service=service.name))
    identity = service.update(service.register("v2"))
    assert eventually(service.steady)
    assert service.deployments()[0]["id"] == identity
    [failed] = [task for task in service.tasks("STOPPED") if task["startedBy"] == identity]
    assert failed["stopCode"] == "TaskFailedToStart"
    assert failed["stoppedReason"].startswith(
        "CannotPullContainerError: pull image manifest has been retried 5 time(s)"
    )


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html
        (
            "retired-host",
            "TerminationNotice",
            "ECS is performing maintenance on the underlying infrastructure hosting the task.",
        ),
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
        ("spot-interruption", "SpotInterruption", "Your Spot Task was interrupted."),
    ],
)
def test_a_task_that_loses_its_host_is_replaced(
    service: Service, tell: Tell, kind: str, code: str, reason: str
) -> None:
    assert eventually(service.steady)
    [task] = service.tasks()
    tell(Told(kind, service=service.name))
    assert eventually(lambda: service.task(task["taskArn"])["lastStatus"] == "STOPPED")
    stopped = service.task(task["taskArn"])
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (code, reason)
    assert eventually(lambda: list(service.targets().values()) == ["healthy"])


def test_a_container_that_nobody_declared_fails_beside_a_task_that_runs(service: Service, tell: Tell) -> None:
    """https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html

    API_Task promises no order of containers: neither name nor place says which is the application's.
    """
    tell(Told("injected-container", service=service.name))
    service.update(service.register("v3"))
    assert eventually(service.steady)
    [task] = service.tasks()
    assert task["lastStatus"] == "RUNNING"
    containers = {container["name"].rpartition("-")[0]: container for container in task["containers"]}
    agent = containers["aws-guardduty-agent"]
    assert (agent["lastStatus"], agent.get("exitCode")) == ("STOPPED", None)
    assert agent["reason"].startswith("CannotPullContainerError")
    assert task["containers"] == service.task(task["taskArn"])["containers"]


def test_a_read_does_not_know_of_the_update_yet(service: Service, tell: Tell) -> None:
    """bugcrowd/ecs-deployment-monitor#2, kayac/ecspresso#28"""
    before = service.deployments()
    identity = service.update(service.register("v4"))
    tell(Told("stale-read", service=service.name, times=2))
    tell(Told("slow-list", service=service.name))
    assert [one["id"] for one in service.deployments()] == [one["id"] for one in before]
    assert service.described()["currentServiceDeployment"] != service.described()["currentServiceDeployment"]
    assert service.deployments()[0]["id"] == identity
    older, newer = service.listed()[0], service.listed()[0]
    assert older["createdAt"] < newer["createdAt"]
    assert eventually(service.steady)


def test_answers_can_be_late(service: Service, tell: Tell) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html"""
    tell(Told("late-answers", seconds=3600))
    first = service.listed()
    assert first == []
    before = service.deployments()
    service.update(service.register("v5"))
    revision = service.register("v5")
    identity = service.update(revision)
    spare = service.register("v6")
    service.ecs.deregister_task_definition(taskDefinition=spare)
    # Neither of the two updates shows.
    assert service.deployments() == before
    assert newest(service)[:2] == [spare, revision]
    page = service.ecs.list_task_definitions(familyPrefix=service.name, sort="DESC", maxResults=1)
    assert page["taskDefinitionArns"] == [spare]
    tell(Told("normal"))
    assert service.deployments()[0]["id"] == identity
    assert spare not in newest(service)
    assert eventually(service.steady)


def newest(service: Service) -> list[str]:
    """The ACTIVE revisions, the newest first."""
    return list(service.ecs.list_task_definitions(familyPrefix=service.name, sort="DESC")["taskDefinitionArns"])


def test_a_service_made_anew_is_not_described_as_the_one_before(account: Account, tell: Tell) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html (INACTIVE)"""
    laid = lay(account, "anew")
    laid.create(laid.register("v1"), count=0)
    laid.update(laid.register("v2"))
    tell(Told("late-answers", seconds=3600))
    assert laid.deployments()[0]["taskDefinition"].endswith(":1")
    laid.delete()
    assert laid.described()["status"] != "ACTIVE"
    laid.create(laid.register("v3"), count=0, steady=False)
    assert laid.deployments()[0]["taskDefinition"].endswith(":3")
    laid.delete()


def test_calls_are_throttled(service: Service, tell: Tell) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html"""
    tell(Told("throttling", operation="ListClusters"))
    service.described()
    with loopback() as session:
        headers = {"x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
        answer = session.post(service.account.url, headers=headers, data="{}", timeout=30)
    assert (answer.status_code, answer.json()["__type"]) == (400, "ThrottlingException")
    # Once was all; and AWS's own clients ask again.
    tell(Told("throttling", operation="ListClusters"))
    assert service.ecs.list_clusters()["clusterArns"]


def test_the_control_is_on_loopback_and_answers_in_json(service: Service) -> None:
    with loopback() as session:
        url = service.account.url + HAPPENINGS
        assert session.get(url, timeout=30).json() == {"due": [], "late": 0.0, "rollback": 1.0}
        body = msgspec.json.encode(Told("throttling", service="x"))
        answer = session.post(url, data=body, timeout=30)
    assert (answer.status_code, answer.json()) == (400, {"problem": "throttling takes no service"})
