"""Which builder is used, what is built from, docker's command line, and a repository that is not there yet."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from gitops import environments
from gitops.clock import Clock
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import build
from gitops.oci import Login, Reference
from gitops.registry import Repository
from gitops.repository import Checkout
from tests.gitops.conftest import commit, write

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("wanted", "allowed", "engine", "expected"),
    [
        ("pack", ["docker"], True, "pack"),
        ("docker", ["pack"], False, "docker"),
        ("", ["docker", "pack"], True, "docker"),
        ("", ["docker", "pack"], False, "pack"),
        ("", ["pack", "docker"], True, "pack"),
    ],
)
def test_the_builder_asked_for_else_the_first_that_works(
    wanted: str, allowed: list[str], engine: bool, expected: str
) -> None:
    assert build.choose(wanted, allowed, lambda: engine) == expected


@pytest.mark.parametrize(
    ("wanted", "engine", "problem"),
    [("", False, "no Docker engine answers"), ("podman", True, "no builder named podman")],
)
def test_no_builder_that_works_and_an_unknown_one_are_errors(wanted: str, engine: bool, problem: str) -> None:
    with pytest.raises(GitopsError, match=problem):
        build.choose(wanted, ["docker"], lambda: engine)


class FakeRepository:
    """A repository in which a tag appears once it was pushed."""

    name, uri = "demo/app", "reg.example/demo/app"

    def __init__(self, *digests: str | None) -> None:
        self.digests = list(digests)

    def login(self) -> Login:
        return Login("AWS", "password")

    def image(self, commit: str) -> Reference | None:
        assert len(commit) == 40
        digest = self.digests.pop(0)
        return Reference(self.uri, commit, digest) if digest else None


@pytest.fixture
def built_from(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def build_and_push(_: object, __: str, folder: Path, ___: Login) -> None:
        seen.append((folder / "page.txt").read_text())

    monkeypatch.setattr(build, "build_and_push", build_and_push)
    return seen


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    write(tmp_path / "services/app/Dockerfile", "FROM x\n")
    write(tmp_path / "services/app/page.txt", "committed")
    return tmp_path


def built(clone: Path, revision: str, *digests: str | None) -> str:
    repository: Any = FakeRepository(*digests)
    return str(build.build(Checkout(clone), repository, "app", revision, "docker"))


def test_the_commit_is_built_and_not_the_work_tree(clone: Path, built_from: list[str]) -> None:
    revision = commit(clone)
    write(clone / "services/app/page.txt", "changed since")
    assert built(clone, revision, DIGEST) == f"reg.example/demo/app:{revision}@{DIGEST}"
    with pytest.raises(GitopsError, match="not in the registry after the push"):
        built(clone, revision, None)
    assert built_from == ["committed", "committed"]


def test_a_push_that_another_run_won_is_its_image(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise GitopsError("the tag is immutable")

    monkeypatch.setattr(build, "build_and_push", refused)
    revision = commit(clone)
    assert built(clone, revision, DIGEST).endswith(DIGEST)
    with pytest.raises(GitopsError, match="immutable"):
        built(clone, revision, None)


SCRIPT = """\
#!/bin/sh
echo "$DOCKER_BUILDKIT|$DOCKER_HOST|$DOCKER_CONFIG|$*" >> "{log}"
case "$1" in
  buildx) exit {buildx} ;;
  context) echo unix:///run/chosen.sock ;;
  login) cat > "{log}.stdin"; echo secret > "$DOCKER_CONFIG/config.json" ;;
  push) test -f "$DOCKER_CONFIG/config.json" || exit 1 ;;
  build) exit {build} ;;
