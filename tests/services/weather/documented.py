"""The shapes that OpenWeatherMap documents, with made-up values."""

from __future__ import annotations

from typing import Any

import responses

URL = "https://weather.test"
KEY = "0123456789abcdef0123456789abcdef"
GEO = f"{URL}/geo/1.0/direct"
WEATHER = f"{URL}/data/2.5/weather"
FORECAST = f"{URL}/data/2.5/forecast"


def places() -> list[dict[str, Any]]:
    return [{"name": "London", "lat": 51.5073, "lon": -0.1276, "country": "GB", "state": "England"}]


def weather() -> dict[str, Any]:
    return {
        "coord": {"lon": -0.1257, "lat": 51.5085},
        "weather": [{"id": 803, "main": "Clouds", "description": "broken clouds", "icon": "04d"}],
        "base": "stations",
        "main": {"temp": 8.42, "feels_like": 6.11, "temp_min": 7.2, "temp_max": 9.31, "pressure": 1012, "humidity": 81},
        "visibility": 10000,
        "wind": {"speed": 4.12, "deg": 240, "gust": 7.2},
        "clouds": {"all": 75},
        "dt": 1763712000,
        "sys": {"country": "GB", "sunrise": 1763710098, "sunset": 1763741047},
        "timezone": 0,
        "id": 2643743,
        "name": "London",
        "cod": 200,
    }


def step(index: int) -> dict[str, Any]:
    return {
        "dt": 1763715600 + 10800 * index,
        "main": {"temp": 10.0 + index, "feels_like": 6.0, "pressure": 1012, "humidity": 80},
        "weather": [{"id": 500, "main": "Rain", "description": "light rain", "icon": "10d"}],
        "clouds": {"all": 88},
        "wind": {"speed": 4.3, "deg": 231, "gust": 8.4},
        "pop": 0.42,
        "rain": {"3h": 0.31},
        "sys": {"pod": "d"},
    }


def forecast() -> dict[str, Any]:
    return {
        "cod": "200",
        "message": 0,
        "cnt": 40,
        "list": [step(index) for index in range(40)],
        "city": {"id": 2643743, "name": "London", "country": "GB", "timezone": 0},
    }


def answer_all(upstream: responses.RequestsMock, **changed: Any) -> None:
    """Have every endpoint answer as documented, the weather's answer with other fields."""
    upstream.get(GEO, json=places())
    upstream.get(WEATHER, json={**weather(), **changed})
    upstream.get(FORECAST, json=forecast())
