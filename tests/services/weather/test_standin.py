"""The stand-in for OpenWeatherMap: documented shapes, errors in the real format, every mode, its command; and the
service against it: every city, every failure, and the key in no line of the log.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import openweathermap
import openweathermap_answers as answers
import pytest
import requests
from flask import Flask
from openweathermap import CONTROL, MODES, Behaviour, Server, main, parse
from openweathermap_answers import CITIES, KEY_REFUSED, City, answer, by_name, nearest
from weather import client, create_app
from weather.config import Settings
from weather.errors import NoAnswer

from rehearsal.page import loopback
from tests.services.weather import documented

NOW = 1763712345.0
LONG = 30  # seconds after which a hanging test gives up; no test waits for it
EVERY_CITY = pytest.mark.parametrize("city", CITIES, ids=[city.name for city in CITIES])


def city(name: str) -> City:
    return by_name(name)[0]


@EVERY_CITY
def test_the_weather_has_what_is_documented(city: City) -> None:
    body = answers.weather(city, "metric", NOW)
    assert {"coord", "weather", "base", "main", "wind", "clouds", "dt", "sys", "timezone", "id", "name"} <= set(body)
    assert {"temp", "feels_like", "temp_min", "temp_max", "pressure", "humidity"} <= set(body["main"])
    assert body["cod"] == 200
    assert body["dt"] == 1763712000, "observed at the last full ten minutes"
    assert ("gust" in body["wind"]) is (city.gust is not None)
    assert ("sunrise" in body["sys"]) is (city.sun_hours is not None)
    assert ("rain" in body) is (city.rain is not None)
    assert ("snow" in body) is (city.snow is not None)


@EVERY_CITY
def test_the_forecast_has_forty_steps_of_three_hours(city: City) -> None:
    body = answers.forecast(city, "metric", NOW)
    times = [step["dt"] for step in body["list"]]
    assert body["cod"] == "200"
    assert len(times) == body["cnt"] == 40
    assert NOW < times[0] <= NOW + 10800
    assert {later - earlier for earlier, later in pairwise(times)} == {10800}
    assert all(0 <= step["pop"] <= 1 for step in body["list"])
    assert body["list"][0]["dt_txt"] == "2025-11-21 09:00:00"
    assert body["city"]["timezone"] == city.timezone


def test_the_cities_cover_what_may_be_absent() -> None:
    assert {"London", "Paris", "Reykjavik", "Tokyo", "Nairobi"} <= {city.name for city in CITIES}
    assert any(city.sun_hours is None for city in CITIES)
    assert any(city.snow and city.gust is None for city in CITIES)
    assert any(city.rain for city in CITIES)


def test_units_convert_temperature_and_wind() -> None:
    by_unit = {units: answers.weather(city("Tokyo"), units, NOW) for units in answers.UNITS}
    celsius = by_unit["metric"]["main"]["temp"]
    assert by_unit["standard"]["main"]["temp"] == pytest.approx(celsius + 273.15, abs=0.01)
    assert by_unit["imperial"]["main"]["temp"] == pytest.approx(celsius * 1.8 + 32, abs=0.02)
    speed = by_unit["metric"]["wind"]["speed"]
    assert by_unit["standard"]["wind"]["speed"] == speed
    assert by_unit["imperial"]["wind"]["speed"] == pytest.approx(speed * 2.23694, abs=0.02)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *[("london", "London"), (" London , gb", "London"), ("New York,NY,US", "New York"), ("Paris,FR", "Paris")],
        *[("Atlantis", ""), ("London,FR", ""), ("Lon", ""), ("", "")],
    ],
)
def test_a_city_is_found_as_geocoding_finds_it(query: str, found: str) -> None:
    assert [city.name for city in by_name(query)] == ([found] if found else [])


@EVERY_CITY
def test_coordinates_lead_to_the_nearest_city(city: City) -> None:
    assert nearest(city.latitude + 0.1, city.longitude - 0.1) is city


@EVERY_CITY
def test_the_weather_is_the_same_at_any_hour_but_for_its_moments(city: City) -> None:
    seen = []
    for hour in range(24):
        body = answers.weather(city, "metric", NOW + hour * 3600)
        seen.append({key: body[key] for key in body.keys() - {"dt", "sys", "weather"}})
    assert seen == [seen[0]] * 24


WHERE = "lat=51.5&lon=-0.13&units=metric"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        (f"/data/2.5/weather?{WHERE}", None, 401),
        (f"/data/2.5/weather?{WHERE}&appid=", None, 401),
        (f"/data/2.5/weather?{WHERE}&appid=any", None, 200),
        (f"/data/2.5/weather?{WHERE}&appid=any", "right", 401),
        (f"/data/2.5/weather?{WHERE}&appid=right", "right", 200),
        ("/geo/1.0/direct?q=London", None, 401),
        ("/nothing", None, 401),
    ],
)
def test_the_key_comes_first(path: str, key: str | None, status: int) -> None:
    got, body = answer(path, key, NOW)
    assert got == status
    if status == 401:
        assert body == {"cod": 401, "message": KEY_REFUSED}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/data/2.5/weather?appid=k", 400, "Nothing to geocode"),
        ("/data/2.5/weather?lat=1&appid=k", 400, "Nothing to geocode"),
        ("/data/2.5/forecast?lat=north&lon=1&appid=k", 400, "wrong latitude"),
        ("/data/2.5/forecast?lat=nan&lon=1&appid=k", 400, "wrong latitude"),
        ("/data/2.5/forecast?lat=1&lon=181&appid=k", 400, "wrong longitude"),
        ("/geo/1.0/direct?appid=k", 400, "Nothing to geocode"),
        ("/geo/1.0/direct?q=London&limit=x&appid=k", 400, "bad query"),
        ("/data/2.5/nothing?appid=k", 404, "Internal error"),
    ],
)
def test_errors_have_the_real_format(path: str, status: int, message: str) -> None:
    assert answer(path, None, NOW) == (status, {"cod": str(status), "message": message})


def test_geocoding() -> None:
    status, found = answer("/geo/1.0/direct?q=Paris&limit=5&appid=k", None, NOW)
    assert status == 200
    assert [(place["name"], place["country"]) for place in found] == [("Paris", "FR")]
    assert answer("/geo/1.0/direct?q=Atlantis&appid=k", None, NOW) == (200, [])


def test_without_units_it_is_kelvin() -> None:
    _, body = answer("/data/2.5/weather?lat=51.5&lon=-0.13&appid=k", None, NOW)
    assert body["main"]["temp"] > 200
    assert body["name"] == "London"


def test_the_forecast_has_its_own_path() -> None:
    assert answer(f"/data/2.5/forecast?{WHERE}&appid=k", None, NOW)[1]["cnt"] == 40


def ask(
    stand_in: Server, path: str = f"/data/2.5/weather?{WHERE}&appid=k", timeout: float | tuple[float, float] = LONG
) -> requests.Response:
    with loopback() as session:
        return session.get(f"{stand_in.url}{path}", timeout=timeout)


def tell(stand_in: Server, **body: Any) -> requests.Response:
    with loopback() as session:
        return session.put(f"{stand_in.url}{CONTROL}", json=body, timeout=LONG)


def test_it_listens_on_the_loopback_only(stand_in: Server) -> None:
    assert stand_in.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("told", "status", "cod"),
    [
        ({"mode": "normal"}, 200, 200),
        ({"mode": "slow", "seconds": 0.05}, 200, 200),
        ({"mode": "limited"}, 429, 429),
        ({"mode": "broken"}, 500, 500),
        # What is no JSON.
        ({"mode": "garbled"}, 200, None),
    ],
)
def test_what_is_answered_in_each_mode(stand_in: Server, told: dict[str, Any], status: int, cod: int | None) -> None:
    assert tell(stand_in, **told).status_code == 200
    answer = ask(stand_in)
    assert answer.status_code == status
    try:
        assert answer.json()["cod"] == cod
    except requests.JSONDecodeError:
        assert cod is None


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"mode": "refused"}, requests.ConnectionError),
        ({"mode": "silent"}, requests.ReadTimeout),
        ({"mode": "slow", "seconds": 60}, requests.ReadTimeout),
    ],
)
def test_where_no_answer_comes(stand_in: Server, told: dict[str, Any], error: type[Exception]) -> None:
    tell(stand_in, **told)
    with pytest.raises(error):
        ask(stand_in, timeout=(LONG, LONG if error is requests.ConnectionError else 0.05))


def test_back_to_normal_and_counted(stand_in: Server) -> None:
    tell(stand_in, mode="broken")
    ask(stand_in)
    tell(stand_in, mode="normal")
    assert ask(stand_in).json()["name"] == "London"
    assert ask(stand_in, CONTROL).json() == {"mode": "normal", "seconds": 3.0, "questions": 2}


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


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, openweathermap.__file__, "--port", "0", "--state", str(tmp_path)],
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tell", "slow", "--seconds", "99", "--port", "{port}"], "seconds must be from 0 to 60"),
        (["--tell", "normal", "--port", "1"], "127.0.0.1:1:"),
        (["--port", "{port}"], "in use"),
    ],
)
def test_what_cannot_be_is_one_line(
    stand_in: Server, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main([word.format(port=stand_in.server_address[1]) for word in words]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert said in line


# The service against it.
STATUSES = {"normal": 200, "slow": 504, "silent": 504, "refused": 502, "limited": 503, "broken": 502, "garbled": 502}


@pytest.fixture
def app(stand_in: Server, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Flask:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return create_app(Settings(key=documented.KEY, url=stand_in.url, log_level="DEBUG"), log_to=log)


@pytest.mark.parametrize("units", ["metric", "imperial"])
@EVERY_CITY
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
        assert documented.KEY not in shown
    # urllib3 did write the address, so that the silence above is not for want of a line.
    assert any(documented.KEY in record.getMessage() for record in caplog.records) is (
        mode not in {"slow", "silent", "refused"}
    )


@pytest.mark.parametrize("mode", ["slow", "silent"])
def test_the_client_itself_gives_up(stand_in: Server, mode: str) -> None:
    """The cache's patience would give an answer too, but leave the thread in the call."""
    stand_in.behave(Behaviour(mode, 60.0))
    with pytest.raises(NoAnswer):
        client.OpenWeatherMap(stand_in.url, documented.KEY).place("London", (LONG, 0.05))


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
