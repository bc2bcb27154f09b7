"""The command: serves until told to stop, and tells a running one how to behave."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rehearsal.openweathermap.__main__ import main
from rehearsal.openweathermap.behaviour import Behaviour
from rehearsal.openweathermap.server import Server

ROOT = Path(__file__).resolve().parents[3]
LONG = 30  # seconds after which a hanging test gives up; no test waits for it


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal.openweathermap", "--port", "0", "--state", str(tmp_path)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "OPENWEATHER_API_KEY": "right"},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    process.communicate()


def test_it_says_where_it_is_and_cleans_up(running: subprocess.Popen[str], tmp_path: Path) -> None:
    assert running.stdout is not None
    line = running.stdout.readline()
    assert "made-up" in line
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    assert found
    state = json.loads((tmp_path / "openweathermap.json").read_text())
    assert state == {"url": found[0], "pid": running.pid}
    assert main(["--tell", "limited", "--port", found[1]]) == 0
    running.send_signal(signal.SIGTERM)
    assert running.wait(LONG) == 0
    assert list(tmp_path.iterdir()) == []


def test_tell(stand_in: Server, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(stand_in.server_address[1])
    assert main(["--tell", "slow", "--seconds", "2", "--port", port]) == 0
    assert stand_in.behaviour == Behaviour("slow", 2.0)
    assert "is now slow" in capsys.readouterr().out


def test_what_cannot_be_told_is_one_line(stand_in: Server, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(stand_in.server_address[1])
    assert main(["--tell", "slow", "--seconds", "99", "--port", port]) == 1
    assert "seconds must be from 0 to 60" in capsys.readouterr().err
    assert main(["--tell", "normal", "--port", "1"]) == 1
    assert capsys.readouterr().err.startswith("error: 127.0.0.1:1:")


def test_a_port_that_is_taken_is_one_line(stand_in: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(stand_in.server_address[1])]) == 1
    assert "in use" in capsys.readouterr().err
