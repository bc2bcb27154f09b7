"""destroy: what goes and what must not; against the emulator confirmed, taken up after an interruption, verified."""

from __future__ import annotations

import itertools
import json
from contextlib import nullcontext

import msgspec
import pytest

from gitops.clock import Clock
from gitops.display import Display
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.stacks import destroy as removal
from gitops.stacks import verify
from gitops.stacks.access import Access
from gitops.stacks.order import Unit
from gitops.verbs import destroy
from tests.gitops.conftest import Outcome
from tests.gitops.stacks import test_order as order
from tests.gitops.stacks.conftest import BOOTSTRAP, NETWORK, Repository, write_environment

LABELS = ("bootstrap", "network", "service-web")
HERE = order.environment({**order.WHOLE, "repository": {}}, {"web": {}})
EVERY = order.units(
    [order.NETWORK, order.PLATFORM, order.BOOTSTRAP, order.SERVICE, order.REPOSITORY], HERE, ["web", "alone"]
)
PRODUCTION = msgspec.structs.replace(HERE, environment="production", registry="staging")


def scope(*chosen: str, keep: bool = False, every: list[Unit] = EVERY, **others: Environment) -> removal.Scope:
    return removal.scope(HERE, every, {"staging": HERE, **others}, chosen, keep)


def labels(found: removal.Scope) -> list[str]:
    return [unit.label for unit in found.stacks]


def test_everything_goes_in_reverse_with_bootstrap_last() -> None:
    found = scope()
    assert labels(found) == ["service-web", "platform", "repository-web", "repository-alone", "network", "bootstrap"]
    assert (found.kept, found.services, found.whole) == ({}, ("web",), True)


def test_repositories_in_use_stay_and_bootstrap_with_them() -> None:
    found = scope(production=PRODUCTION)
    assert labels(found) == ["service-web", "platform", "network"]
    # Of what production's files no longer name, tasks may run there all the same.
    assert list(found.kept) == ["repository-alone", "repository-web", "bootstrap"]
    assert not found.bootstrap
    with pytest.raises(GitopsError, match="production pulls its images of web from staging"):
        scope("repository-web", production=PRODUCTION)


def test_the_repository_of_a_service_that_nobody_has_goes_when_chosen_and_takes_no_secret() -> None:
    found = scope("repository-alone", production=PRODUCTION)
    assert (labels(found), found.services) == (["repository-alone"], ())


def test_bootstrap_is_kept_when_asked() -> None:
    found = scope(keep=True)
    assert "bootstrap" not in labels(found)
    assert found.kept == {"bootstrap": "--keep-bootstrap"}


def test_the_parts_of_bootstrap_go_last_and_stay_together() -> None:
    every = order.units([order.NETWORK, order.PLATFORM, *order.PARTS], msgspec.structs.replace(HERE, services={}))
    parts = ["bootstrap-roles", "bootstrap-zeroth"]
    whole = scope(every=every)
    assert labels(whole) == ["platform", "network", *parts]
    assert [unit.label for unit in whole.bootstrap] == parts
    kept = scope(every=every, keep=True)
    assert labels(kept) == ["platform", "network"]
    assert kept.kept == dict.fromkeys(reversed(parts), "--keep-bootstrap")
    assert verify.kept_lines(kept, "staging") == [
        "bootstrap is kept: --keep-bootstrap (gitops destroy staging removes it)"
    ]
    assert labels(scope("bootstrap", every=every)) == parts


def test_only_what_is_chosen_goes() -> None:
    found = scope("network", "platform")
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
    with nullcontext() if allowed else pytest.raises(GitopsError, match="still need"):
        removal.require_unused(EVERY, going, standing)


@pytest.fixture
def full(applied: Repository) -> Repository:
    """An environment with everything that stands in the way of removing it."""
    bucket = f"{applied.name}-logs"
    s3 = applied.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a/log", Body=b"1")
    s3.put_object(Bucket=bucket, Key="a/log", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="a/log")
    applied.client("ssm").put_parameter(Name=f"/web/{applied.name}/KEY", Value="v", Type="SecureString")
    for command in ("one", "two"):
        applied.client("ecs").register_task_definition(
            family=f"web-{applied.name}",
            containerDefinitions=[{"name": "web", "image": "web", "command": [command]}],
        )
    applied.client("logs").create_log_group(logGroupName=f"web-{applied.name}-logs")
    return applied


def standing(repository: Repository) -> list[str]:
    return [label for label in LABELS if repository.status(label) not in ("", "DELETE_COMPLETE")]


def test_without_the_typed_name_nothing_is_touched(full: Repository) -> None:
    wrong, none = full.gitops("destroy", "--confirm", "production"), full.gitops("destroy")
    assert (wrong.code, none.code) == (1, 1)
    assert "nothing was touched" in wrong.err
    assert f"--confirm {full.name}" in none.err
    assert f"stack demo-{full.name}-network" in none.out
    assert standing(full) == list(LABELS)


