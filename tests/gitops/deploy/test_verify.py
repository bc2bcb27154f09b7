"""The image and all look-ups together: every failure at once, and what is waited for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from gitops.clock import Clock
from gitops.deploy import verify as image
from gitops.deploy.references import Failure
from gitops.deploy.release import Destination, Release
from gitops.deploy.verify import Subject, verify, waited
from gitops.ecs import Ecs
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import pack, source
from gitops.registry import Repository
from gitops.repository import Checkout
from gitops.supply import attestation
from tests.gitops.deploy.described import StubbedSession, run_on

COMMIT = "a" * 40
DOCUMENT: dict[str, Any] = {
    "networkMode": "awsvpc",
    "executionRoleArn": "arn:aws:iam::111111111111:role/app-staging-execution",
    "containerDefinitions": [
        {
            "name": "app",
            "secrets": [
                {"name": "KEY", "valueFrom": "/app/staging/KEY"},
                {"name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-west-2:111111111111:secret:db-AbCdEf"},
            ],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "app-staging-logs"}},
        }
    ],
}


def nothing_is_there(session: StubbedSession) -> None:
    session.answers("ecr").add_client_error("describe_images", "ImageNotFoundException")
    session.answers("ssm").add_response("get_parameters", {"InvalidParameters": ["/app/staging/KEY"]})
    session.answers("secretsmanager").add_client_error("describe_secret", "ResourceNotFoundException")
    session.answers("logs").add_response("describe_log_groups", {"logGroups": []})
    session.answers("ecs").add_response("describe_clusters", {"clusters": []})
    session.answers("ecs").add_client_error("describe_services", "ClusterNotFoundException")


def release(staging: Environment, digest: str = "") -> Release:
    """A release of app; nothing here asks for its checkout."""
    return Release(Destination(Checkout(Path()), staging, "app"), COMMIT, "Subject", digest)


def run(session: StubbedSession, staging: Environment) -> tuple[str, list[Failure]]:
    images = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
    ecs = Ecs(session, staging.cluster).service("app")  # type: ignore[arg-type]
    return verify(images, Subject(release(staging), DOCUMENT), replace(run_on(session), service=ecs))


def test_in_an_empty_account_everything_is_named_at_once(session: StubbedSession, staging: Environment) -> None:
    nothing_is_there(session)
    session.answers("iam").add_client_error("get_role", "NoSuchEntity")
    digest, failures = run(session, staging)
    assert digest == ""
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
    nothing_is_there(session)
    session.answers("iam").add_client_error("get_role", "AccessDenied", "not authorized to perform: iam:GetRole")
    _, failures = run(session, staging)
    assert failures[1].problem == "GetRole was refused: not authorized to perform: iam:GetRole"
    assert len(failures) == 6


def test_an_error_that_is_no_refusal_is_raised(session: StubbedSession, staging: Environment) -> None:
    session.answers("ecr").add_client_error("describe_images", "ImageNotFoundException")
    session.answers("iam").add_client_error("get_role", "ServiceFailure")
    with pytest.raises(ClientError):
        run(session, staging)


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
        found = waited(lambda: ("sha256:1", next(answers)), "the stack", patience, run_on(session, passing([0.0])))
    assert found == ("sha256:1", ends_with)
    assert len(list(answers)) == len(finds) - looks


def passing(now: list[float]) -> Clock:
    """A clock on which only sleep takes time; ``now`` holds what it shows."""
    return Clock(now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))


def test_after_its_patience_it_tells_what_is_missing_then(session: StubbedSession) -> None:
    now, said = [0.0], list[str]()
    run = replace(run_on(session, passing(now)), say=said.append)
    found = waited(lambda: ("sha256:1", [ROLE, GROUP] if now[0] < 30 else [GROUP]), "the stack x", 50, run)
    assert found == ("sha256:1", [GROUP])
    assert now[0] >= 50
    assert said[0] == "waiting for the stack x: 0 of at most 50 s"


ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ARM = {"runtimePlatform": {"cpuArchitecture": "ARM64"}}


@dataclass
class Registry:
    """As much of a repository as these look-ups ask."""

    found: str | None
    name: str = "demo/app"

    def digest(self, tag: str) -> str | None:
        assert tag == COMMIT
        return self.found


@pytest.mark.parametrize(
    ("found", "handed", "problem", "fix"),
    [
        (ONE, "", None, ""),
        (ONE, ONE, None, ""),
        (None, "", f"demo/app has no image of commit {'a' * 12}", f"gitops build app staging --commit {COMMIT}"),
        (None, ONE, f"demo/app has no image of commit {'a' * 12}", f"gitops build app staging --commit {COMMIT}"),
        (ONE, OTHER, f"the image of commit {'a' * 12} is {ONE}, and {OTHER} was to be deployed", "find out who"),
    ],
)
def test_the_image_of_a_commit(
    staging: Environment, found: str | None, handed: str, problem: str | None, fix: str
) -> None:
    repository: Any = Registry(found)
    digest, failures = image.digest(repository, release(staging, handed))
    assert digest == (found or "")
    assert [failure.problem for failure in failures] == ([problem] if problem else [])
    assert all(failure.fix.startswith(fix) for failure in failures)


@pytest.mark.parametrize(
    ("document", "system", "architecture", "problem"),
    [
        ({}, "linux", "amd64", None),
        ({"runtimePlatform": {"cpuArchitecture": "X86_64"}}, "linux", "amd64", None),
        (ARM, "linux", "arm64", None),
        ({}, "linux", "arm64", "the image is for linux/arm64, and runtimePlatform is X86_64"),
        (ARM, "linux", "amd64", "the image is for linux/amd64, and runtimePlatform is ARM64"),
        ({}, "windows", "amd64", "the image is for windows/amd64, and runtimePlatform is X86_64"),
        ({}, "", "", "the image is for no system/no architecture, and runtimePlatform is X86_64"),
    ],
)
def test_fargates_processor_is_the_one_the_task_definition_asks_for(
    staging: Environment, document: dict[str, Any], system: str, architecture: str, problem: str | None
) -> None:
    found = image.architecture(lambda: {"os": system, "architecture": architecture}, document, staging)
    assert [failure.problem for failure in found] == ([problem] if problem else [])


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64")])
def test_on_this_machine_it_is_this_machines(staging: Environment, machine: str, architecture: str) -> None:
    here = msgspec.structs.replace(staging, aws_config_file="config")
    assert image.architecture(lambda: {"os": "linux", "architecture": architecture}, {}, here, machine) == []
    (failure,) = image.architecture(lambda: {"os": "linux", "architecture": "s390x"}, {}, here, machine)
    assert failure.problem == f"the image is for linux/s390x, and this machine is {machine}"
    stage = source.final_stage('FROM scratch\nWORKDIR /app\nCMD ["app"]\n', {})
    packed = pack.config(stage, COMMIT, 0, "/app/site-packages", ONE)
    assert image.architecture(lambda: packed, {}, here) == [], "what pack builds here runs here"


def test_an_image_that_cannot_be_read_is_a_failure_and_not_the_end(staging: Environment) -> None:
    def unreadable() -> dict[str, Any]:
        raise GitopsError("it is not one image but a list of them", fix="build for one platform")

    (failure,) = image.architecture(unreadable, {}, staging)
    assert (failure.problem, failure.fix) == ("it is not one image but a list of them", "build for one platform")


def test_where_it_was_built_is_asked_of_its_manifest(staging: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    class Held:
        def __init__(self, refused: str = "") -> None:
            self.protocol = self
            self.refused = refused

        def manifest(self, digest: str) -> bytes:
            if self.refused:
                raise GitopsError(self.refused, fix="allow it")
            return b"{}"

    demanding = msgspec.structs.replace(staging, requires=["provenance"])
    held: Any = Held()
    assert image.provenance(held, staging, COMMIT, ONE) == []
    monkeypatch.setattr(attestation, "problem", lambda *_: "gh says no")
    (failure,) = image.provenance(held, demanding, COMMIT, ONE)
    assert failure.problem.startswith("it is not proven that .github/workflows/ship.yml built sha256:1")
    assert failure.fix.startswith("ship the commit with the service workflow")
    refusing: Any = Held("the registry refused")
    (failure,) = image.provenance(refusing, demanding, COMMIT, ONE)
    assert (failure.problem, failure.fix) == ("the registry refused", "allow it")
