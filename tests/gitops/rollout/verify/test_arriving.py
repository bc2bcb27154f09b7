"""Only a service's stack is waited for, only while nothing else is wrong, and not for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import environments
from gitops.images.registry import Repository
from gitops.rollout.verify import arriving
from gitops.rollout.verify.everything import Subject, verify
from gitops.rollout.verify.failures import Failure
from gitops.stacks.waiting import Clock
from tests.gitops.rollout.stubbed import StubbedSession
from tests.gitops.rollout.verify.test_everything import COMMIT, DOCUMENT, nothing_is_there

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
    now, asked = [0.0], [0]

    def look() -> tuple[str, list[Failure]]:
        asked[0] += 1
        return "sha256:1", finds[asked[0] - 1]

    clock = Clock(now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert arriving.waited(look, "the stack", patience, clock, lambda _: None) == ("sha256:1", ends_with)
    assert asked[0] == looks


def test_after_its_patience_it_tells_what_is_missing_then() -> None:
    now, said = [0.0], list[str]()

    def look() -> tuple[str, list[Failure]]:
        return "sha256:1", [ROLE, GROUP] if now[0] < 30 else [GROUP]

    clock = Clock(now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert arriving.waited(look, "the stack x", 50, clock, said.append) == ("sha256:1", [GROUP])
    assert now[0] >= 50
    assert said[0] == "waiting for the stack x: 0 of at most 50 s"


def test_an_apply_brings_the_cluster_the_roles_and_the_log_group_and_nothing_else(repository: Path) -> None:
    staging = environments.load(repository, "staging")
    with StubbedSession() as session:
        nothing_is_there(session)
        session.answers("iam").add_client_error("get_role", "NoSuchEntity")
        images = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
        _, failures = verify(session, images, Subject(staging, "app", COMMIT, DOCUMENT))  # type: ignore[arg-type]
    coming = [failure for failure in failures if failure.coming]
    assert [failure.fix.split()[-1] for failure in coming] == ["service-app", "service-app", "platform"]
    assert [failure for failure in failures if failure not in coming]
