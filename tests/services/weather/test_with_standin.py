"""The service against the stand-in: every city, every failure, and the key in no line of the log."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from openweathermap import MODES, Behaviour, Server
from openweathermap_answers import CITIES, City
from weather import client, create_app
from weather.config import Settings
from weather.errors import NoAnswer

LONG = 30.0  # seconds after which a hanging test gives up; no test waits for it
KEY = "0123456789abcdef0123456789abcdef"
STATUSES = {"normal": 200, "slow": 504, "silent": 504, "refused": 502, "limited": 503, "broken": 502, "garbled": 502}


@pytest.fixture
def app(stand_in: Server, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Flask:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return create_app(Settings(key=KEY, url=stand_in.url, log_level="DEBUG"), log_to=log)


@pytest.mark.parametrize("units", ["metric", "imperial"])
@pytest.mark.parametrize("city", CITIES, ids=[city.name for city in CITIES])
def test_every_city_has_its_page(app: Flask, city: City, units: str) -> None:
    page = app.test_client().get("/", query_string={"city": city.name, "units": units})
    assert page.status_code == 200
    assert f"{city.name}, {city.country}" in page.text
    assert "Next 24 hours" in page.text
    assert ("Sunrise" in page.text) is (city.sun_hours is not None)


def test_a_mode_of_each_kind_is_tried() -> None:
    assert set(STATUSES) == set(MODES)


@pytest.mark.parametrize(("mode", "status"), STATUSES.items())
def test_every_mode_is_survived_without_leaking_the_key(
    app: Flask,
    stand_in: Server,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    status: int,
) -> None:
    # Seconds to connect and to be answered in: short only where no answer comes.
    patience = (LONG, 0.05 if mode in {"slow", "silent"} else LONG)
    monkeypatch.setattr(client.OpenWeatherMap.place, "__defaults__", (patience,))
    stand_in.behave(Behaviour(mode, 60.0))
    page = app.test_client().get("/")
    assert page.status_code == status
    assert app.test_client().get("/health").status_code == 200
    for shown in (page.text, str(page.headers), log.getvalue()):
        assert KEY not in shown
    # urllib3 did write the address, so that the silence above is not for want of a line.
    assert any(KEY in record.getMessage() for record in caplog.records) is (mode not in {"slow", "silent", "refused"})


@pytest.mark.parametrize("mode", ["slow", "silent"])
def test_the_client_itself_gives_up(stand_in: Server, mode: str) -> None:
    """The cache's patience would give an answer too, but leave the thread in the call."""
    stand_in.behave(Behaviour(mode, 60.0))
    with pytest.raises(NoAnswer):
        client.OpenWeatherMap(stand_in.url, KEY).place("London", (LONG, 0.05))


def test_a_wrong_key_is_refused(app: Flask, stand_in: Server) -> None:
    stand_in.accepted_key = "another"
    page = app.test_client().get("/")
    assert page.status_code == 502
    assert "Our key was refused" in page.text


def test_an_unknown_city(app: Flask) -> None:
    assert app.test_client().get("/?city=Atlantis").status_code == 404


def test_ready_follows_the_upstream(app: Flask, stand_in: Server) -> None:
    ask = app.test_client()
    assert ask.get("/ready").status_code == 200
    stand_in.behave(Behaviour("broken"))
    assert ask.get("/ready").status_code == 503
    stand_in.behave(Behaviour())
    assert ask.get("/ready").status_code == 200
