"""Answers in the documented shapes (https://openweathermap.org/current, /forecast5, /api/geocoding-api).

Pure functions from an address, a key and a time. Every value is made up: nothing here was recorded. Only the
moments (and with them day and night) follow the clock, so that the page is plausible whenever it is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

STEPS = 40
STEP_SECONDS = 3 * 3600
OBSERVATION_SECONDS = 600
UNITS = ("standard", "metric", "imperial")
KEY_REFUSED = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info."

# Code: (main, description, picture); the picture's letter for day or night is added.
CONDITIONS = {
    211: ("Thunderstorm", "thunderstorm", "11"),
    500: ("Rain", "light rain", "10"),
    501: ("Rain", "moderate rain", "10"),
    600: ("Snow", "light snow", "13"),
    601: ("Snow", "snow", "13"),
    701: ("Mist", "mist", "50"),
    800: ("Clear", "clear sky", "01"),
    801: ("Clouds", "few clouds", "02"),
    802: ("Clouds", "scattered clouds", "03"),
    803: ("Clouds", "broken clouds", "04"),
    804: ("Clouds", "overcast clouds", "04"),
}


@dataclass(frozen=True)
class City:
    """A city and its made-up weather: °C, m/s, mm, and the condition codes of OpenWeatherMap."""

    id: int
    name: str
    country: str
    latitude: float
    longitude: float
    timezone: int  # seconds from UTC
    temperature: float
    swing: float  # °C between now and the warmest step of the forecast
    humidity: int
    wind: float
    direction: int
    condition: int
    later: int  # the condition further on
    gust: float | None = None
    rain: float | None = None
    snow: float | None = None
    sun_hours: float | None = 9.5  # None: polar day or night, no sunrise and no sunset


CITIES = (
    City(2643743, "London", "GB", 51.5073, -0.1276, 0, 9.4, 3.1, 78, 4.6, 240, 802, 500, gust=8.7),
    City(2988507, "Paris", "FR", 48.8535, 2.3484, 3600, 11.2, 3.8, 71, 3.1, 200, 803, 800, gust=5.2),
    City(3413829, "Reykjavik", "IS", 64.1460, -21.9422, 0, 1.6, 1.4, 84, 11.8, 110, 601, 803, snow=0.8),
    City(1850147, "Tokyo", "JP", 35.6769, 139.7639, 32400, 14.8, 4.2, 52, 2.4, 350, 800, 801, gust=4.1),
    City(184745, "Nairobi", "KE", -1.2833, 36.8172, 10800, 19.7, 5.1, 66, 3.3, 60, 211, 501,
         gust=6.9, rain=2.4, sun_hours=12.1),
    City(2729907, "Longyearbyen", "NO", 78.2232, 15.6469, 3600, -12.3, 1.1, 74, 6.2, 90, 800, 600,
         gust=9.9, sun_hours=None),
    City(5128581, "New York", "US", 40.7127, -74.0060, -18000, 6.9, 3.6, 58, 5.7, 300, 701, 804, rain=0.2),
)  # fmt: skip


def by_name(query: str) -> list[City]:
    """The cities that ``q=name[,state][,country]`` means; the country is an ISO code."""
    name, *rest = [part.strip().casefold() for part in query.split(",")]
    country = rest[-1] if rest else ""
    return [city for city in CITIES if city.name.casefold() == name and country in {"", city.country.casefold()}]


def nearest(latitude: float, longitude: float) -> City:
    """The city closest to a point, as OpenWeatherMap always has some station near one."""
    return min(CITIES, key=lambda city: (city.latitude - latitude) ** 2 + (city.longitude - longitude) ** 2)


def answer(target: str, accepted_key: str | None, now: float) -> tuple[int, Any]:
    """HTTP status and JSON body for ``target`` (path and query) at ``now`` (Unix seconds).

    ``accepted_key`` is the one ``appid`` that is let in; None lets any in that is not empty.
    """
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    appid = query.get("appid", "")
    if not appid or accepted_key not in {None, appid}:
        return 401, error(401, KEY_REFUSED)
    if parts.path == "/geo/1.0/direct":
        return _direct(query)
    if parts.path not in {"/data/2.5/weather", "/data/2.5/forecast"}:
        return 404, error(404, "Internal error")
    point = _point(query)
    if isinstance(point, str):
        return 400, error(400, point)
    units = query.get("units", "")
    make = weather if parts.path.endswith("/weather") else forecast
    return 200, make(nearest(*point), units if units in UNITS else "standard", now)


def _direct(query: dict[str, str]) -> tuple[int, Any]:
    if not query.get("q", "").strip():
        return 400, error(400, "Nothing to geocode")
    limit = query.get("limit", "1")
    if not limit.isdigit():
        return 400, error(400, "bad query")
    # An unknown name is an empty list and HTTP 200.
    return 200, [
        {
            "name": city.name,
            "local_names": {"en": city.name},
            "lat": city.latitude,
            "lon": city.longitude,
            "country": city.country,
        }
        for city in by_name(query["q"])[: min(int(limit), 5)]
    ]


def _point(query: dict[str, str]) -> tuple[float, float] | str:
    """Latitude and longitude, or what is wrong with them."""
    if "lat" not in query or "lon" not in query:
        return "Nothing to geocode"
    for name, bound in (("lat", 90), ("lon", 180)):
        try:
            value = float(query[name])
        except ValueError:
            value = math.nan
        if not abs(value) <= bound:
            return f"wrong {'latitude' if name == 'lat' else 'longitude'}"
    return float(query["lat"]), float(query["lon"])


def weather(city: City, units: str, now: float) -> dict[str, Any]:
    """The body of ``/data/2.5/weather`` at ``now`` (Unix seconds), observed in the last ten minutes."""
    moment = int(now // OBSERVATION_SECONDS * OBSERVATION_SECONDS)
    body: dict[str, Any] = {
        "coord": {"lon": city.longitude, "lat": city.latitude},
        "weather": [_condition(city, city.condition, moment)],
        "base": "stations",
        "main": _main(city, units, city.temperature),
        "visibility": 3200 if city.condition == 701 else 10000,
        "wind": _wind(city, units, 1.0),
        "clouds": {"all": _clouds(city.condition)},
        "dt": moment,
        "sys": {"type": 2, "id": city.id, "country": city.country, **_sun(city, moment)},
        "timezone": city.timezone,
        "id": city.id,
        "name": city.name,
        "cod": 200,  # a number here, a string in the forecast: that is how it is
    }
    if city.rain is not None:
        body["rain"] = {"1h": city.rain}
    if city.snow is not None:
        body["snow"] = {"1h": city.snow}
    return body


def forecast(city: City, units: str, now: float) -> dict[str, Any]:
    """The body of ``/data/2.5/forecast``: 40 steps of three hours after ``now`` (Unix seconds)."""
    first = (int(now) // STEP_SECONDS + 1) * STEP_SECONDS
    return {
        "cod": "200",
        "message": 0,
        "cnt": STEPS,
        "list": [_step(city, units, first + i * STEP_SECONDS, i, int(now)) for i in range(STEPS)],
        "city": {
            "id": city.id,
            "name": city.name,
            "coord": {"lat": city.latitude, "lon": city.longitude},
            "country": city.country,
            "population": 1000000,
            "timezone": city.timezone,
            **_sun(city, int(now)),
        },
    }


def error(status: int, message: str) -> dict[str, Any]:
    """An error's body; its ``cod`` is a number but for 404 and 400, where it is a string."""
    return {"cod": str(status) if status in {400, 404} else status, "message": message}


