"""Every mode over a real connection, changed at run time."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from rehearsal.openweathermap.behaviour import Behaviour, parse
from rehearsal.openweathermap.server import Server

QUESTION = "/data/2.5/weather?lat=51.5&lon=-0.13&units=metric&appid=k"
LONG = 30  # seconds after which a hanging test gives up; no test waits for it


def ask(stand_in: Server, timeout: float | tuple[float, float] = LONG) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(stand_in.url + QUESTION, timeout=timeout)


def tell(stand_in: Server, **body: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.put(f"{stand_in.url}/_behaviour", json=body, timeout=LONG)


def test_it_listens_on_the_loopback_only(stand_in: Server) -> None:
    assert stand_in.server_address[0] == "127.0.0.1"


def test_normal(stand_in: Server) -> None:
    assert ask(stand_in).json()["name"] == "London"


@pytest.mark.parametrize(("mode", "status"), [("limited", 429), ("broken", 500)])
def test_statuses(stand_in: Server, mode: str, status: int) -> None:
    assert tell(stand_in, mode=mode).status_code == 200
    answer = ask(stand_in)
    assert answer.status_code == status
    assert answer.json()["cod"] == status


def test_garbled(stand_in: Server) -> None:
    tell(stand_in, mode="garbled")
    answer = ask(stand_in)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_refused(stand_in: Server) -> None:
    tell(stand_in, mode="refused")
    with pytest.raises(requests.ConnectionError):
        ask(stand_in)


@pytest.mark.parametrize("body", [{"mode": "silent"}, {"mode": "slow", "seconds": 60}])
def test_slow_and_silent_keep_a_client_waiting(stand_in: Server, body: dict[str, Any]) -> None:
    tell(stand_in, **body)
    with pytest.raises(requests.ReadTimeout):
        ask(stand_in, timeout=(LONG, 0.05))


def test_slow_answers_in_the_end(stand_in: Server) -> None:
    tell(stand_in, mode="slow", seconds=0.05)
    assert ask(stand_in).json()["name"] == "London"


def test_back_to_normal_and_counted(stand_in: Server) -> None:
    tell(stand_in, mode="broken")
    ask(stand_in)
    tell(stand_in, mode="normal")
    assert ask(stand_in).status_code == 200
    with requests.Session() as session:
        session.trust_env = False
        state = session.get(f"{stand_in.url}/_behaviour", timeout=LONG).json()
    assert state == {"mode": "normal", "seconds": 3.0, "questions": 2}


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"mode": "odd"}', '{"mode": []}', '{"mode": "slow", "seconds": "long"}',
     '{"mode": "slow", "seconds": 61}', '{"mode": "slow", "seconds": NaN}', '{"mode": "slow", "seconds": true}'],
)  # fmt: skip
def test_a_wrong_behaviour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"mode|seconds|JSON"):
        parse(text)


def test_a_refused_behaviour_changes_nothing(stand_in: Server) -> None:
    answer = tell(stand_in, mode="odd")
    assert answer.status_code == 400
    assert "mode must be one of" in answer.json()["message"]
    assert stand_in.behaviour == Behaviour()


def test_a_behaviour_is_what_was_said() -> None:
    assert parse(json.dumps({"mode": "slow", "seconds": 1})) == Behaviour("slow", 1.0)
