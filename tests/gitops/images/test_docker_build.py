"""The docker command line, as a stand-in that writes down what it was told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitops.errors import GitopsError
from gitops.images import docker_build
from gitops.images.registry import Login

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


class Repository:
    uri, host = "127.0.0.1:5000/demo/app", "127.0.0.1:5000"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    log = tmp_path / "calls"

    def install(*, buildx: int = 0, build: int = 0) -> Path:
        program = tmp_path / "bin/docker"
        program.parent.mkdir(exist_ok=True)
        program.write_text(SCRIPT.format(log=log, buildx=buildx, build=build))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return log

    for name in ("DOCKER_BUILDKIT", "DOCKER_HOST", docker_build.BASE_IMAGE, docker_build.BUILD_NETWORK):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", "of-the-user")
    return install


def run(log: Path, tmp_path: Path) -> list[Call]:
    repository: Any = Repository()
    docker_build.build_and_push(repository, "abc", tmp_path, Login("AWS", "the password"))
    return [Call(*line.split("|")) for line in log.read_text().splitlines()]


def test_the_password_travels_over_standard_input_alone(docker: Any, tmp_path: Path) -> None:
    calls = run(docker(), tmp_path)
    assert "the password" not in "".join(call.words for call in calls)
    assert (tmp_path / "calls.stdin").read_text() == "the password"
    assert [call.words.split()[0] for call in calls] == ["buildx", "build", "context", "login", "push"]


def test_the_sign_in_is_gone_afterwards_and_the_engine_stays_the_same(docker: Any, tmp_path: Path) -> None:
    calls = {call.words.split()[0]: call for call in run(docker(), tmp_path)}
    assert calls["build"].config == "of-the-user"
    assert calls["login"].config == calls["push"].config != "of-the-user"
    assert not Path(calls["login"].config).exists()
    assert calls["push"].host == "unix:///run/chosen.sock"


@pytest.mark.parametrize(("buildx", "buildkit"), [(0, ""), (1, "0")])
def test_without_the_plugin_the_engines_own_builder_is_used(
    docker: Any, tmp_path: Path, buildx: int, buildkit: str
) -> None:
    calls = {call.words.split()[0]: call for call in run(docker(buildx=buildx), tmp_path)}
    assert calls["build"].buildkit == buildkit


def test_base_image_and_network_are_passed_on() -> None:
    settings = {docker_build.BASE_IMAGE: "base:1", docker_build.BUILD_NETWORK: "host"}
    words = docker_build.build_command("r:abc", "abc", Path("/source"), settings)
    assert words[:3] == ["build", "--tag", "r:abc"]
    assert words[3:7] == ["--label", "dev.fairweather.builder=docker", "--build-arg", "COMMIT=abc"]
    assert words[-5:-1] == ["--build-arg", "BASE_IMAGE=base:1", "--network", "host"]
    assert words[-1] == "/source"
    assert "BASE_IMAGE" not in " ".join(docker_build.build_command("r:abc", "abc", Path("/source"), {}))


def test_a_failed_build_pushes_nothing(docker: Any, tmp_path: Path) -> None:
    log = docker(build=1)
    with pytest.raises(GitopsError, match="docker cannot build"):
        run(log, tmp_path)
    calls = [Call(*line.split("|")) for line in log.read_text().splitlines()]
    assert [call.words.split()[0] for call in calls] == ["buildx", "build"]


def test_no_docker_on_path_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not docker_build.engine_answers()