@pytest.mark.parametrize(("typed", "gone"), [("yes", False), ("", False), ("{name}", True)])
def test_on_a_terminal_the_name_is_typed(
    full: Repository, monkeypatch: pytest.MonkeyPatch, typed: str, gone: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr("builtins.input", lambda _: typed.format(name=full.name))
    ran = full.gitops("destroy")
    assert (ran.code == 0) is gone
    assert standing(full) == ([] if gone else list(LABELS))


def test_everything_goes_and_is_verified(full: Repository) -> None:
    ran = full.destroy()
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"{full.name}: verified empty"
    assert standing(full) == []
    buckets = full.client("s3").list_buckets()["Buckets"]
    assert f"{full.name}-logs" not in [bucket["Name"] for bucket in buckets]
    assert not full.client("ssm").get_parameters_by_path(Path=f"/web/{full.name}")["Parameters"]
    for status in ("ACTIVE", "INACTIVE"):
        arns = full.client("ecs").list_task_definitions(familyPrefix=f"web-{full.name}", status=status)
        assert not arns["taskDefinitionArns"]
    again = full.destroy()
    assert again.code == 0
    assert "nothing of" in again.out


def interrupt(monkeypatch: pytest.MonkeyPatch, label: str, *, after: bool) -> None:
    """Interrupt the removal of a stack: before it, or after it is gone."""
    real = removal.remove

    def remove(access: Access, unit: Unit, display: Display) -> list[str]:
        kept = real(access, unit, display) if after or unit.label != label else []
        if unit.label == label:
            raise KeyboardInterrupt
        return kept

    monkeypatch.setattr(removal, "remove", remove)


def test_an_interrupted_destroy_is_finished_by_the_next(full: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as once:
        interrupt(once, "network", after=False)
        ran = full.destroy()
    assert ran.code == 130
    assert "the same command again removes the rest" in ran.err
    assert standing(full) == ["bootstrap", "network"]
    assert full.destroy().code == 0
    assert standing(full) == []


def test_what_is_left_is_listed_and_is_an_error(full: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    retained = NETWORK.replace("AWS::SQS::Queue", "AWS::SQS::Queue\n    DeletionPolicy: Retain")
    full.template("network", retained)
    assert full.gitops("apply").code == 0
    # The index of tags is asked for two minutes: this clock lets them pass at once.
    times = itertools.count(step=60)
    monkeypatch.setattr(destroy, "Clock", lambda: Clock(now=lambda: float(next(times)), sleep=lambda _: None))
    ran = full.destroy()
    assert ran.code == 1
    assert "is not empty: 1 left" in ran.err
    assert f"{full.name}-first" in ran.err
    assert "Queue" in ran.out


@pytest.fixture
def parted(repository: Repository) -> Repository:
    """An environment whose bootstrap stands in two parts."""
    (repository.root / "infra/cloudformation/bootstrap.yaml").unlink()
    marker = BOOTSTRAP.replace("/bootstrap/", "/first/")
    repository.template("bootstrap-first", f"{marker}Outputs:\n  MarkerName: {{Value: !Ref Marker}}\n")
    second = BOOTSTRAP.replace("/bootstrap/", "/second/").replace("Value: made", "Value: !Ref MarkerName")
    repository.template("bootstrap-second", second.replace("Resources:", "  MarkerName: {Type: String}\nResources:"))
    repository.settings(services="{}")
    return repository


def test_the_parts_of_bootstrap_are_one_for_a_person(parted: Repository) -> None:
    """Made together and in their order, asked for before all others, kept and removed together."""
    parts = ("bootstrap-first", "bootstrap-second")
    name = parted.name
    ran = parted.gitops("apply")
    assert (ran.code, f"gitops apply {name} --stack bootstrap" in ran.err) == (1, True)
    assert parted.status("network") == ""
    assert parted.gitops("apply", "--stack", "bootstrap-first").code == 0
    ran = parted.gitops("apply")
    assert (ran.code, f"demo-{name}-bootstrap-second" in ran.err) == (1, True)
    assert parted.gitops("apply", "--stack", "bootstrap").code == 0
    assert parted.gitops("apply").code == 0
    assert parted.gitops("plan").out.startswith(f"{name}: no changes in 1 stack and bootstrap\n")
    assert parted.gitops("plan", "--stack", "bootstrap").out.startswith(f"{name}: no changes in 2 stacks\n")
    ran = parted.destroy("--stack", "bootstrap")
    assert "network still need bootstrap → remove them too: --stack network --stack bootstrap\n" in ran.err
    ran = parted.destroy("--stack", "bootstrap-first", "--stack", "network")
    assert "bootstrap-second still need bootstrap-first" in ran.err
    ran = parted.destroy("--keep-bootstrap")
    assert ran.out.splitlines()[-1] == f"{name}: verified empty, apart from bootstrap"
    assert [parted.status(part) for part in parts] == ["CREATE_COMPLETE"] * 2
    ran = parted.destroy()
    assert ran.code == 0, ran.err
    assert {parted.status(part) for part in parts} <= {"", "DELETE_COMPLETE"}


def test_one_stack_goes_alone_unless_another_needs_it(full: Repository) -> None:
    ran = full.destroy("--stack", "network")
    assert ran.code == 1
    assert "service-web still need network" in ran.err
    assert standing(full) == list(LABELS)
    assert full.destroy("--stack", "service-web").code == 0
    assert standing(full) == ["bootstrap", "network"]


def test_a_repository_that_another_environment_uses_stays(full: Repository) -> None:
    full.template(
        "repository",
        "Parameters: {Service: {Type: String}}\nResources:\n  Images:\n    Type: AWS::ECR::Repository\n"
        '    Properties: {RepositoryName: !Sub "demo/${Service}"}\n',
    )
    full.settings(stacks="{bootstrap: {}, network: {}, repository: {}}")
    assert full.gitops("apply", "--stack", "repository-web").code == 0
    write_environment(full.root, "other", "{bootstrap: {}}", "{web: {}}", registry=full.name)
    ran = full.destroy()
    assert ran.code == 0, ran.err
    assert "repository-web is kept: other pulls its images from it" in ran.out
    assert standing(full) == ["bootstrap"]
    assert full.status("repository-web") == "CREATE_COMPLETE"
    # The tests share an emulator, and its one repository of this name.
    full.client("ecr").delete_repository(repositoryName="demo/web")


@pytest.fixture
def left(repository: Repository) -> Repository:
    """An environment with two services, of which its file has forgotten one; another's stack begins alike."""
    repository.settings(services="{site: {}, alerts: {}}")
    repository.make()
    repository.client("ssm").put_parameter(Name=f"/alerts/{repository.name}/KEY", Value="v", Type="SecureString")
    neighbour = f"{repository.name}-west"
    repository.client("cloudformation").create_stack(
        StackName=f"demo-{neighbour}-service-alerts",
        TemplateBody="Resources: {Topic: {Type: AWS::SNS::Topic}}",
        Tags=[{"Key": "Project", "Value": "demo"}, {"Key": "Environment", "Value": neighbour}],
    )
    repository.settings(services="{site: {}}")
    return repository


def told(ran: Outcome) -> list[str]:
    return [line for line in ran.out.splitlines() if "left over" in line]


def test_plan_and_apply_name_it_and_the_hash_does_not_depend_on_it(left: Repository) -> None:
    (line,) = told(left.gitops("plan"))
    assert f"demo-{left.name}-service-alerts," in line
    with_it = json.loads(left.gitops("plan", "--json").out)
    assert [one["label"] for one in with_it["left_over"]] == ["service-alerts"]
    applied = left.gitops("apply", "--plan-hash", with_it["hash"])
    assert applied.code == 0, applied.err
    assert len(told(applied)) == 1
    assert told(left.gitops("plan", "--stack", "network")) == []

    assert left.destroy("--stack", "service-alerts").code == 0
    without = left.gitops("plan")
    assert told(without) == []
    assert f"plan hash {with_it['hash']}" in without.out


def test_it_goes_alone_after_the_typed_name(left: Repository) -> None:
    refused = left.gitops("destroy", "--stack", "service-alerts")
    assert refused.code == 1
    assert f"stack demo-{left.name}-service-alerts" in refused.out
    assert f"parameter /alerts/{left.name}/KEY" in refused.out
    never_was = left.destroy("--stack", "service-maps")
    assert never_was.code == 1
    assert "there is no stack service-maps" in never_was.err
    assert "service-alerts" in never_was.err
    assert left.status("service-alerts") == "CREATE_COMPLETE"

    ran = left.destroy("--stack", "service-alerts")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "service-alerts: verified empty"
    assert [left.status(label) for label in ("service-alerts", "service-site")] == ["", "CREATE_COMPLETE"]
    assert left.status("west-service-alerts") == "CREATE_COMPLETE"
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]


def test_what_an_interrupted_removal_left_goes_with_the_same_command(
    left: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        interrupt(once, "service-alerts", after=True)
        assert left.destroy("--stack", "service-alerts").code == 130
    assert left.status("service-alerts") == ""
    again = left.destroy("--stack", "service-alerts")
    assert again.code == 0, again.err
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]
    third = left.destroy("--stack", "service-alerts")
    assert third.code == 1
    assert "there is no stack service-alerts" in third.err


def test_it_goes_with_its_whole_environment(left: Repository) -> None:
    ran = left.destroy()
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"{left.name}: verified empty"
    labels = ("bootstrap", "network", "service-site", "service-alerts")
    assert [left.status(label) for label in labels] == ["", "", "", ""]
    assert left.status("west-service-alerts") == "CREATE_COMPLETE"
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]