esac
"""


class Call(NamedTuple):
    buildkit: str
    host: str
    config: str
    words: str


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Call]]:
    """Build and push with a docker that ends so: what it was called with, by its first word."""
    for name in ("DOCKER_BUILDKIT", "DOCKER_HOST", build.BASE_IMAGE, build.BUILD_NETWORK):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", "of-the-user")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    repository: Any = SimpleNamespace(uri="127.0.0.1:5000/demo/app", host="127.0.0.1:5000")

    def ship(*, buildx: int = 0, built: int = 0, problem: str = "") -> dict[str, Call]:
        program, log = tmp_path / "docker", tmp_path / "calls"
        program.write_text(SCRIPT.format(log=log, buildx=buildx, build=built))
        program.chmod(0o755)
        with pytest.raises(GitopsError, match=problem) if problem else nullcontext():
            build.build_and_push(repository, "abc", tmp_path, Login("AWS", "the password"))
        calls = [Call(*line.split("|")) for line in log.read_text().splitlines()]
        return {call.words.split()[0]: call for call in calls}

    return ship


def test_the_sign_in_is_over_standard_input_and_gone_afterwards(docker: Any, tmp_path: Path) -> None:
    calls = docker()
    assert "the password" not in "".join(call.words for call in calls.values())
    assert (tmp_path / "calls.stdin").read_text() == "the password"
    assert list(calls) == ["buildx", "build", "context", "login", "push"]
    assert calls["build"].config == "of-the-user"
    assert calls["login"].config == calls["push"].config != "of-the-user"
    assert not Path(calls["login"].config).exists()
    assert calls["push"].host == "unix:///run/chosen.sock"


@pytest.mark.parametrize(("buildx", "buildkit"), [(0, ""), (1, "0")])
def test_without_the_plugin_the_engines_own_builder_is_used(docker: Any, buildx: int, buildkit: str) -> None:
    assert docker(buildx=buildx)["build"].buildkit == buildkit


def test_base_image_and_network_are_passed_on() -> None:
    settings = {build.BASE_IMAGE: "base:1", build.BUILD_NETWORK: "host"}
    words = build.build_command("r:abc", "abc", Path("/source"), settings)
    assert words[:3] == ["build", "--tag", "r:abc"]
    assert words[3:7] == ["--label", "dev.fairweather.builder=docker", "--build-arg", "COMMIT=abc"]
    assert words[-5:-1] == ["--build-arg", "BASE_IMAGE=base:1", "--network", "host"]
    assert words[-1] == "/source"
    assert "BASE_IMAGE" not in " ".join(build.build_command("r:abc", "abc", Path("/source"), {}))


def test_a_failed_build_pushes_nothing(docker: Any) -> None:
    assert list(docker(built=1, problem="docker cannot build")) == ["buildx", "build"]


def test_no_docker_on_path_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not build.engine_answers()


@pytest.fixture
def home(repository: Path) -> Environment:
    here = environments.load(Checkout(repository), "staging")
    return msgspec.structs.replace(here, stacks={"repository": {}})


@pytest.mark.parametrize(
    ("service", "stack", "asked"),
    [
        pytest.param("app", "repository", True, id="its entry"),
        pytest.param("only", "repository", True, id="an entry in another environment that pulls from here"),
        pytest.param("alerts", "repository", False, id="another's entry"),
        pytest.param("ap", "repository", False, id="a part of the name"),
        pytest.param("late", "repository", False, id="an entry that is not committed"),
        pytest.param("app", "network", False, id="no repositories here"),
    ],
)
def test_whether_a_commit_asks_for_it(
    repository: Path, home: Environment, service: str, stack: str, asked: bool
) -> None:
    write(repository / "infra/environments/production/only.yaml", "parameters: {}")
    head = commit(repository, "First")
    # The commit is what counts, whatever the work tree says.
    write(repository / "infra/environments/staging/late.yaml", "parameters: {}")
    (repository / "infra/environments/staging/app.yaml").unlink()
    here = msgspec.structs.replace(home, stacks={stack: {}})
    assert build.is_expected(Checkout(repository), head, here, service) is asked


@pytest.mark.parametrize(
    ("there_at", "asked", "limit", "said"),
    [
        pytest.param(0, False, 600, "", id="there already"),
        pytest.param(90, True, 600, "", id="it comes"),
        pytest.param(90, False, 600, "has no image repository .*--stack repository-app", id="nothing asks for it"),
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
    found = Repository(None, "1" * 12, name, f"registry.example/{name}")  # type: ignore[arg-type]

    def find() -> Repository | None:
        return found if now[0] >= there_at else None

    if said:
        with pytest.raises(GitopsError) as refused:
            build.awaited(find, lambda: asked, home, "app", limit, clock)
        assert name in refused.value.problem
        assert re.search(said, str(refused.value))
        assert now[0] <= limit + 10 if asked else now[0] == 0
    else:
        assert build.awaited(find, lambda: asked, home, "app", limit, clock) is found
    waits = asked and limit > 0 and there_at > 0
    assert (f"waiting for the image repository {name}" in capsys.readouterr().out) is waits
