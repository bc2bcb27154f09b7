"""The page, and its chart."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from weather import chart
from weather.client import OpenWeatherMap
from weather.config import Settings
from weather.reports import Reports

from tests.services.weather import documented
from tests.services.weather.documented import FORECAST, GEO, WEATHER


def text(html: str) -> str:
    """The page's words, markup and runs of space taken out."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_page_shows_the_weather_now_and_for_24_hours(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    page = client.get("/")
    assert page.status_code == 200
    words = text(page.text)
    for shown in (
        "London, GB",
        "8° C",
        "Broken clouds",
        "Feels like 6°",
        "Humidity 81 %",
        "Wind 4.1 m/s SW, gusts 7.2",
        "Pressure 1012 hPa",
        "Visibility 10 km",
        "Observed Friday 21 November, 08:00 local time",
        "Sunrise 07:28",
        "Sunset 16:04",
        "Commit c0ffeec",
        "Time 09:00 12:00 15:00 18:00 21:00 00:00 03:00 06:00 Sky",
        "Temperature 10° 11° 12° 13° 14° 15° 16° 17° Rain",
    ):
        assert shown in words
    assert words.count("42 %") == page.text.count("<circle cx=") == 8
    assert '<a href="https://openweathermap.org/">OpenWeather</a>' in page.text


def test_the_upstream_is_asked_by_coordinates(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    words = text(client.get("/?city=London&units=imperial").text)
    for shown in ("8° F", "Wind 4.1 mph", "Visibility 6 mi"):
        assert shown in words
    asked = {}
    for call in upstream.calls:
        parts = urlsplit(str(call.request.url))
        asked[f"{parts.scheme}://{parts.netloc}{parts.path}"] = dict(parse_qsl(parts.query))
    assert asked[GEO] == {"q": "London", "limit": "1", "appid": documented.KEY}
    by_place = {"lat": "51.5073", "lon": "-0.1276", "units": "imperial", "appid": documented.KEY}
    assert asked[WEATHER] == asked[FORECAST] == by_place


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        # Times are the city's own.
        ({"timezone": 32400}, "Friday 21 November, 17:00 local time"),
        ({"timezone": -36000}, "Thursday 20 November, 22:00 local time"),
        ({"timezone": 20700}, "13:45 local time"),
        ({"rain": {"1h": 2.4}}, "Rain 2.4 mm"),
        ({"snow": {"1h": 2.4}}, "Snow 2.4 mm"),
        # No minus before zero, and a real one elsewhere.
        ({"main": {**documented.weather()["main"], "temp": -0.3}}, "0° C"),
        ({"main": {**documented.weather()["main"], "temp": 0.4}}, "0° C"),
        ({"main": {**documented.weather()["main"], "temp": -7.6}}, "−8° C"),
    ],
)
def test_what_is_answered_is_shown(
    client: FlaskClient, upstream: responses.RequestsMock, changed: dict[str, Any], shown: str
) -> None:
    documented.answer_all(upstream, **changed)
    words = text(client.get("/").text)
    assert shown in words
    assert f"-{shown}" not in words


def test_what_may_be_absent_is_left_out(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    bare: dict[str, Any] = documented.weather()
    del bare["sys"], bare["visibility"], bare["wind"]["gust"], bare["wind"]["deg"], bare["main"]["pressure"]
    steps = documented.forecast()
    for step in steps["list"]:
        del step["rain"], step["pop"], step["wind"]["gust"]
    upstream.replace("GET", WEATHER, json=bare)
    upstream.replace("GET", FORECAST, json=steps)
    page = client.get("/")
    assert page.status_code == 200
    words = text(page.text)
    for absent in ("Sunrise", "Sunset", "Visibility", "gusts", "Pressure", "None", "in the last hour"):
        assert absent not in words


@pytest.mark.parametrize("query", ["units=kelvin", "units=", "city=" + "x" * 101, "city=a%00b"])
def test_a_wrong_question_is_told_so(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/?{query}")
    assert answer.status_code == 400
    assert "That question has no answer" in answer.text


def test_json_for_who_asks_for_it(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    answer = client.get("/", headers={"Accept": "application/json"})
    assert answer.json is not None
    assert answer.json["place"]["name"] == "London"
    assert answer.json["now"]["temperature"] == 8.42
    assert answer.json["now"]["at"] == "2025-11-21T08:00:00+00:00"
    assert len(answer.json["steps"]) == 8
    assert answer.json["renewal_failed"] is False


def test_a_citys_name_cannot_carry_markup(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    upstream.get(GEO, json=[])
    page = client.get("/?city=<script>alert(1)</script>")
    assert page.status_code == 404
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_the_page_obeys_its_own_policy(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    page = client.get("/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
    for address in re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', page.text):
        with client.get(address.replace("&amp;", "&")) as answer:
            assert answer.status_code == 200


def test_an_old_page_says_that_it_is_old(app: Flask, settings: Settings, upstream: responses.RequestsMock) -> None:
    now = [0.0]
    client = OpenWeatherMap(settings.url, settings.key)
    reports = app.extensions["reports"] = Reports(client, settings, clock=lambda: now[0])
    documented.answer_all(upstream)
    visitor = app.test_client()
    assert "does not answer just now" not in visitor.get("/").text
    upstream.replace("GET", WEATHER, status=500)
    now[0] += 600
    visitor.get("/")
    for flight in list(reports._cache._flights.values()):
        flight.exception(timeout=20)
    page = visitor.get("/")
    assert page.status_code == 200
    assert "OpenWeatherMap does not answer just now" in page.text
    assert "Broken clouds" in page.text
    as_json = visitor.get("/", headers={"Accept": "application/json"}).json
    assert as_json is not None
    assert as_json["renewal_failed"] is True


def test_a_city_is_asked_for_once(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    for spelling in ("London", "london", "%20LONDON%20"):
        assert client.get(f"/?city={spelling}").status_code == 200
    assert len(upstream.calls) == 3
    client.get("/?units=imperial")
    assert [str(call.request.url).split("?")[0] for call in upstream.calls].count(GEO) == 1


@pytest.mark.parametrize("values", [[], [3.0]])
def test_too_few_values_are_no_chart(values: list[float]) -> None:
    assert chart.draw(values) is None


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ([2.0, -4.0, 8.0], [(133.3, 78.0), (400.0, float(chart.BOTTOM)), (666.7, float(chart.TOP))]),
        # Equal values are a level line.
        ([5.0, 5.0], [(200.0, float(chart.BOTTOM)), (600.0, float(chart.BOTTOM))]),
    ],
)
def test_higher_is_warmer_and_within_the_box(values: list[float], points: list[tuple[float, float]]) -> None:
    drawn = chart.draw(values)
    assert drawn is not None
    assert list(drawn.points) == points
    assert drawn.area.startswith(drawn.line)
