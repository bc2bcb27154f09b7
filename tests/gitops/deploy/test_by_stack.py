"""A first image that does not start: the stack fails on its ECS service, and apply ends as a deploy does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gitops.cloudformation import StackEvent
from gitops.deploy.by_stack import ECS_SERVICE, Witness, begun, is_to_blame, verdict
from gitops.deploy.decision import Verdict
from gitops.ecs import Ecs
from gitops.ecs_answers import Deployment, Observation, Task
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks.order import Unit
from tests.gitops.conftest import Gitops, commit, write
from tests.gitops.deploy.conftest import GOOD, Cloud, change
from tests.gitops.deploy.described import NEW, OLD, Acted, Recorder, described_task, old, ours

BAD = "import sys\nprint('no table for the tides', flush=True)\nsys.exit(3)\n"
TEMPLATE = """\
Parameters:
  Environment: {Type: String}
  Service: {Type: String}
  ServiceEnabled: {Type: String}
Conditions:
  HasService: !Equals [!Ref ServiceEnabled, "true"]
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "${Service}-${Environment}"}}
  EcsService:
    Type: AWS::ECS::Service
    Condition: HasService
    Properties:
      ServiceName: !Ref Service
      Cluster: demo-rehearsal
      TaskDefinition: !Sub ${Service}-${Environment}
      LaunchType: FARGATE
      DeploymentConfiguration: {DeploymentCircuitBreaker: {Enable: true, Rollback: true}}
      NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [subnet-1]}}
