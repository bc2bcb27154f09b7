"""Asks OpenWeatherMap. The one place that knows the key, and the one that must not let it out."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from weather import errors, model
from weather.config import FLIGHTS, Units

# Seconds to connect and between two bytes of an answer. A usual answer takes 0.1.
TIMEOUT = (2.0, 3.0)
PROBE_TIMEOUT = (1.0, 2.0)


class OpenWeatherMap:
    """The three calls of the free plan (https://openweathermap.org/current, /forecast5, /api/geocoding-api)."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._session = requests.Session()
        # One more try to connect; an answer that was begun is never asked for twice (60 calls a minute).
        retry = Retry(total=None, connect=1, read=False, redirect=False, status=False, other=False)
        # Every flight asks two things at once.
        self._session.mount(url, HTTPAdapter(max_retries=retry, pool_maxsize=2 * FLIGHTS))

    def place(self, city: str, timeout: tuple[float, float] = TIMEOUT) -> model.Place:
        """Where ``city`` is. Raises a `Failure`, UnknownCity among them."""
        try:
            answer = self._get("/geo/1.0/direct", {"q": city, "limit": "1"}, timeout)
        except errors.UnknownCity:
            answer = []  # 400 and 404 are its words for a name it cannot read
        found = model.parse_place(answer)
        if found is None:
            raise errors.UnknownCity(f"OpenWeatherMap knows no city called “{city}”. Is it spelt right?")
        return found

    def weather(self, place: model.Place, units: Units) -> model.Weather:
        """The weather now. Raises a `Failure`."""
        return model.parse_weather(self._get("/data/2.5/weather", _where(place, units), TIMEOUT))

    def forecast(self, place: model.Place, units: Units) -> tuple[model.Step, ...]:
        """The steps of three hours to come. Raises a `Failure`."""
        return model.parse_forecast(self._get("/data/2.5/forecast", _where(place, units), TIMEOUT))

    def probe(self, city: str) -> None:
        """One cheap call that shows that the upstream answers us. Raises a `Failure`."""
        self.place(city, PROBE_TIMEOUT)

    def _get(self, path: str, query: dict[str, str], timeout: tuple[float, float]) -> object:
        asked = {**query, "appid": self._key}
        # requests' errors carry the address and so the key: each becomes ours, `from None`.
        try:
            response = self._session.get(self._url + path, params=asked, timeout=timeout, allow_redirects=False)
        except requests.Timeout:
            raise errors.NoAnswer("It did not answer in time. Please try again in a minute.") from None
        except requests.RequestException:
            raise errors.Unreachable("The connection failed. Please try again in a minute.") from None
        # The body's `cod` is a number, a string or absent by endpoint: only the HTTP status is sure.
        if response.status_code != 200:
            raise _refusal(response.status_code)
        try:
            body: object = response.json()
        except ValueError:
            raise errors.Garbled("It answered something that is not JSON.") from None
        return body


def _where(place: model.Place, units: Units) -> dict[str, str]:
    return {"lat": f"{place.latitude:.4f}", "lon": f"{place.longitude:.4f}", "units": units}


def _refusal(status: int) -> errors.Failure:
    match status:
        case 401:
            return errors.KeyRefused("OpenWeatherMap refused the API key of this service. Its operators must act.")
        case 400 | 404:
            return errors.UnknownCity("OpenWeatherMap has no data for this place.")
        case 429:
            return errors.LimitReached("The calls we may make are used up. Please try again in a minute.")
    return errors.UpstreamBroken(f"It answered with HTTP status {status}. Please try again in a minute.")
