"""The weather as plain data, read from the shapes that OpenWeatherMap documents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias

from weather.config import Units
from weather.errors import Garbled

# What json.loads made of an answer: of no known shape until it has been read here.
Json: TypeAlias = Any

COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
STEPS_OF_A_DAY = 8  # of three hours each


@dataclass(frozen=True)
class Place:
    """A city as geocoding names it; degrees north and east."""

    name: str
    country: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Conditions:
    """One moment. Temperatures in °C or °F and wind in m/s or mph, by the units asked for."""

    at: datetime  # in the city's own time
    text: str
    sky: str  # clear, partly, cloud, rain, thunder, snow or mist
    night: bool
    temperature: float
    feels_like: float
    humidity: int  # percent
    wind: float
    wind_from: str | None
    gust: float | None


@dataclass(frozen=True)
class Weather(Conditions):
    """The weather now. What OpenWeatherMap left out is None."""

    pressure: int | None  # hPa
    visibility: int | None  # metres, 10,000 at most
    rain: float | None  # mm in the last hour
    snow: float | None
    sunrise: datetime | None  # absent in polar day and night
    sunset: datetime | None


@dataclass(frozen=True)
class Step(Conditions):
    """Three hours of the forecast."""

    precipitation: int  # probability in percent


@dataclass(frozen=True, eq=False)  # known by its identity: comparing two by value would cost what caching pages saves
class Report:
    """All that one page shows."""

    place: Place
    units: Units
    now: Weather
    steps: tuple[Step, ...]


def parse_place(body: Json) -> Place | None:
    """The first place of a geocoding answer, None for an empty one; Garbled when the shape is wrong."""
    with _documented("geocoding"):
        if not isinstance(body, list):
            raise TypeError
        if not body:
            return None
        first = body[0]
        name, country = str(first["name"]), str(first.get("country") or "")
        return Place(name, country, _number(first["lat"]), _number(first["lon"]))


def parse_weather(body: Json) -> Weather:
    """A ``/data/2.5/weather`` answer; Garbled when the shape is wrong."""
    with _documented("weather"):
        zone = _zone(body["timezone"])
        sun = body.get("sys", {})
        return Weather(
            **_conditions(body, zone),
            pressure=_whole(body["main"].get("pressure")),
            visibility=_whole(body.get("visibility")),
            rain=_optional(body.get("rain", {}).get("1h")),
            snow=_optional(body.get("snow", {}).get("1h")),
            sunrise=_time(sun["sunrise"], zone) if sun.get("sunrise") else None,
            sunset=_time(sun["sunset"], zone) if sun.get("sunset") else None,
        )


def parse_forecast(body: Json) -> tuple[Step, ...]:
    """The next 24 hours of a ``/data/2.5/forecast`` answer; Garbled when the shape is wrong."""
    with _documented("forecast"):
        zone = _zone(body["city"]["timezone"])
        return tuple(
            Step(**_conditions(step, zone), precipitation=round(100 * _number(step.get("pop", 0))))
            for step in body["list"][:STEPS_OF_A_DAY]
        )


def _conditions(body: Json, zone: timezone) -> dict[str, Any]:
    main, wind, weather = body["main"], body.get("wind", {}), body["weather"][0]
    direction = _optional(wind.get("deg"))
    return {
        "at": _time(body["dt"], zone),
        "text": str(weather["description"]).capitalize(),
        "sky": _sky(int(weather["id"])),
        "night": str(weather.get("icon", "")).endswith("n"),
        "temperature": _number(main["temp"]),
        "feels_like": _number(main["feels_like"]),
        "humidity": round(_number(main["humidity"])),
        "wind": _number(wind.get("speed", 0)),
        "wind_from": None if direction is None else COMPASS[round(direction / 45) % 8],
        "gust": _optional(wind.get("gust")),
    }


def _sky(code: int) -> str:
    """The picture for a condition code (https://openweathermap.org/weather-conditions)."""
    if code in {800, 801, 802}:
        return "clear" if code == 800 else "partly"
    return {2: "thunder", 3: "rain", 5: "rain", 6: "snow", 7: "mist"}.get(code // 100, "cloud")


@contextmanager
def _documented(what: str) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError):
        raise Garbled(f"Its {what} answer is not of the documented shape.") from None


def _number(value: Json) -> float:
    number = float(value)
    if not math.isfinite(number) or isinstance(value, bool):
        raise ValueError
    return number


def _optional(value: Json) -> float | None:
    return None if value is None else _number(value)


def _whole(value: Json) -> int | None:
    return None if value is None else round(_number(value))


def _zone(seconds: Json) -> timezone:
    return timezone(timedelta(seconds=_number(seconds)))


def _time(seconds: Json, zone: timezone) -> datetime:
    return datetime.fromtimestamp(_number(seconds), zone)
