from __future__ import annotations

import pytest

from gitops.errors import GitopsError
from rehearsal.runtimes import choose


@pytest.mark.parametrize(
    ("requested", "lack", "chosen"),
    [
        ("auto", None, "containers"),
        ("auto", "no engine", "processes"),
        ("containers", None, "containers"),
        ("processes", None, "processes"),
    ],
)
def test_containers_where_they_work(
    monkeypatch: pytest.MonkeyPatch, requested: str, lack: str | None, chosen: str
) -> None:
    monkeypatch.setattr(choose, "containers_lack", lambda: lack)
    assert choose.choose(requested) == chosen


def test_containers_that_cannot_work_are_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "containers_lack", lambda: "no Docker engine answers")
    with pytest.raises(GitopsError, match="no Docker engine answers"):
        choose.choose("containers")


def test_an_engine_elsewhere_does_not_share_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert "DOCKER_HOST is tcp://192.0.2.1:2375" in (choose.containers_lack() or "")


def test_no_engine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr("shutil.which", lambda name: name)
    assert "no Docker engine answers" in (choose.containers_lack() or "")


@pytest.mark.parametrize(
    ("system", "security", "fits"),
    [
        ("Debian GNU/Linux 12", ["name=seccomp"], True),
        ("Docker Desktop", [], False),
        ("Debian GNU/Linux 12", ["name=rootless"], False),
    ],
)
def test_engines_with_a_network_of_their_own(system: str, security: list[str], fits: bool) -> None:
    assert (choose.engine_unfit(system, security) is None) is fits


@pytest.mark.parametrize("runtime", ["containers", "processes"])
def test_each_choice_says_what_it_does_not_prove(runtime: str) -> None:
    assert "Not proven" in choose.proof(runtime)  # type: ignore[arg-type]
