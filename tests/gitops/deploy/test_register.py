"""Which revision is used again, whatever ECS filled in, and that none is left that a stack update would roll to."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gitops import ecs
from gitops.deploy import register, revisions
from gitops.deploy.revisions import Provenance
from gitops.ecs_answers import TaskDefinition
from gitops.taskdefs.normalize import content_hash
from tests.gitops.conftest import Gitops, write
from tests.gitops.deploy.conftest import GOOD, Cloud, change, rendered
from tests.gitops.deploy.described import NEW, StubbedSession, run_on, service
from tests.gitops.deploy.test_killed import BAD, killed
from tests.gitops.deploy.test_rollback import live

SENT: dict[str, Any] = {
    "family": "app-staging",
    "containerDefinitions": [{"name": "app", "image": "reg/app:c", "restartPolicy": {"enabled": True}}],
    "volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
    "tags": [{"key": "Team", "value": "sky"}],
}
# Seen on AWS: CircleCI-Public/aws-ecs-orb#105, hashicorp/terraform-provider-aws#46132, and the default that
# docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerRestartPolicy.html names.
STORED = {
    **SENT,
    "containerDefinitions": [
        {
            **SENT["containerDefinitions"][0],
            "restartPolicy": {"enabled": True, "restartAttemptPeriod": 300},
            "mountPoints": [],
            "volumesFrom": [],
            "systemControls": [],
        }
    ],
    "volumes": [
        {
            "name": "data",
            "configuredAtLaunch": False,
            "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/"},
        }
    ],
    "status": "ACTIVE",
}
ORIGIN = Provenance(commit="c" * 40, content_hash=content_hash(SENT))
AS_IT_WAS = revisions.form(TaskDefinition(NEW, "ACTIVE", STORED))
COPIED = f"1:{AS_IT_WAS.partition(':')[2]}"
EDITED = {**STORED, "cpu": "512"}


@pytest.mark.parametrize(
    ("stored", "registered_as", "is_used", "said"),
    [
        (STORED, AS_IT_WAS, True, "app-staging:2 is this content already: nothing was registered"),
        # Somebody registered the same once more, with its tags.
        (STORED, COPIED, True, "app-staging:2 is this content already: nothing was registered"),
        (EDITED, COPIED, False, "app-staging:2 says that it is this content, and is not: it was edited by hand"),
        ({**STORED, "tags": []}, AS_IT_WAS, False, "it was edited by hand"),
        # Killed between registering it and writing down what ECS had made of it.
        (STORED, "", False, "which nothing proves: it is registered once more"),
        (SENT, "", True, "app-staging:2 is this content already: nothing was registered"),
    ],
)
def test_what_ecs_filled_in_is_no_edit(
    session: StubbedSession, stored: dict[str, Any], registered_as: str, is_used: bool, said: str
) -> None:
    tags = [*stored["tags"], *replace(ORIGIN, registered_as=registered_as).tags()]
    newest, told = TaskDefinition(NEW, "ACTIVE", {**stored, "tags": tags}), list[str]()
    if is_used and not registered_as:
        wanted = {"resourceArn": NEW, "tags": [{"key": "RegisteredAs", "value": revisions.form(newest)}]}
        session.answers("ecs").add_response("tag_resource", {}, wanted)
    run = replace(run_on(session), say=told.append)
    assert (register._reusable(newest, SENT, ORIGIN, run) is newest) is is_used
    assert [said in line for line in told] == [True]


@pytest.mark.parametrize(
    ("said", "is_none"), [("Unable to describe task definition.", True), ("Invalid parameter", False)]
)
def test_a_family_without_a_revision_has_no_newest(session: StubbedSession, said: str, is_none: bool) -> None:
    session.answers("ecs").add_client_error("describe_task_definition", "ClientException", said)
    with nullcontext() if is_none else pytest.raises(ClientError, match=said):
        assert service(session).ecs.newest_definition("app-staging") is None


def test_another_content_is_not_asked_about(session: StubbedSession) -> None:
    other = TaskDefinition(NEW, "ACTIVE", {**STORED, "tags": Provenance(content_hash="another").tags()})
    assert register._reusable(other, SENT, ORIGIN, run_on(session)) is None
    assert register._reusable(None, SENT, ORIGIN, run_on(session)) is None


def test_a_tag_that_is_refused_is_told_and_ends_nothing(session: StubbedSession) -> None:
    session.answers("ecs").add_client_error("tag_resource", "AccessDeniedException")
    told = list[str]()
    run = replace(run_on(session), say=told.append)
    register._remember(run.service.ecs, TaskDefinition(NEW, "ACTIVE", STORED), run)
    assert told == ["what ECS made of app-staging:2 is not written down (TagResource answered AccessDeniedException)"]


def test_no_revision_is_left_that_a_stack_update_would_roll_to(
    gitops: Gitops, cloud: Cloud, clone: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sil-org/ecs-deploy#197 and fabfuel/ecs-deploy#175: it would be the newest ACTIVE revision of the family."""
    change(clone, BAD, "Killed and never run again")
    assert gitops("build", "app", "rehearsal").code == 0
    killed(clone, "after", "TagResource")
    # Somebody may be about to deploy it.
    assert "keep    app-rehearsal:2" in gitops("prune", "app", "rehearsal").out
    monkeypatch.setattr(revisions, "_UNDER_WAY", timedelta(0))
    assert "remove  app-rehearsal:2" in gitops("prune", "app", "rehearsal").out
    again = gitops("deploy", "app", "rehearsal", "--commit", first)
    assert again.code == 0, again.out + again.err
    assert "deregistered what deploys that never ended had left: app-rehearsal:2" in again.out
    assert "app-rehearsal:1 is this content already: nothing was registered" in again.out
    assert live(cloud) == ("app-rehearsal:1", first)

    def refuse(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "InvalidParameterException", "Message": "no"}}, "UpdateService")

    with_proxy = rendered()
    (app,) = with_proxy["containerDefinitions"]
    proxy = {"name": "proxy", "image": "nginx", "essential": False, "logConfiguration": app["logConfiguration"]}
    with_proxy["containerDefinitions"].append(proxy)
    write(clone / "taskdefs/app/rendered/rehearsal.json", with_proxy)
    change(clone, GOOD + "# refused\n", "Refused")
    assert gitops("build", "app", "rehearsal").code == 0
    monkeypatch.setattr(ecs.Service, "update", refuse)
    refused = gitops("deploy", "app", "rehearsal")
    assert refused.code == 1
    assert "not verified: the image nginx of container proxy: its registry is not Amazon ECR" in refused.out
    assert "UpdateService was refused in rehearsal: InvalidParameterException: no" in refused.err
    assert "app-rehearsal:3 was deregistered, so a stack update cannot bring it back" in refused.out
    assert live(cloud) == ("app-rehearsal:1", first)
