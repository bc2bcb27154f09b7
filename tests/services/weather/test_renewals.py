"""Renewals that hang take nothing from a visitor who asks for another city."""

from __future__ import annotations

import threading
from typing import cast

from weather import model
from weather.cache import Lifetimes
from weather.client import OpenWeatherMap
from weather.config import WAITERS, Settings
from weather.reports import Reports

from tests.services.weather import documented

SOON = 20  # seconds after which a hanging test gives up; no test waits for it


class Upstream:
    """Answers for every city but those that hang until it is released."""

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.hangs = threading.Semaphore(0)
        self.released = threading.Event()

    def place(self, city: str) -> model.Place:
        return model.Place(city, "GB", 51.5, -0.1)

    def weather(self, place: model.Place, _units: str) -> model.Weather:
        if place.name in self.hanging:
            self.hangs.release()
            assert self.released.wait(SOON)
        return model.parse_weather(documented.weather())

    def forecast(self, _place: model.Place, _units: str) -> tuple[model.Step, ...]:
        return model.parse_forecast(documented.forecast())


def test_hanging_renewals_leave_room_for_a_new_city() -> None:
    upstream = Upstream()
    always_old = Lifetimes(fresh=0, patience=SOON)
    reports = Reports(cast("OpenWeatherMap", upstream), Settings(key="k"), lifetimes=always_old)
    old = [f"Old {number}" for number in range(WAITERS)]
    for city in old:
        reports.get(city, "metric")
    upstream.hanging = set(old)
    try:
        for city in old:
            assert reports.get(city, "metric").value.place.name == city
        for _ in old:
            assert upstream.hangs.acquire(timeout=SOON)
        assert reports.get("New", "metric").value.place.name == "New"
    finally:
        upstream.released.set()
        reports.close()
