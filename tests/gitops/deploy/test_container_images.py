"""The images of a task definition: there, proven, and for the processor that its tasks run on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import responses

from gitops.deploy import container_images
from gitops.deploy.release import Destination, Release
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import pack, source
from gitops.oci import sha256
from gitops.registry import Repository
from gitops.repository import Checkout
from gitops.supply import attestation
from gitops.taskdefs.render import IMAGE
from tests.gitops.deploy.described import StubbedSession

COMMIT = "a" * 40


def release(staging: Environment, digest: str = "") -> Release:
    """A release of app; nothing here asks for its checkout."""
    return Release(Destination(Checkout(Path()), staging, "app"), COMMIT, "Subject", digest)


ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ARM = {"runtimePlatform": {"cpuArchitecture": "ARM64"}}


def repository(session: StubbedSession) -> Repository:
    return Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")


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
    session: StubbedSession, staging: Environment, found: str | None, handed: str, problem: str | None, fix: str
) -> None:
    details = {"imageDetails": [{"imageDigest": found}] if found else []}
    asked = {"registryId": "1" * 12, "repositoryName": "demo/app", "imageIds": [{"imageTag": COMMIT}]}
    session.answers("ecr").add_response("describe_images", details, asked)
    digest, failures = container_images.digest(repository(session), release(staging, handed))
    assert digest == (found or "")
    assert [failure.problem for failure in failures] == ([problem] if problem else [])
    assert all(failure.fix.startswith(fix) for failure in failures)


@pytest.mark.parametrize(
    ("document", "made_for", "problem"),
    [
        ({}, ["linux/amd64"], None),
        ({"runtimePlatform": {"cpuArchitecture": "X86_64"}}, ["linux/amd64"], None),
        (ARM, ["linux/arm64"], None),
        (ARM, ["linux/amd64", "linux/arm64"], None),
        ({}, ["linux/arm64"], "the image is for linux/arm64, and runtimePlatform is X86_64"),
        (ARM, ["linux/amd64"], "the image is for linux/amd64, and runtimePlatform is ARM64"),
        ({}, ["windows/amd64", "linux/arm64"], "the image is for windows/amd64 and linux/arm64, and runtimePlatform"),
        ({}, [], "the image is for nothing, and runtimePlatform is X86_64"),
    ],
)
def test_fargates_processor_is_the_one_the_task_definition_asks_for(
    staging: Environment, document: dict[str, Any], made_for: list[str], problem: str | None
) -> None:
    found = container_images.fitting(lambda: made_for, document, staging)
    assert [str(one.problem).startswith(problem or "-") for one in found] == ([True] if problem else [])


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64")])
def test_on_this_machine_it_is_this_machines(staging: Environment, machine: str, architecture: str) -> None:
    here = msgspec.structs.replace(staging, aws_config_file="config")
    assert container_images.fitting(lambda: [f"linux/{architecture}"], {}, here, machine=machine) == []
    (failure,) = container_images.fitting(lambda: ["linux/s390x"], {}, here, machine=machine)
    assert failure.problem == f"the image is for linux/s390x, and this machine is {machine}"
    stage = source.final_stage('FROM scratch\nWORKDIR /app\nCMD ["app"]\n', {})
    packed = pack.config(stage, COMMIT, 0, "/app/site-packages", ONE)
    found = container_images.fitting(lambda: [f"{packed['os']}/{packed['architecture']}"], {}, here)
    assert found == [], "what pack builds here runs here"


def test_an_image_that_cannot_be_read_is_a_failure_and_not_the_end(staging: Environment) -> None:
    def unreadable() -> list[str]:
        raise GitopsError("the registry gave other bytes", fix="run it again")

    (failure,) = container_images.fitting(unreadable, {}, staging)
    assert (failure.problem, failure.fix) == ("the registry gave other bytes", "run it again")


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
    assert container_images.provenance(held, staging, COMMIT, ONE) == []
    monkeypatch.setattr(attestation, "problem", lambda *_: "gh says no")
    (failure,) = container_images.provenance(held, demanding, COMMIT, ONE)
    assert failure.problem.startswith("it is not proven that .github/workflows/ship.yml built sha256:1")
    assert failure.fix.startswith("ship the commit with the service workflow")
    refusing: Any = Held("the registry refused")
    (failure,) = container_images.provenance(refusing, demanding, COMMIT, ONE)
    assert (failure.problem, failure.fix) == ("the registry refused", "allow it")


SIDECAR = "111111111111.dkr.ecr.us-east-1.amazonaws.com/tools/agent"
LIST = json.dumps(
    {
        "manifests": [
            {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": "sha256:2", "platform": {"os": "unknown", "architecture": "unknown"}},
        ]
    }
).encode()


@pytest.mark.parametrize(
    ("image", "answer", "document", "told"),
    [
        (f"{SIDECAR}:1", LIST, {}, ""),
        (f"{SIDECAR}@{sha256(LIST)}", LIST, {}, ""),
        (f"{SIDECAR}:1", LIST, ARM, "the {} is for linux/amd64, and runtimePlatform is ARM64"),
        (f"{SIDECAR}:1", "ImageNotFoundException", {}, "there is no {}"),
        (f"{SIDECAR}:1", "RepositoryNotFoundException", {}, "there is no repository of the {}"),
        (f"{SIDECAR}:1", "AccessDeniedException", {}, "not verified: the {}: DescribeImages answered"),
        ("public.ecr.aws/xray/daemon:3", "", {}, "not verified: the {}: its registry is not Amazon ECR"),
        ("nginx", "", {}, "not verified: the {}: its registry is not Amazon ECR"),
        ("", "", {}, "not an image reference"),
    ],
)
def test_every_other_container_has_an_image_too(
    session: StubbedSession,
    staging: Environment,
    image: str,
    answer: bytes | str,
    document: dict[str, Any],
    told: str,
) -> None:
    """docs.aws.amazon.com/AmazonECR/latest/userguide/docker-push-multi-architecture-image.html: an image may be a list
    of one for each platform."""
    ecr = session.answers("ecr")
    ecr.add_client_error("describe_images", "ImageNotFoundException")
    if isinstance(answer, bytes):
        details = {"imageDetails": [{"imageDigest": sha256(answer)}]}
        ecr.add_response("describe_images", details)
        ecr.add_response("get_authorization_token", {"authorizationData": [{"authorizationToken": "YTpi"}]})
    elif answer:
        ecr.add_client_error("describe_images", answer)
    containers = [{"name": "agent", "image": image}, {"name": "app", "image": IMAGE}]
    asked: list[str] = []
    with responses.RequestsMock() as served:
        if isinstance(answer, bytes):
            served.get(f"https://{SIDECAR.replace('/', '/v2/', 1)}/manifests/{sha256(answer)}", body=answer)
        digest, (missing, *found) = container_images.look(
            repository(session),
            lambda region: asked.append(region) or session.client("ecr"),  # type: ignore[func-returns-value]
            release(staging),
            {**document, "containerDefinitions": containers},
        )
    assert digest == ""
    assert str(missing).startswith(f"demo/app has no image of commit {'a' * 12}")
    assert [str(one).startswith(told.format(f"image {image} of container agent")) for one in found] == [True] * bool(
        told
    )
    assert asked == (["us-east-1"] if SIDECAR in image else [])
