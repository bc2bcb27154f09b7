"""Every way in which OpenWeatherMap can fail: an honest answer, the right status, and never the key."""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
from flask import Flask
from flask.testing import FlaskClient
from weather.client import OpenWeatherMap
from weather.errors import Failure

from tests.services.weather import documented
from tests.services.weather.documented import FORECAST, GEO, WEATHER

Answer = dict[str, Any]
LEAKY = f"HTTPConnectionPool: /data/2.5/weather?appid={documented.KEY}"

FAILURES: list[tuple[str, Answer, int, str]] = [
    ("bad key", {"status": 401, "json": {"cod": 401, "message": "Invalid API key"}}, 502, "key was refused"),
    ("limit", {"status": 429, "json": {"cod": 429}}, 503, "Too many questions"),
    ("broken", {"status": 500, "json": {"cod": 500}}, 502, "has a problem"),
    ("unavailable", {"status": 503, "body": "<html>"}, 502, "has a problem"),
    ("undocumented", {"status": 418, "json": {}}, 502, "has a problem"),
    ("moved", {"status": 302, "headers": {"Location": "https://elsewhere.test"}}, 502, "has a problem"),
    ("slow answer", {"body": requests.ReadTimeout(LEAKY)}, 504, "does not answer"),
    ("slow connection", {"body": requests.ConnectTimeout(LEAKY)}, 504, "does not answer"),
    ("refused", {"body": requests.ConnectionError(LEAKY)}, 502, "cannot be reached"),
    ("cut off", {"body": requests.exceptions.ChunkedEncodingError(LEAKY)}, 502, "cannot be reached"),
    ("not JSON", {"body": "<html>hello</html>"}, 502, "makes no sense"),
    ("empty", {"body": ""}, 502, "makes no sense"),
    ("not UTF-8", {"body": b"\xff\xfe\xfa"}, 502, "makes no sense"),
    ("null", {"json": None}, 502, "makes no sense"),
    ("a number", {"json": 7}, 502, "makes no sense"),
    ("another shape", {"json": {"hello": "world"}}, 502, "makes no sense"),
]


@pytest.mark.parametrize("endpoint", [GEO, WEATHER, FORECAST])
@pytest.mark.parametrize(("answer", "status", "title"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_each_failure_gets_an_honest_page(
    client: FlaskClient,
    upstream: responses.RequestsMock,
    log: io.StringIO,
    endpoint: str,
    answer: Answer,
    status: int,
    title: str,
) -> None:
    documented.answer_all(upstream)
    upstream.replace("GET", endpoint, **answer)
    page = client.get("/")
    assert page.status_code == status
    assert title in page.text.replace("&#39;", "'")
    assert "Traceback" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    for place in (page.text, str(page.headers), log.getvalue()):
        assert documented.KEY not in place
    assert f'"status": {status}' in log.getvalue()


@pytest.mark.parametrize("answer", [{"json": []}, {"status": 404, "json": {"cod": "404"}}, {"status": 400}])
def test_an_unknown_city_is_404(client: FlaskClient, upstream: responses.RequestsMock, answer: Answer) -> None:
    upstream.get(GEO, **answer)
    page = client.get("/?city=Atlantis")
    assert page.status_code == 404
    assert "no city called “Atlantis”" in page.text
    assert 'value="Atlantis"' in page.text, "what was asked stays in the box, to be corrected"


def test_a_used_up_limit_says_when_to_come_back(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    upstream.get(GEO, status=429)
    assert client.get("/").headers["Retry-After"] == "60"


def _without(path: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for name in outer:
            body = body[name]
        del body[last]

    return change


def _with(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.update(values)


@pytest.mark.parametrize(
    "change",
    [
        *[_without(p) for p in ("main", "main.temp", "main.humidity", "weather", "dt", "timezone")],
        _with(weather=[]),
        _with(main=[]),
        _with(wind=3),
        _with(dt="soon"),
        _with(dt=1e300),
        _with(timezone=90000),
        _with(main={"temp": float("nan"), "feels_like": 1, "humidity": 2}),
        _with(main={"temp": True, "feels_like": 1, "humidity": 2}),
        _with(sys=None),
    ],
)
def test_a_wrong_shape_is_noticed(
    client: FlaskClient, upstream: responses.RequestsMock, change: Callable[[dict[str, Any]], None]
) -> None:
    body = documented.weather()
    change(body)
    documented.answer_all(upstream)
    upstream.replace("GET", WEATHER, json=body)
    page = client.get("/")
    assert page.status_code == 502
    assert "weather answer is not of the documented shape" in page.text


def test_the_bodys_own_code_is_not_believed(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream, cod="404")
    assert client.get("/").status_code == 200


def test_failures_come_as_json_too(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    upstream.get(GEO, status=401)
    answer = client.get("/", headers={"Accept": "application/json"})
    assert answer.status_code == 502
    assert answer.json is not None
    assert answer.json["error"] == "Our key was refused"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/", 405)])
def test_an_address_that_is_not_there(client: FlaskClient, method: str, path: str, status: int) -> None:
    page = client.open(path, method=method)
    assert page.status_code == status
    assert "Back to the start page" in page.text
    assert ("Allow" in page.headers) == (status == 405)


@pytest.mark.parametrize("raised", [requests.ReadTimeout(LEAKY), requests.ConnectionError(LEAKY)])
def test_no_traceback_leads_back_to_the_key(upstream: responses.RequestsMock, raised: Exception) -> None:
    upstream.get(GEO, body=raised)
    with pytest.raises(Failure) as failure:
        OpenWeatherMap(documented.URL, documented.KEY).place("London")
    assert documented.KEY not in "".join(traceback.format_exception(failure.value))


def test_a_mistake_of_ours_is_logged_and_not_shown(
    app: Flask, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"detail {documented.KEY}")

    monkeypatch.setattr(app.extensions["reports"], "get", broken)
    page = app.test_client().get("/")
    assert page.status_code == 500
    assert "detail" not in page.text
    assert "RuntimeError: detail [key]" in log.getvalue()
    assert documented.KEY not in log.getvalue()
