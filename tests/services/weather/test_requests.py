"""What every request gets: headers, health, a line in the log; and which addresses there are."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from weather import create_app
from weather.config import Settings
from weather.logs import JsonLines

from gitops.contract import routes
from tests.conftest import ROOT
from tests.services.weather import documented
from tests.services.weather.documented import GEO

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", ["/health", "/static/style.css", "/nothing", "/?units=no"])
def test_every_answer_has_them(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize(("scheme", "expected"), [("https", True), ("http", False)])
def test_strict_transport_only_where_the_balancer_spoke_tls(
    client: FlaskClient, scheme: str, *, expected: bool
) -> None:
    headers = client.get("/health", headers={"X-Forwarded-Proto": scheme}).headers
    assert ("Strict-Transport-Security" in headers) is expected


def test_health_asks_nobody(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok"}
    assert len(upstream.calls) == 0


def test_ready_asks_one_cheap_thing_each_time(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    for _ in range(2):
        answer = client.get("/ready")
        assert answer.status_code == 200
        assert answer.json == {"status": "ok", "commit": "c0ffee" * 6 + "c0ff", "upstream": "ok"}
    assert [str(call.request.url).split("?")[0] for call in upstream.calls] == [GEO, GEO]


@pytest.mark.parametrize(("status", "body", "title"), [(401, "", "Our key was refused"), (200, "[]", "No such city")])
def test_ready_is_not_when_the_upstream_fails(
    client: FlaskClient, upstream: responses.RequestsMock, status: int, body: str, title: str
) -> None:
    upstream.get(GEO, status=status, body=body)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json == {"status": "failing", "commit": "c0ffee" * 6 + "c0ff", "upstream": title}


def requests_in(log: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["logger"] == "weather.request"]


def test_a_request_is_one_line(client: FlaskClient, upstream: responses.RequestsMock, log: io.StringIO) -> None:
    documented.answer_all(upstream)
    client.get(
        "/?city=Secretville",
        headers={"X-Amzn-Trace-Id": "Root=1-67891233-abc", "X-Forwarded-For": "203.0.113.9, 198.51.100.7"},
    )
    (line,) = requests_in(log)
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") >= 0
    assert line == {
        "level": "INFO",
        "logger": "weather.request",
        "message": "request",
        "method": "GET",
        "path": "/",
        "status": 200,
        "request_id": "Root=1-67891233-abc",
        "remote": "198.51.100.7",  # what the balancer saw; the client's own claim stands before it
    }
    assert "Secretville" not in json.dumps(line)


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", ["DEBUG"]), ("INFO", [])])
def test_health_is_logged_at_debug_only(level: str, expected: list[str]) -> None:
    log = io.StringIO()
    app = create_app(Settings(key="k", log_level=level), log_to=log)
    app.test_client().get("/health")
    assert [line["level"] for line in requests_in(log)] == expected


def test_a_path_cannot_forge_a_line(client: FlaskClient, log: io.StringIO) -> None:
    client.get("/a%0a%7b%22level%22:%22ERROR%22%7d")
    assert [line["status"] for line in requests_in(log)] == [404]


@pytest.mark.parametrize("key", ["plainkey", 'odd"key+&='])
def test_the_key_is_blotted_out_of_any_line(key: str) -> None:
    raised = (ValueError, ValueError(f"with {key}"), None)
    address = f"/x?appid={key}"
    record = logging.LogRecord("urllib3", logging.DEBUG, "", 0, '"GET %s"', (address,), raised)
    line = json.loads(JsonLines([key]).format(record))
    assert line["message"] == '"GET /x?appid=[key]"'
    assert "with [key]" in line["exception"]
    assert key not in line["exception"]


def test_a_second_application_does_not_double_the_lines(app: Flask) -> None:
    log = io.StringIO()
    create_app(Settings(key="k"), log_to=log)
    logging.getLogger("anything").info("once")
    assert log.getvalue().count("once") == 1


ASK = """
import json, weather, weather.config
rules = weather.create_app(weather.config.Settings(key="0" * 32)).url_map.iter_rules()
print(json.dumps([rule.rule for rule in rules if "GET" in rule.methods and rule.endpoint != "static"]))
"""


def test_what_is_read_from_the_code_is_what_flask_itself_says() -> None:
    folder = ROOT / "services/weather"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]
    # In a process of its own: the service configures the logging of the whole process.
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, capture_output=True, text=True, check=True)
    assert routes.paths(texts) == set(json.loads(done.stdout.splitlines()[-1]))
