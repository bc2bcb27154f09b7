"""gunicorn's configuration, and the real server: it starts warm, refuses, drains and ends."""

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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import pytest
import responses
from flask import Flask
from requests import PreparedRequest
from weather.config import LONGEST_DRAIN, WAITERS
from weather.reports import Reports

from rehearsal.page import loopback
from tests.conftest import ROOT
from tests.services.weather import documented

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


@pytest.fixture
def gate(upstream: responses.RequestsMock) -> Iterator[threading.Event]:
    """An upstream whose first answer comes when the gate opens."""
    opened = threading.Event()

    def places(_: PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert opened.wait(LONG)
        return 404, {}, ""

    documented.answer_all(upstream)
    upstream.replace(responses.CallbackResponse("GET", documented.GEO, callback=places))
    yield opened
    opened.set()


def test_every_visitor_of_a_warm_task_gets_the_page(app: Flask, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    reports: Reports = app.extensions["reports"]
    reports.warm(LONG)
    asked = len(upstream.calls)
    with ThreadPoolExecutor(16) as visitors:
        statuses = list(visitors.map(lambda _: app.test_client().get("/").status_code, range(64)))
    assert statuses == [200] * 64
    assert len(upstream.calls) == asked == 3


def test_a_hanging_upstream_does_not_keep_it_from_serving(app: Flask, gate: threading.Event) -> None:
    app.extensions["reports"].warm(0.01)
    assert not gate.is_set()
    assert app.test_client().get("/health").status_code == 200


def test_a_failing_upstream_does_not_either(app: Flask, upstream: responses.RequestsMock) -> None:
    upstream.get(documented.GEO, status=500)
    app.extensions["reports"].warm(LONG)
    assert app.test_client().get("/health").status_code == 200
    assert app.test_client().get("/").status_code == 502


def test_its_server_warms_it(app: Flask, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    hook = runpy.run_path(str(SERVICE / "gunicorn.conf.py"))["post_worker_init"]
    hook(SimpleNamespace(wsgi=app))
    assert len(upstream.calls) == 3
