"""Which answer a question gets: a pure function from address, accepted key and time."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rehearsal.openweathermap import bodies
from rehearsal.openweathermap.places import by_name, nearest

KEY_REFUSED = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info."


def answer(target: str, accepted_key: str | None, now: float) -> tuple[int, Any]:
    """HTTP status and JSON body for ``target`` (path and query) at ``now`` (Unix seconds).

    ``accepted_key`` is the one ``appid`` that is let in; None lets any in that is not empty.
    """
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    appid = query.get("appid", "")
    if not appid or accepted_key not in {None, appid}:
        return 401, bodies.error(401, KEY_REFUSED)
    if parts.path == "/geo/1.0/direct":
        return _direct(query)
    if parts.path not in {"/data/2.5/weather", "/data/2.5/forecast"}:
        return 404, bodies.error(404, "Internal error")
    point = _point(query)
    if isinstance(point, str):
        return 400, bodies.error(400, point)
    units = query.get("units", "standard")
    if units not in bodies.UNITS:
        units = "standard"
    make = bodies.weather if parts.path.endswith("/weather") else bodies.forecast
    return 200, make(nearest(*point), units, now)


def _direct(query: dict[str, str]) -> tuple[int, Any]:
    if not query.get("q", "").strip():
        return 400, bodies.error(400, "Nothing to geocode")
    limit = query.get("limit", "1")
    if not limit.isdigit():
        return 400, bodies.error(400, "bad query")
    return 200, bodies.geocoding(by_name(query["q"]), min(int(limit), 5))


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