"""


def test_a_bad_first_image_is_named_as_by_a_deploy_and_its_revision_retired(
    gitops: Gitops, cloud: Cloud, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aws/copilot-cli#5296: CloudFormation says that the breaker was triggered, and nothing of why."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(clone / "summary"))
    monkeypatch.setenv("VALUE", "secret")
    write(clone / "infra/cloudformation/service.yaml", TEMPLATE)
    write(clone / "services/app/main.py", BAD)
    first = commit(clone, "Forget the tides")
    assert gitops("secret", "put", "app", "rehearsal", "API_KEY", "--from-env", "VALUE").code == 0
    assert gitops("build", "app", "rehearsal").code == 0
    assert gitops("register", "app", "rehearsal").code == 0

    ran = gitops("apply", "rehearsal")
    assert ran.code == 1, ran.out
    assert "EcsService (AWS::ECS::Service) CREATE_FAILED: Resource handler returned message" in ran.err
    headline = "failed: app exited with code 3 in "
    assert headline in ran.err
    report = ran.out[ran.out.index(f"\n{headline}") + 1 :]
    assert "no table for the tides" in report.splitlines()[0]
    assert f"{first[:12]} Forget the tides" in report
    assert "ECS Deployment Circuit Breaker was triggered" in report
    assert "stopped tasks" in report
    assert "last lines of app in task" in report
    assert "app-rehearsal:1 was deregistered, so a stack update cannot bring it back" in report
    assert headline in (clone / "summary").read_text().replace("&#58;", ":")
    assert cloud.client("ecs").list_task_definitions(familyPrefix="app-rehearsal")["taskDefinitionArns"] == []
    [stack] = cloud.client("cloudformation").describe_stacks(StackName="demo-rehearsal-service-app")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"

    change(clone, GOOD, "Remember the tides")
    assert gitops("build", "app", "rehearsal").code == 0
    assert gitops("register", "app", "rehearsal").code == 0
    again = gitops("apply", "rehearsal")
    assert again.code == 0, again.out + again.err

    # A change of the stack rolls to the newest revision, and so does its way back, unless that is retired by then.
    change(clone, BAD, "Forget them again")
    assert gitops("build", "app", "rehearsal").code == 0
    assert gitops("register", "app", "rehearsal").code == 0
    write(clone / "infra/cloudformation/service.yaml", f"{TEMPLATE}      EnableExecuteCommand: false\n")
    worse = gitops("apply", "rehearsal")
    assert worse.code == 1
    assert "app exited with code 3 in " in worse.err
    [stack] = cloud.client("cloudformation").describe_stacks(StackName="demo-rehearsal-service-app")["Stacks"]
    failed = stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert (
        "aws cloudformation continue-update-rollback --stack-name demo-rehearsal-service-app" in worse.err
    ) is failed


def deployment(name: str, revision: str, day: int, running: int = 0) -> Deployment:
    made = datetime(2026, 1, day, tzinfo=UTC)
    return Deployment(name, "PRIMARY", revision, made, "IN_PROGRESS", desired=2, running=running)


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        # As the stack's rollback has left it: the service is gone, its tasks are not.
        (None, "ecs-svc/9"),
        # Rolled back within ECS: the failing one is no longer the primary one.
        ([deployment("ecs-svc/1", OLD, 1), deployment("ecs-svc/2", NEW, 2)], "ecs-svc/2"),
        ([deployment("ecs-svc/2", NEW, 2), deployment("ecs-svc/3", NEW, 3)], "ecs-svc/3"),
        ([deployment("ecs-svc/1", OLD, 1)], "ecs-svc/9"),
    ],
)
def test_the_deployment_that_the_stack_began(deployments: list[Deployment] | None, expected: str) -> None:
    stopped = [Task("t1", OLD, "ecs-svc/1"), Task("t2", NEW, ""), Task("t3", NEW, "ecs-svc/9")]
    seen = Observation("ACTIVE", 1, tuple(deployments)) if deployments is not None else None
    assert begun(seen, stopped, NEW).deployment_id == expected
    assert begun(None, [], NEW).deployment_id == ""


@pytest.mark.parametrize(
    ("code", "reason", "blamed"),
    [
        ("EssentialContainerExited", "Essential container in task exited", True),
        ("TaskFailedToStart", "CannotPullContainerError: x", True),
        ("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)", True),
        # API_Task.html: the service was deleted, a host retired, a person stopped it.
        ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", False),
        ("TerminationNotice", "Your Spot Task was interrupted.", False),
        ("InfrastructureHealth", "Task stopped because the underlying host is unhealthy", False),
        ("UserInitiated", "Task stopped by user", False),
        ("", "", False),
    ],
)
def test_a_revision_is_to_blame_for_its_own_faults_only(code: str, reason: str, blamed: bool) -> None:
    task = Task("t1", NEW, "ecs-svc/1", stop_code=code, reason=reason)
    assert is_to_blame([task], NEW) is blamed
    assert not is_to_blame([task], OLD)


@pytest.mark.parametrize(
    ("serving", "expected"),
    [
        (None, Verdict.FAILED),
        (deployment("ecs-svc/1", OLD, 1, running=2), Verdict.ROLLED_BACK),
        (deployment("ecs-svc/1", OLD, 1, running=1), Verdict.FAILED),
        (deployment("ecs-svc/2", NEW, 2, running=2), Verdict.FAILED),
    ],
)
def test_rolled_back_is_what_is_seen_to_serve(serving: Deployment | None, expected: Verdict) -> None:
    seen = Observation("ACTIVE", 2, (serving,)) if serving else None
    assert verdict(seen, NEW) is expected


def test_what_cannot_be_asked_any_more_hides_no_cause(staging: Environment, repository: Path) -> None:
    acted = Acted([(0.0, (ours, old), "")], [(0.0, described_task())], tags={NEW: {}, OLD: {}})
    session: Any = acted
    ecs, clock = Ecs(session, "demo"), acted.time.clock
    known = {"checkout": Checkout(repository), "environment": staging, "session": session, "ecs": ecs, "clock": clock}
    access: Any = SimpleNamespace(**known)
    template: Any = None
    witness = Witness(access, Recorder())
    witness(
        Unit("service-app", "demo-staging-service-app", template, "app"),
        StackEvent("1", "EcsService", ECS_SERVICE, "CREATE_FAILED", "no reason"),
    )
    acted.refused = ("ListTasks", "DescribeServices")
    told = witness.explain(GitopsError("the stack failed"))
    assert told is not None
    assert told.headline == "failed: app exited with code 3 in 1 task"
    assert "app-staging:2 stays registered: ListTasks answered AccessDeniedException" in told.text
