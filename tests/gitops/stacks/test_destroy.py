"""destroy: what goes and what must not; against the emulator confirmed, taken up after an interruption, verified."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import msgspec
import pytest

from gitops.clock import Clock
from gitops.errors import GitopsError
from gitops.stacks import destroy as removal
from gitops.stacks import verify
from gitops.stacks.order import Unit
from gitops.verbs import destroy
from tests.gitops.stacks import test_order as order
from tests.gitops.stacks.conftest import BOOTSTRAP, NETWORK, Ran, Repository, write_environment

Gitops = Callable[..., Ran]
LABELS = ("bootstrap", "network", "service-web")
HERE = order.environment({**order.WHOLE, "repository": {}}, {"web": {}})
EVERY = order.units(
    [order.NETWORK, order.PLATFORM, order.BOOTSTRAP, order.SERVICE, order.REPOSITORY], HERE, ["web", "alone"]
)
PRODUCTION = msgspec.structs.replace(HERE, environment="production", registry="staging")


def labels(found: removal.Scope) -> list[str]:
    return [unit.label for unit in found.stacks]


def test_everything_goes_in_reverse_with_bootstrap_last() -> None:
    found = removal.scope(HERE, EVERY, {"staging": HERE}, [], keep_bootstrap=False)
    assert labels(found) == ["service-web", "platform", "repository-web", "repository-alone", "network", "bootstrap"]
    assert (found.kept, found.services, found.whole) == ({}, ("web",), True)


def test_repositories_in_use_stay_and_bootstrap_with_them() -> None:
    found = removal.scope(HERE, EVERY, {"staging": HERE, "production": PRODUCTION}, [], keep_bootstrap=False)
    assert labels(found) == ["service-web", "platform", "network"]
    # Of what production's files no longer name, tasks may run there all the same.
    assert list(found.kept) == ["repository-alone", "repository-web", "bootstrap"]
    assert not found.bootstrap
    with pytest.raises(GitopsError, match="production pulls its images of web from staging"):
        removal.scope(HERE, EVERY, {"production": PRODUCTION}, ["repository-web"], keep_bootstrap=False)


def test_the_repository_of_a_service_that_nobody_has_goes_when_chosen_and_takes_no_secret() -> None:
    found = removal.scope(HERE, EVERY, {"production": PRODUCTION}, ["repository-alone"], keep_bootstrap=False)
    assert (labels(found), found.services) == (["repository-alone"], ())


def test_bootstrap_is_kept_when_asked() -> None:
    found = removal.scope(HERE, EVERY, {"staging": HERE}, [], keep_bootstrap=True)
    assert "bootstrap" not in labels(found)
    assert found.kept == {"bootstrap": "--keep-bootstrap"}


def test_the_parts_of_bootstrap_go_last_and_stay_together() -> None:
    every = order.units([order.NETWORK, order.PLATFORM, *order.PARTS], msgspec.structs.replace(HERE, services={}))
    parts = ["bootstrap-roles", "bootstrap-zeroth"]
    whole = removal.scope(HERE, every, {"staging": HERE}, [], keep_bootstrap=False)
    assert labels(whole) == ["platform", "network", *parts]
    assert [unit.label for unit in whole.bootstrap] == parts
    kept = removal.scope(HERE, every, {"staging": HERE}, [], keep_bootstrap=True)
    assert labels(kept) == ["platform", "network"]
    assert kept.kept == dict.fromkeys(reversed(parts), "--keep-bootstrap")
    assert verify.kept_lines(kept, "staging") == [
        "bootstrap is kept: --keep-bootstrap (gitops destroy staging removes it)"
    ]
    chosen = removal.scope(HERE, every, {"staging": HERE}, ["bootstrap"], keep_bootstrap=False)
    assert labels(chosen) == parts


def test_only_what_is_chosen_goes() -> None:
    found = removal.scope(HERE, EVERY, {"staging": HERE}, ["network", "platform"], keep_bootstrap=False)
    assert labels(found) == ["platform", "network"]
    assert (found.services, found.whole) == ((), False)


@pytest.mark.parametrize(
    ("going", "standing", "allowed"),
    [
        ({"network"}, {"network", "platform"}, False),
        ({"network", "platform"}, {"network", "platform"}, True),
        ({"network"}, {"network"}, True),
        ({"bootstrap"}, {"bootstrap", "network"}, False),
        ({"bootstrap"}, {"bootstrap"}, True),
    ],
)
def test_a_stack_in_use_does_not_go(going: set[str], standing: set[str], allowed: bool) -> None:
    every: list[Unit] = EVERY
    if allowed:
        removal.require_unused(every, going, standing)
    else:
        with pytest.raises(GitopsError, match="still need"):
            removal.require_unused(every, going, standing)


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
    real = removal.remove

    def interrupt(access: object, unit: object, *rest: object) -> list[str]:
        if unit.label == "network":  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return real(access, unit, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(removal, "remove", interrupt)
    ran = gitops("destroy", full.name, "--confirm", full.name)
    assert ran.code == 130
    assert "the same command again removes the rest" in ran.err
    assert standing(full) == ["bootstrap", "network"]
    monkeypatch.setattr(removal, "remove", real)
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


@pytest.fixture
def parted(repository: Repository, gitops: Gitops) -> Repository:
    """An environment whose bootstrap stands in two parts."""
    (repository.root / "infra/cloudformation/bootstrap.yaml").unlink()
    marker = BOOTSTRAP.replace("/bootstrap/", "/first/")
    repository.template("bootstrap-first", f"{marker}Outputs:\n  MarkerName: {{Value: !Ref Marker}}\n")
    second = BOOTSTRAP.replace("/bootstrap/", "/second/").replace("Value: made", "Value: !Ref MarkerName")
    repository.template("bootstrap-second", second.replace("Resources:", "  MarkerName: {Type: String}\nResources:"))
    repository.settings(services="{}")
    return repository


def test_the_parts_of_bootstrap_are_one_for_a_person(parted: Repository, gitops: Gitops) -> None:
    """Made together and in their order, asked for before all others, kept and removed together."""
    parts = ("bootstrap-first", "bootstrap-second")
    name = parted.name
    assert f"gitops apply {name} --stack bootstrap" in gitops("apply", name).err
    assert gitops("apply", name, "--stack", "bootstrap-first").code == 0
    ran = gitops("apply", name)
    assert (ran.code, f"demo-{name}-bootstrap-second" in ran.err) == (1, True)
    assert gitops("apply", name, "--stack", "bootstrap").code == 0
    assert gitops("apply", name).code == 0
    assert gitops("plan", name).out.startswith(f"{name}: no changes in 1 stack and bootstrap\n")
    assert gitops("plan", name, "--stack", "bootstrap").out.startswith(f"{name}: no changes in 2 stacks\n")
    ran = gitops("destroy", name, "--confirm", name, "--stack", "bootstrap")
    assert "network still need bootstrap → remove them too: --stack network --stack bootstrap\n" in ran.err
    ran = gitops("destroy", name, "--confirm", name, "--stack", "bootstrap-first", "--stack", "network")
    assert "bootstrap-second still need bootstrap-first" in ran.err
    ran = gitops("destroy", name, "--confirm", name, "--keep-bootstrap")
    assert ran.out.splitlines()[-1] == f"{name}: verified empty, apart from bootstrap"
    assert [parted.status(part) for part in parts] == ["CREATE_COMPLETE"] * 2
    ran = gitops("destroy", name, "--confirm", name)
    assert ran.code == 0, ran.err
    assert {parted.status(part) for part in parts} <= {"", "DELETE_COMPLETE"}


def test_one_stack_goes_alone_unless_another_needs_it(full: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", full.name, "--confirm", full.name, "--stack", "network")
    assert ran.code == 1
    assert "service-web still need network" in ran.err
    assert standing(full) == list(LABELS)
    assert gitops("destroy", full.name, "--confirm", full.name, "--stack", "service-web").code == 0
    assert standing(full) == ["bootstrap", "network"]


def test_a_repository_that_another_environment_uses_stays(full: Repository, gitops: Gitops) -> None:
    full.template(
        "repository",
        "Parameters: {Service: {Type: String}}\nResources:\n  Images:\n    Type: AWS::ECR::Repository\n"
        '    Properties: {RepositoryName: !Sub "demo/${Service}"}\n',
    )
    full.settings(stacks="{bootstrap: {}, network: {}, repository: {}}")
    assert gitops("apply", full.name, "--stack", "repository-web").code == 0
    write_environment(full.root, "other", "{bootstrap: {}}", "{web: {}}", registry=full.name)
    ran = gitops("destroy", full.name, "--confirm", full.name)
    assert ran.code == 0, ran.err
    assert "repository-web is kept: other pulls its images from it" in ran.out
    assert standing(full) == ["bootstrap"]
    assert full.status("repository-web") == "CREATE_COMPLETE"
    # The tests share an emulator, and its one repository of this name.
    full.client("ecr").delete_repository(repositoryName="demo/web")


@pytest.fixture
def left(repository: Repository, gitops: Gitops) -> Repository:
    """An environment with two services, of which its file has forgotten one; another's stack begins alike."""
    repository.settings(services="{site: {}, alerts: {}}")
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    assert gitops("apply", repository.name).code == 0
    repository.client("ssm").put_parameter(Name=f"/alerts/{repository.name}/KEY", Value="v", Type="SecureString")
    neighbour = f"{repository.name}-west"
    repository.client("cloudformation").create_stack(
        StackName=f"demo-{neighbour}-service-alerts",
        TemplateBody="Resources: {Topic: {Type: AWS::SNS::Topic}}",
        Tags=[{"Key": "Project", "Value": "demo"}, {"Key": "Environment", "Value": neighbour}],
    )
    repository.settings(services="{site: {}}")
    return repository


