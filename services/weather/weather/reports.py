"""The report for a city: geocoded once, weather and forecast asked side by side, all of it cached."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from cachetools import TTLCache, cached

from weather.cache import Cache, Held, Lifetimes, Waiters
from weather.client import OpenWeatherMap
from weather.config import FLIGHTS, WAITERS, Settings, Units
from weather.model import Place, Report

# Cities do not move; a day bounds how long a corrected spelling stays wrong.
PLACE_SECONDS = 86400


class Reports:
    """What the pages ask. ``clock`` gives seconds that only grow."""

    def __init__(
        self,
        client: OpenWeatherMap,
        settings: Settings,
        *,
        lifetimes: Lifetimes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._settings = settings
        self._waiters = Waiters(WAITERS)
        self._cache: Cache[Report] = Cache(self._waiters, lifetimes=lifetimes, clock=clock, flights=FLIGHTS)
        self._beside = ThreadPoolExecutor(FLIGHTS, thread_name_prefix="forecast")
        places: TTLCache[str, Place] = TTLCache(1024, PLACE_SECONDS, clock)
        self._place = cached(places, key=_folded, lock=threading.Lock())(client.place)

    def get(self, city: str, units: Units) -> Held[Report]:
        """The report for ``city``; raises a `Failure`."""
        return self._cache.get((_folded(city), units), lambda: self._fetch(city, units))

    def probe(self) -> None:
        """Ask the upstream for one cheap thing, past the cache; raises a `Failure`."""
        with self._waiters.one():
            self._client.probe(self._settings.city)

    def warm(self, patience: float) -> None:
        """Fetch the default city's report before anybody asks for it; wait ``patience`` seconds at most.

        A failure is logged, and what takes longer lands later.
        """
        city, units = self._settings.city, self._settings.units
        wait([self._cache.renew((_folded(city), units), lambda: self._fetch(city, units))], patience)

    def close(self) -> None:
        """Wait for what is being asked, and ask nothing more."""
        self._cache.close()
        self._beside.shutdown()

    def _fetch(self, city: str, units: Units) -> Report:
        place = self._place(city)
        forecast = self._beside.submit(self._client.forecast, place, units)
        now = self._client.weather(place, units)
        return Report(place, units, now, forecast.result())


def _folded(city: str) -> str:
    """Spellings that geocoding does not tell apart are one city."""
    return " ".join(city.casefold().split())