def _step(city: City, units: str, moment: int, index: int, now: int) -> dict[str, Any]:
    code = city.condition if index % 5 < 2 else city.later
    # From what it is now, towards the warmest in the afternoon and the coldest before dawn.
    wave = _warmth(city, moment) - _warmth(city, now)
    wet = {2: 0.8, 5: 0.62, 6: 0.55}.get(code // 100, 0.0)
    body: dict[str, Any] = {
        "dt": moment,
        "main": {**_main(city, units, city.temperature + city.swing * wave), "temp_kf": 0.3},
        "weather": [_condition(city, code, moment)],
        "clouds": {"all": _clouds(code)},
        "wind": _wind(city, units, 1 + 0.25 * wave),
        "visibility": 10000,
        "pop": round(wet + 0.04 * (index % 4), 2),
        "sys": {"pod": "d" if _is_day(city, moment) else "n"},
        "dt_txt": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }
    if code // 100 in {2, 5}:
        body["rain"] = {"3h": 0.9}
    elif code // 100 == 6:
        body["snow"] = {"3h": 0.6}
    return body


def _local_hour(city: City, moment: int) -> float:
    return (moment + city.timezone) % 86400 / 3600


def _warmth(city: City, moment: int) -> float:
    """1 at three in the afternoon, -1 at three in the morning."""
    return math.cos((_local_hour(city, moment) - 15) / 24 * 2 * math.pi)


def _is_day(city: City, moment: int) -> bool:
    return city.sun_hours is not None and abs(_local_hour(city, moment) - 12) < city.sun_hours / 2


def _temperature(celsius: float, units: str) -> float:
    if units == "imperial":
        return round(celsius * 9 / 5 + 32, 2)
    return round(celsius + (273.15 if units == "standard" else 0), 2)


def _speed(metres_a_second: float, units: str) -> float:
    return round(metres_a_second * (2.23694 if units == "imperial" else 1), 2)


def _main(city: City, units: str, celsius: float) -> dict[str, Any]:
    return {
        "temp": _temperature(celsius, units),
        "feels_like": _temperature(celsius - 0.5 * city.wind, units),
        "temp_min": _temperature(celsius - 0.8, units),
        "temp_max": _temperature(celsius + 0.8, units),
        "pressure": 1012,
        "humidity": city.humidity,
        "sea_level": 1012,
        "grnd_level": 1008,
    }


def _wind(city: City, units: str, strength: float) -> dict[str, Any]:
    wind: dict[str, Any] = {"speed": _speed(city.wind * strength, units), "deg": city.direction}
    if city.gust is not None:
        wind["gust"] = _speed(city.gust * strength, units)
    return wind


def _condition(city: City, code: int, moment: int) -> dict[str, Any]:
    main, description, picture = CONDITIONS[code]
    letter = "d" if _is_day(city, moment) else "n"
    return {"id": code, "main": main, "description": description, "icon": picture + letter}


def _clouds(code: int) -> int:
    return {800: 0, 801: 18, 802: 40, 803: 75}.get(code, 95)


def _sun(city: City, moment: int) -> dict[str, int]:
    if city.sun_hours is None:
        return {}
    midnight = (moment + city.timezone) // 86400 * 86400 - city.timezone
    half = int(city.sun_hours * 1800)
    return {"sunrise": midnight + 43200 - half, "sunset": midnight + 43200 + half}
