"""The stand-in answers in the documented shapes, for every city and in all units."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rehearsal.openweathermap import bodies
from rehearsal.openweathermap.places import CITIES, City, by_name, nearest

NOW = 1763712345.0
EVERY_CITY = pytest.mark.parametrize("city", CITIES, ids=[city.name for city in CITIES])


def city(name: str) -> City:
    return by_name(name)[0]


@EVERY_CITY
def test_the_weather_has_what_is_documented(city: City) -> None:
    body = bodies.weather(city, "metric", NOW)
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
    body = bodies.forecast(city, "metric", NOW)
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
    by_unit = {units: bodies.weather(city("Tokyo"), units, NOW) for units in bodies.UNITS}
    celsius = by_unit["metric"]["main"]["temp"]
    assert by_unit["standard"]["main"]["temp"] == pytest.approx(celsius + 273.15, abs=0.01)
    assert by_unit["imperial"]["main"]["temp"] == pytest.approx(celsius * 1.8 + 32, abs=0.02)
    speed = by_unit["metric"]["wind"]["speed"]
    assert by_unit["standard"]["wind"]["speed"] == speed
    assert by_unit["imperial"]["wind"]["speed"] == pytest.approx(speed * 2.23694, abs=0.02)


@pytest.mark.parametrize(
    ("query", "found"),
    [("london", "London"), (" London , gb", "London"), ("New York,NY,US", "New York"), ("Paris,FR", "Paris")],
)
def test_a_city_is_found_as_geocoding_finds_it(query: str, found: str) -> None:
    assert [city.name for city in by_name(query)] == [found]


@pytest.mark.parametrize("query", ["Atlantis", "London,FR", "Lon", ""])
def test_an_unknown_city_is_not(query: str) -> None:
    assert by_name(query) == []


@EVERY_CITY
def test_coordinates_lead_to_the_nearest_city(city: City) -> None:
    assert nearest(city.latitude + 0.1, city.longitude - 0.1) is city


@EVERY_CITY
def test_the_weather_is_the_same_at_any_hour_but_for_its_moments(city: City) -> None:
    seen = []
    for hour in range(24):
        body = bodies.weather(city, "metric", NOW + hour * 3600)
        seen.append({key: body[key] for key in body.keys() - {"dt", "sys", "weather"}})
    assert seen == [seen[0]] * 24