def told(ran: Ran) -> list[str]:
    return [line for line in ran.out.splitlines() if "left over" in line]


def test_plan_and_apply_name_it_and_the_hash_does_not_depend_on_it(left: Repository, gitops: Gitops) -> None:
    (line,) = told(gitops("plan", left.name))
    assert f"demo-{left.name}-service-alerts," in line
    with_it = json.loads(gitops("plan", left.name, "--json").out)
    assert [one["label"] for one in with_it["left_over"]] == ["service-alerts"]
    applied = gitops("apply", left.name, "--plan-hash", with_it["hash"])
    assert applied.code == 0, applied.err
    assert len(told(applied)) == 1
    assert told(gitops("plan", left.name, "--stack", "network")) == []

    assert gitops("destroy", left.name, "--stack", "service-alerts", "--confirm", left.name).code == 0
    without = gitops("plan", left.name)
    assert told(without) == []
    assert f"plan hash {with_it['hash']}" in without.out


def test_it_goes_alone_after_the_typed_name(left: Repository, gitops: Gitops) -> None:
    refused = gitops("destroy", left.name, "--stack", "service-alerts")
    assert refused.code == 1
    assert f"stack demo-{left.name}-service-alerts" in refused.out
    assert f"parameter /alerts/{left.name}/KEY" in refused.out
    assert left.status("service-alerts") == "CREATE_COMPLETE"

    ran = gitops("destroy", left.name, "--stack", "service-alerts", "--confirm", left.name)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "service-alerts: verified empty"
    assert [left.status(label) for label in ("service-alerts", "service-site")] == ["", "CREATE_COMPLETE"]
    assert left.status("west-service-alerts") == "CREATE_COMPLETE"
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]


