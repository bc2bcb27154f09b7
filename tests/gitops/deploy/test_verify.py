"""All look-ups together: every failure at once, what nobody could look up, and what is waited for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gitops.clock import Clock
from gitops.deploy.references import Failure
from gitops.deploy.release import Destination, Release
from gitops.deploy.verify import Subject, Verified, verify, waited
from gitops.ecs import Ecs
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.registry import Repository
from gitops.repository import Checkout, Commit
from tests.gitops.conftest import commit
from tests.gitops.deploy.described import OLD, StubbedSession, run_on

COMMIT = "a" * 40
DOCUMENT: dict[str, Any] = {
    "networkMode": "awsvpc",
    "executionRoleArn": "arn:aws:iam::111111111111:role/app-staging-execution",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "${image}",
            "secrets": [
                {"name": "KEY", "valueFrom": "/app/staging/KEY"},
                {"name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-west-2:111111111111:secret:db-AbCdEf"},
            ],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "app-staging-logs"}},
        }
    ],
}


def nothing_is_there(session: StubbedSession, image: str = "ImageNotFoundException") -> None:
    session.answers("ecr").add_client_error("describe_images", image)
    session.answers("ssm").add_response("get_parameters", {"InvalidParameters": ["/app/staging/KEY"]})
    session.answers("secretsmanager").add_client_error("describe_secret", "ResourceNotFoundException")
    session.answers("logs").add_response("describe_log_groups", {"logGroups": []})
    session.answers("ecs").add_client_error("describe_services", "ClusterNotFoundException")
    session.answers("ecs").add_response("describe_clusters", {"clusters": []})


def run(session: StubbedSession, staging: Environment, **changed: Any) -> Verified:
    """Verify a release that is taken as it is: its files are not compared."""
    images = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
    ecs = Ecs(session, staging.cluster).service("app")  # type: ignore[arg-type]
    checkout = Checkout(Path.cwd())
    release = Release(Destination(checkout, staging, "app"), COMMIT, "Subject", rolled_back_from="app:1")
    subject = Subject(release, {**DOCUMENT, **changed}, Commit(checkout, COMMIT))
    return verify(images, subject, replace(run_on(session), service=ecs))


def test_in_an_empty_account_everything_is_named_at_once(session: StubbedSession, staging: Environment) -> None:
    nothing_is_there(session)
    session.answers("iam").add_client_error("get_role", "NoSuchEntity")
    verified = run(session, staging)
    failures = verified.failures
    assert (verified.digest, verified.unverified) == ("", ())
    assert all(failure.fix for failure in failures)
    assert [failure.problem for failure in failures] == [
        f"demo/app has no image of commit {COMMIT[:12]}",
        "the execution role app-staging-execution does not exist",
        "KEY of container app: there is no parameter /app/staging/KEY",
        "DB of container app: there is no secret arn:aws:secretsmanager:eu-west-2:111111111111:secret:db-AbCdEf",
        "there is no log group app-staging-logs in eu-west-2",
        "there is no cluster demo-staging",
    ]
    # What an apply brings: the cluster, the roles and the log group, and nothing else.
    coming = [failure.fix.split()[-1] for failure in failures if failure.coming]
    assert coming == ["service-app", "service-app", "platform"]


def test_a_refused_look_up_is_a_failure_beside_the_others(session: StubbedSession, staging: Environment) -> None:
    nothing_is_there(session, image="AccessDeniedException")
    session.answers("iam").add_client_error("get_role", "AccessDenied", "not authorized to perform: iam:GetRole")
    failures = run(session, staging).failures
    assert [failure.problem for failure in failures[:2]] == [
        "DescribeImages was refused: ",
        "GetRole was refused: not authorized to perform: iam:GetRole",
    ]
    assert len(failures) == 6


def test_an_error_that_is_no_refusal_is_raised(session: StubbedSession, staging: Environment) -> None:
    nothing_is_there(session)
    session.answers("iam").add_client_error("get_role", "ServiceFailure")
    with pytest.raises(ClientError, match="ServiceFailure"):
        run(session, staging)


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        # Answered to UpdateService, once the revision is registered: boto/boto3#1936.
        (
            {"deploymentController": {"type": "CODE_DEPLOY"}},
            "is deployed by CODE_DEPLOY",
        ),
        ({"deploymentController": {"type": "EXTERNAL"}}, "is deployed by EXTERNAL"),
        ({"status": "DRAINING"}, "is DRAINING"),
        (
            {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
            "has the strategy BLUE_GREEN",
        ),
        # API_Deployment.html, rolloutState: none is returned there.
        ({"loadBalancers": [{"loadBalancerName": "classic"}]}, "tells no rollout state"),
    ],
)
def test_a_service_that_cannot_be_rolled_is_refused_with_all_the_rest(
    session: StubbedSession, staging: Environment, service: dict[str, Any], problem: str
) -> None:
    session.answers("ecr").add_client_error("describe_images", "ImageNotFoundException")
    session.answers("ecs").add_response("describe_services", {"services": [{"status": "ACTIVE", **service}]})
    session.answers("ecs").add_response("describe_clusters", {"clusters": [{"status": "ACTIVE"}]})
    found = run(session, staging, executionRoleArn="", containerDefinitions=[]).failures
    assert [one.problem.startswith(f"the ECS service app in staging {problem}") for one in found][:3] == [
        False,
        False,
        True,
    ]


def test_what_an_invalid_document_refers_to_is_not_asked(
    session: StubbedSession, staging: Environment, repository: Path
) -> None:
    checkout = Checkout(repository)
    release = Release(Destination(checkout, staging, "app"), commit(repository, "one"), "one")
    document = {**DOCUMENT, "containerDefinitions": [{"secrets": [{"name": "KEY"}], "logConfiguration": "awslogs"}]}
    images = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
    found = verify(images, Subject(release, document, Commit(checkout, release.commit)), run_on(session))
    assert {failure.fix for failure in found.failures} == {"correct that, and ship the commit that does"}
    assert (found.digest, any("valueFrom" in failure.problem for failure in found.failures)) == ("", True)


def test_a_newer_commit_that_serves_ends_it(session: StubbedSession, staging: Environment, repository: Path) -> None:
    older = commit(repository, "one")
    (repository / "two").touch()
    newer = commit(repository, "two")
    session.answers("ecr").add_client_error("describe_images", "ImageNotFoundException")
    live = {"status": "ACTIVE", "taskDefinition": OLD, "deployments": []}
    session.answers("ecs").add_response("describe_services", {"services": [live]})
    tags = [{"key": "Commit", "value": newer}]
    answer = {"taskDefinition": {"taskDefinitionArn": OLD}, "tags": tags}
    session.answers("ecs").add_response("describe_task_definition", answer)
    checkout = Checkout(repository)
    release = Release(Destination(checkout, staging, "app"), older, "one", rolled_back_from="app:1")
    images = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
    with pytest.raises(GitopsError, match="is older than"):
        verify(images, Subject(release, {}, Commit(checkout, older)), run_on(session))


ROLE = Failure("no role", "gitops apply", coming=True)
GROUP = Failure("no log group", "gitops apply", coming=True)
SECRET = Failure("no secret", "gitops secret put")


@pytest.mark.parametrize(
    ("finds", "patience", "ends_with", "looks"),
    [
        pytest.param([[]], 600, [], 1, id="all is there"),
        pytest.param([[ROLE], []], 0, [ROLE], 1, id="no patience"),
        pytest.param([[ROLE, GROUP], [ROLE, GROUP], [GROUP], []], 600, [], 4, id="it comes"),
        pytest.param([[SECRET, ROLE], []], 600, [SECRET, ROLE], 1, id="something else is missing as well"),
        pytest.param([[ROLE], [SECRET], []], 600, [SECRET], 2, id="something else is missing afterwards"),
    ],
)
def test_what_is_waited_for(finds: list[list[Failure]], patience: float, ends_with: list[Failure], looks: int) -> None:
    answers = iter(finds)
    with StubbedSession() as session:
        run = replace(run_on(session, passing([0.0])), patience=patience)
        found = waited(lambda: Verified("sha256:1", tuple(next(answers))), "the stack", run)
    assert found == Verified("sha256:1", tuple(ends_with))
    assert len(list(answers)) == len(finds) - looks


def passing(now: list[float]) -> Clock:
    """A clock on which only sleep takes time; ``now`` holds what it shows."""
    return Clock(now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))


def test_after_its_patience_it_tells_what_is_missing_then(session: StubbedSession) -> None:
    now, said = [0.0], list[str]()
    run = replace(run_on(session, passing(now)), say=said.append, patience=50)
    found = waited(lambda: Verified("", (ROLE, GROUP) if now[0] < 30 else (GROUP,)), "the stack x", run)
    assert found.failures == (GROUP,)
    assert now[0] >= 50
    assert said[0] == "waiting for the stack x: 0 of at most 50 s"
