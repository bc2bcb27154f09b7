"""A repository that is not there: waited for when the commit asks for it, refused at once when it does not."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import expected
from gitops.images.registry import Repository
from gitops.stacks.waiting import Clock
from tests.gitops.conftest import commit, write

TEMPLATE = """\
Resources:
  Key: {Type: AWS::KMS::Key}
  AppRepository:
    Type: AWS::ECR::Repository
    Properties: {RepositoryName: !Sub "${Project}/app"}
"""


@pytest.fixture
def home(repository: Path) -> Environment:
    here = environments.load(repository, "staging")
    return msgspec.structs.replace(here, stacks={"registry": {}})


@pytest.mark.parametrize(
    ("text", "service", "stacks", "asked"),
    [
        pytest.param(TEMPLATE, "app", ["registry"], True, id="its repository"),
        pytest.param(TEMPLATE, "alerts", ["registry"], False, id="another's repository"),
        pytest.param(TEMPLATE, "ap", ["registry"], False, id="a part of the name"),
        pytest.param(TEMPLATE, "app", ["network"], False, id="no registry here"),
        pytest.param(None, "app", ["registry"], False, id="no template"),
        pytest.param("Resources: [", "app", ["registry"], False, id="no YAML"),
    ],
)
def test_whether_a_commit_asks_for_it(
    repository: Path, home: Environment, text: str | None, service: str, stacks: list[str], asked: bool
) -> None:
    if text is not None:
        write(repository / "infra/cloudformation/registry.yaml", text)
    head = commit(repository, "First")
    # The commit is what counts, whatever the work tree says.
    write(repository / "infra/cloudformation/registry.yaml", "Resources: {}")
    here = msgspec.structs.replace(home, stacks={name: {} for name in stacks})
    assert expected.is_expected(repository, head, here, service) is asked


def found(name: str) -> Repository:
    return Repository(None, "1" * 12, name, f"registry.example/{name}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there_at", "asked", "limit", "said"),
    [
        pytest.param(0, False, 600, "", id="there already"),
        pytest.param(90, True, 600, "", id="it comes"),
        pytest.param(90, False, 600, "has no image repository .*--stack registry", id="nothing asks for it"),
        pytest.param(90, True, 0, "has no image repository", id="no wait is wanted"),
        pytest.param(90, True, 60, "still has no image repository .* after 60 s.*approval", id="it comes too late"),
    ],
)
def test_it_is_waited_for(
    home: Environment, capsys: pytest.CaptureFixture[str], there_at: float, asked: bool, limit: float, said: str
) -> None:
    now = [0.0]
    clock = Clock(now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    name = home.repository("app")

    def find() -> Repository | None:
        return found(name) if now[0] >= there_at else None

    if said:
        with pytest.raises(GitopsError) as refused:
            expected.repository(find, lambda: asked, home, "app", limit, clock)
        assert name in refused.value.problem
        assert re.search(said, str(refused.value))
        assert now[0] <= limit + 10 if asked else now[0] == 0
    else:
        assert expected.repository(find, lambda: asked, home, "app", limit, clock) == found(name)
    waits = asked and limit > 0 and there_at > 0
    assert (f"waiting for the image repository {name}" in capsys.readouterr().out) is waits
