"""gunicorn's configuration, and the real server: it starts, refuses, drains and ends."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from weather.config import LONGEST_DRAIN, WAITERS

from rehearsal.page import loopback
from tests.conftest import ROOT

SERVICE = ROOT / "services/weather"
DEFINITION = ROOT / "taskdefs/weather/rendered/production.json"
BALANCER_IDLE = 60  # seconds that an Application Load Balancer keeps an idle connection
LONG = 30  # seconds after which a hanging test gives up; no test waits for it

Start = Callable[..., "subprocess.Popen[str]"]


def test_it_fits_the_balancer_ecs_and_a_read_only_root() -> None:
    configuration = runpy.run_path(str(SERVICE / "gunicorn.conf.py"))
    assert configuration["bind"] == "0.0.0.0:8080"
    assert configuration["worker_class"] == "gthread"
    assert configuration["keepalive"] > BALANCER_IDLE
    (container,) = json.loads(DEFINITION.read_text())["containerDefinitions"]
    # ECS kills later than the longest drain ends.
    assert LONGEST_DRAIN + configuration["graceful_timeout"] < container["stopTimeout"]
    assert configuration["threads"] // 2 == WAITERS
    assert configuration["worker_tmp_dir"] == "/dev/shm"  # noqa: S108
    assert configuration["control_socket_disable"] is True
    assert configuration["accesslog"] is None


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the image's own command on a free port; what is left running is ended."""
    running: list[tuple[subprocess.Popen[str], threading.Timer]] = []

    def run(**environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "weather:create_app()"],
            cwd=SERVICE,
            env={
                "PATH": os.environ["PATH"],
                "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0",
                "OPENWEATHER_URL": "http://127.0.0.1:9",  # nothing listens on the discard port
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Its death ends its log, and so whoever waits for a line that never comes.
        watchdog = threading.Timer(LONG, process.kill)
        watchdog.start()
        running.append((process, watchdog))
        return process

    yield run
    for process, watchdog in running:
        watchdog.cancel()
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def line_with(process: subprocess.Popen[str], pattern: str) -> str:
    """Read the log until a line matches; fails when it ends before."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found[found.re.groups]
    return pytest.fail(f"no line with {pattern} before the end")


def health(address: str) -> int:
    with loopback() as session:
        return session.get(f"{address}/health", timeout=LONG).status_code


def test_a_wrong_environment_ends_it_with_one_last_line(start: Start) -> None:
    process = start(DEFAULT_UNITS="kelvin")
    _, log = process.communicate(timeout=LONG)
    assert process.returncode == 78
    assert "Traceback" not in log
    assert log.splitlines()[-1] == (
        "weather cannot start: OPENWEATHER_API_KEY is missing; DEFAULT_UNITS must be metric or imperial"
    )


def test_it_answers_drains_and_ends(start: Start) -> None:
    process = start(OPENWEATHER_API_KEY="key", DRAIN_SECONDS="9")
    address = line_with(process, r"Listening at: (http://\S+)")
    assert health(address) == 200
    process.send_signal(signal.SIGTERM)
    line_with(process, "SIGTERM: serving on")
    assert health(address) == 200, "a new connection is served while the balancer still routes here"
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONG) == 0


def test_the_drain_ends_by_itself(start: Start) -> None:
    process = start(OPENWEATHER_API_KEY="key", DRAIN_SECONDS="0.1")
    line_with(process, r"Listening at: (http://\S+)")
    line_with(process, "Booting worker")
    process.send_signal(signal.SIGTERM)
    line_with(process, "Handling signal: term")
    assert process.wait(LONG) == 0
