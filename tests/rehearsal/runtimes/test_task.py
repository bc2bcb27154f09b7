"""A task's parts that both runtimes share, and which runtime is chosen."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from gitops.errors import GitopsError
from rehearsal import runtimes
from rehearsal.runtimes import task


def test_an_address_is_loopback_and_not_the_machines_own() -> None:
    address = ipaddress.ip_address(task.free_address([8080], []))
    assert address.is_loopback
    assert address not in ipaddress.ip_network("127.0.0.0/16")


def test_no_address_is_given_twice_or_where_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "FIRST_OCTETS", [64])
    monkeypatch.setattr("random.randrange", lambda *_: 7)
    assert task.free_address([8080], []) == "127.64.7.7"
    with pytest.raises(GitopsError, match="no loopback address has port 8080 free"):
        task.free_address([8080], ["127.64.7.7"])
    with socket.create_server(("127.64.7.7", 0)) as taken, pytest.raises(GitopsError):
        task.free_address([taken.getsockname()[1]], [])


def test_the_containers_of_a_task_have_one_address() -> None:
    containers = [{"name": "web", "portMappings": [{"containerPort": 8080}]}, {"name": "worker"}]
    one = task.StartedTask("arn", {"containerDefinitions": containers}, "")
    address = one.address([])
    # The first one's is taken by then.
    assert one.address([address]) == address


def test_gunicorns_own_arguments_stay() -> None:
    environment = task.listening_on({"GUNICORN_CMD_ARGS": "--threads 2"}, "127.64.0.1", [8080])
    assert environment["GUNICORN_CMD_ARGS"] == "--threads 2 --bind 127.64.0.1:8080"


def test_the_emulator_is_reached_on_loopback_and_other_values_are_left_alone() -> None:
    environment = {"AWS_ENDPOINT_URL": "http://host.docker.internal:1", "OWN": "host.docker.internal"}
    assert task.reachable(environment) == {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "OWN": "host.docker.internal"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["curl", "http://127.0.0.1:8080/health"], ["curl", "http://127.64.0.1:8080/health"]),
        (["/bin/sh", "-c", "curl localhost:8080 || exit 1"], ["/bin/sh", "-c", "curl 127.64.0.1:8080 || exit 1"]),
        (
            ["curl", "http://127.0.0.11/", "http://not.localhost/"],
            ["curl", "http://127.0.0.11/", "http://not.localhost/"],
        ),
    ],
)
def test_a_health_check_asks_the_tasks_own_address(command: list[str], expected: list[str]) -> None:
    assert task.asking(command, "127.64.0.1") == expected


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
    monkeypatch.setattr(runtimes, "containers_lack", lambda: lack)
    assert runtimes.choose(requested) == chosen


@pytest.mark.parametrize(
    ("host", "lack"),
    [
        # It does not share this machine's loopback.
        ("tcp://192.0.2.1:2375", "DOCKER_HOST is tcp://192.0.2.1:2375"),
        ("unix:///nowhere/docker.sock", "no Docker engine answers"),
    ],
)
def test_containers_that_cannot_work_are_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, host: str, lack: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.setattr("shutil.which", lambda name: name)
    with pytest.raises(GitopsError, match=f"tasks cannot run as containers here: {lack}"):
        runtimes.choose("containers")


@pytest.mark.parametrize(
    ("system", "security", "fits"),
    [
        ("Debian GNU/Linux 12", ["name=seccomp"], True),
        ("Docker Desktop", [], False),
        ("Debian GNU/Linux 12", ["name=rootless"], False),
    ],
)
def test_engines_with_a_network_of_their_own(system: str, security: list[str], fits: bool) -> None:
    assert (runtimes.engine_unfit(system, security) is None) is fits


@pytest.mark.parametrize("runtime", runtimes.NAMES)
def test_each_choice_says_what_it_does_not_prove(runtime: runtimes.RuntimeName) -> None:
    assert "Not proven" in runtimes.PROOF[runtime]
