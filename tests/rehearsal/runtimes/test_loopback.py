from __future__ import annotations

import ipaddress
import socket

import pytest

from gitops.errors import GitopsError
from rehearsal.runtimes import loopback


def test_an_address_is_loopback_and_not_the_machines_own() -> None:
    address = ipaddress.ip_address(loopback.free_address([8080], []))
    assert address.is_loopback
    assert address not in ipaddress.ip_network("127.0.0.0/16")


def test_no_address_is_given_twice_or_where_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "FIRST_OCTETS", [64])
    monkeypatch.setattr("random.randrange", lambda *_: 7)
    assert loopback.free_address([8080], []) == "127.64.7.7"
    with pytest.raises(GitopsError, match="no loopback address has port 8080 free"):
        loopback.free_address([8080], ["127.64.7.7"])
    with socket.create_server(("127.64.7.7", 0)) as taken, pytest.raises(GitopsError):
        loopback.free_address([taken.getsockname()[1]], [])


def test_gunicorns_own_arguments_stay() -> None:
    environment = loopback.listening_on({"GUNICORN_CMD_ARGS": "--threads 2"}, "127.64.0.1", [8080])
    assert environment["GUNICORN_CMD_ARGS"] == "--threads 2 --bind 127.64.0.1:8080"


def test_the_emulator_is_reached_on_loopback_and_other_values_are_left_alone() -> None:
    environment = {"AWS_ENDPOINT_URL": "http://host.docker.internal:1", "OWN": "host.docker.internal"}
    assert loopback.reachable(environment) == {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "OWN": "host.docker.internal"}


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
    assert loopback.asking(command, "127.64.0.1") == expected
