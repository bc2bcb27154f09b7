"""The command asks the rehearsal that runs in this clone, and says so when there is none."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal import state
from rehearsal.emulator.used_permissions import PATH
from rehearsal.permissions.command import permissions
from tests.conftest import ROOT
from tests.ports import free_port

USES = [
    {
        "account": "111111111111",
        "role": "fairweather-staging-drill",
        "sid": "StopTasks",
        "action": "ecs:StopTask",
        "count": 3,
        "resources": ["arn:aws:ecs:eu-west-2:111111111111:task/fairweather-staging/1a2b"],
    }
]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == PATH else 404)
        self.end_headers()
        self.wfile.write(json.dumps(USES).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Stay silent."""


@pytest.fixture
def emulator() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    return tmp_path


def asked(clone: Path, *, as_json: bool) -> str:
    said: list[str] = []
    assert permissions(clone, argparse.Namespace(json=as_json), said.append) == 0
    return "\n".join(said)


def test_what_the_emulator_saw_is_held_against_the_templates(clone: Path, emulator: int) -> None:
    state.save(clone, state.State(port=emulator, runtime="processes"))
    roles = {one["role"]: one for one in json.loads(asked(clone, as_json=True))}
    assert roles["drill"]["used"] == [{"sid": "StopTasks", "action": "ecs:StopTask"}]
    assert len(roles["drill"]["unused"]) == roles["drill"]["granted"] - 1
    lines = asked(clone, as_json=False).splitlines()
    assert f"drill: 1 of {roles['drill']['granted']}" in lines
    assert any(line.split()[:2] == ["StopTasks", "ecs:DescribeTasks"] for line in lines)
    assert any(line.startswith("cloudformation: ") and "not proven here" in line for line in lines)


def test_without_a_rehearsal_there_is_nothing_to_report(clone: Path) -> None:
    with pytest.raises(GitopsError, match="no rehearsal runs in this clone"):
        asked(clone, as_json=False)


def test_an_emulator_that_has_ended_says_nothing(clone: Path) -> None:
    state.save(clone, state.State(port=free_port(), runtime="processes"))
    with pytest.raises(GitopsError, match="does not say what was used"):
        asked(clone, as_json=True)
