"""destroy against the emulator: confirmed, finished after an interruption, and verified."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from gitops.stacks import removing
from gitops.stacks.waiting import Clock
from gitops.verbs import destroy
from tests.gitops.stacks.conftest import NETWORK, Ran, Repository, write_environment

Gitops = Callable[..., Ran]
LABELS = ("bootstrap", "network", "service-web")


@pytest.fixture
def full(repository: Repository, gitops: Gitops) -> Repository:
    """An environment with everything that stands in the way of removing it."""
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    assert gitops("apply", repository.name).code == 0
    bucket = f"{repository.name}-logs"
    s3 = repository.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a/log", Body=b"1")
    s3.put_object(Bucket=bucket, Key="a/log", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="a/log")
    repository.client("ssm").put_parameter(Name=f"/web/{repository.name}/KEY", Value="v", Type="SecureString")
    for command in ("one", "two"):
        repository.client("ecs").register_task_definition(
            family=f"web-{repository.name}",
            containerDefinitions=[{"name": "web", "image": "web", "command": [command]}],
        )
    repository.client("logs").create_log_group(logGroupName=f"web-{repository.name}-logs")
    return repository


def standing(repository: Repository) -> list[str]:
    return [label for label in LABELS if repository.status(label) not in ("", "DELETE_COMPLETE")]


def test_a_wrong_name_touches_nothing(full: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", full.name, "--confirm", "production")
    assert ran.code == 1
    assert "nothing was touched" in ran.err
    assert standing(full) == list(LABELS)


def test_without_a_terminal_the_name_is_needed(full: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", full.name)
    assert ran.code == 1
    assert f"--confirm {full.name}" in ran.err
    assert f"stack demo-{full.name}-network" in ran.out
    assert standing(full) == list(LABELS)


@pytest.mark.parametrize(("typed", "gone"), [("yes", False), ("", False), ("{name}", True)])
def test_on_a_terminal_the_name_is_typed(
    full: Repository, gitops: Gitops, monkeypatch: pytest.MonkeyPatch, typed: str, gone: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr("builtins.input", lambda _: typed.format(name=full.name))
    ran = gitops("destroy", full.name)
    assert (ran.code == 0) is gone
    assert standing(full) == ([] if gone else list(LABELS))


def test_everything_goes_and_is_verified(full: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", full.name, "--confirm", full.name)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"{full.name}: verified empty"
    assert standing(full) == []
    buckets = full.client("s3").list_buckets()["Buckets"]
    assert f"{full.name}-logs" not in [bucket["Name"] for bucket in buckets]
    assert not full.client("ssm").get_parameters_by_path(Path=f"/web/{full.name}")["Parameters"]
    for status in ("ACTIVE", "INACTIVE"):
        arns = full.client("ecs").list_task_definitions(familyPrefix=f"web-{full.name}", status=status)
        assert not arns["taskDefinitionArns"]
    again = gitops("destroy", full.name, "--confirm", full.name)
    assert again.code == 0
    assert "nothing of" in again.out


def test_an_interrupted_destroy_is_finished_by_the_next(
    full: Repository, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = removing.remove

    def interrupt(access: object, unit: object, *rest: object) -> list[str]:
        if unit.label == "network":  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return real(access, unit, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(removing, "remove", interrupt)
    ran = gitops("destroy", full.name, "--confirm", full.name)
    assert ran.code == 130
    assert "the same command again removes the rest" in ran.err
    assert standing(full) == ["bootstrap", "network"]
    monkeypatch.setattr(removing, "remove", real)
    assert gitops("destroy", full.name, "--confirm", full.name).code == 0
    assert standing(full) == []


def test_what_is_left_is_listed_and_is_an_error(
    full: Repository, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    retained = NETWORK.replace("AWS::SQS::Queue", "AWS::SQS::Queue\n    DeletionPolicy: Retain")
    full.template("network", retained)
    assert gitops("apply", full.name).code == 0
    # The index of tags is asked for two minutes: this clock lets them pass at once.
    times = itertools.count(step=60)
    monkeypatch.setattr(destroy, "Clock", lambda: Clock(now=lambda: float(next(times)), sleep=lambda _: None))
    ran = gitops("destroy", full.name, "--confirm", full.name)
    assert ran.code == 1
    assert "is not empty: 1 left" in ran.err
    assert f"{full.name}-first" in ran.err
    assert "Queue" in ran.out


def test_bootstrap_stays_when_asked(full: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", full.name, "--confirm", full.name, "--keep-bootstrap")
    assert ran.code == 0, ran.err
    assert standing(full) == ["bootstrap"]
    assert ran.out.splitlines()[-1] == f"{full.name}: verified empty, apart from bootstrap"


def test_one_stack_goes_alone_unless_another_needs_it(full: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", full.name, "--confirm", full.name, "--stack", "network")
    assert ran.code == 1
    assert "service-web still need network" in ran.err
    assert standing(full) == list(LABELS)
    assert gitops("destroy", full.name, "--confirm", full.name, "--stack", "service-web").code == 0
    assert standing(full) == ["bootstrap", "network"]


def test_a_registry_that_another_environment_uses_stays(full: Repository, gitops: Gitops) -> None:
    full.template(
        "registry",
        "Resources:\n  Images:\n    Type: AWS::ECR::Repository\n    Properties: {RepositoryName: demo/web}\n",
    )
    full.settings(stacks="{bootstrap: {}, network: {}, registry: {}}")
    assert gitops("apply", full.name, "--stack", "registry").code == 0
    write_environment(full.root, "other", "{bootstrap: {}}", "{}", registry=full.name)
    ran = gitops("destroy", full.name, "--confirm", full.name)
    assert ran.code == 0, ran.err
    assert "registry is kept: other pulls its images from it" in ran.out
    assert standing(full) == ["bootstrap"]
    assert full.status("registry") == "CREATE_COMPLETE"
    # The tests share an emulator, and its one repository of this name.
    full.client("ecr").delete_repository(repositoryName="demo/web")