def test_what_an_interrupted_removal_left_goes_with_the_same_command(
    left: Repository, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = removal.remove

    def interrupt(*arguments: object) -> list[str]:
        real(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    words = ("destroy", left.name, "--stack", "service-alerts", "--confirm", left.name)
    monkeypatch.setattr(removal, "remove", interrupt)
    assert gitops(*words).code == 130
    assert left.status("service-alerts") == ""
    monkeypatch.setattr(removal, "remove", real)
    again = gitops(*words)
    assert again.code == 0, again.err
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]
    third = gitops(*words)
    assert third.code == 1
    assert "there is no stack service-alerts" in third.err


def test_it_goes_with_its_whole_environment(left: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", left.name, "--confirm", left.name)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"{left.name}: verified empty"
    labels = ("bootstrap", "network", "service-site", "service-alerts")
    assert [left.status(label) for label in labels] == ["", "", "", ""]
    assert left.status("west-service-alerts") == "CREATE_COMPLETE"
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]


def test_a_stack_that_is_asked_for_or_never_was_is_not_taken(left: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", left.name, "--stack", "service-maps", "--confirm", left.name)
    assert ran.code == 1
    assert "there is no stack service-maps" in ran.err
    assert "service-alerts" in ran.err
    assert left.status("service-alerts") == "CREATE_COMPLETE"
