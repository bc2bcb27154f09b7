"""The cache: renewed, warm at the start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from weather import model
from weather.cache import Cache, Lifetimes, Waiters
from weather.client import OpenWeatherMap
from weather.config import WAITERS, Settings
from weather.errors import Busy, NoAnswer, UpstreamBroken
from weather.reports import Reports

from tests.services.weather import documented

SOON = 20  # seconds after which a hanging test gives up; no test waits for it


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Upstream:
    """Answers with the number of the call, or fails while ``down``."""

    def __init__(self) -> None:
        self.calls = 0
        self.down = False

    def __call__(self) -> int:
        self.calls += 1
        if self.down:
            raise UpstreamBroken("down")
        return self.calls


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def cache(clock: Clock) -> Cache[int]:
    lifetimes = Lifetimes(fresh=600, stale=3600, failure=10, patience=SOON)
    return Cache(Waiters(4), size=3, lifetimes=lifetimes, clock=clock)


def settle(cache: Cache[int]) -> None:
    """Wait until no flight is under way."""
    for flight in list(cache._flights.values()):
        flight.exception(SOON)


def test_a_fresh_answer_is_not_asked_for_again(cache: Cache[int], upstream: Upstream, clock: Clock) -> None:
    assert cache.get("a", upstream).value == 1
    clock.now += 599
    assert cache.get("a", upstream).value == 1
    assert upstream.calls == 1


def test_an_old_answer_is_given_at_once_and_renewed(cache: Cache[int], upstream: Upstream, clock: Clock) -> None:
    cache.get("a", upstream)
    clock.now += 600
    stale = cache.get("a", upstream)
    assert (stale.value, stale.renewal_failed) == (1, False)
    settle(cache)
    assert cache.get("a", upstream).value == 2
    assert upstream.calls == 2


def test_a_failing_upstream_leaves_the_old_answer_marked(cache: Cache[int], upstream: Upstream, clock: Clock) -> None:
    cache.get("a", upstream)
    upstream.down = True
    clock.now += 600
    cache.get("a", upstream)
    settle(cache)
    marked = cache.get("a", upstream)
    assert (marked.value, marked.renewal_failed) == (1, True)
    assert upstream.calls == 2, "a failure must not be retried by every request"
    clock.now += 10
    upstream.down = False
    assert cache.get("a", upstream).renewal_failed
    settle(cache)
    renewed = cache.get("a", upstream)
    assert (renewed.value, renewed.renewal_failed) == (3, False)


def test_a_stale_answer_ends(cache: Cache[int], upstream: Upstream, clock: Clock) -> None:
    cache.get("a", upstream)
    upstream.down = True
    clock.now += 3600
    with pytest.raises(UpstreamBroken):
        cache.get("a", upstream)


def test_a_cold_failure_is_told_at_once_for_a_while(cache: Cache[int], upstream: Upstream, clock: Clock) -> None:
    upstream.down = True
    for _ in range(3):
        with pytest.raises(UpstreamBroken):
            cache.get("a", upstream)
    assert upstream.calls == 1
    clock.now += 10
    upstream.down = False
    assert cache.get("a", upstream).value == 2


def test_the_size_is_bounded(cache: Cache[int], upstream: Upstream) -> None:
    for number in range(50):
        cache.get(number, upstream)
    assert len(cache._answers) == 3


def test_many_askers_make_one_flight(clock: Clock) -> None:
    cache: Cache[int] = Cache(Waiters(32), clock=clock, lifetimes=Lifetimes(patience=SOON), flights=32)
    calls: list[int] = []
    all_ask = threading.Event()
    asking: list[int] = []

    def slow() -> int:
        calls.append(1)
        assert all_ask.wait(SOON)
        return 7

    def asker() -> int:
        asking.append(1)
        if len(asking) == 32:
            all_ask.set()
        return cache.get("a", slow).value

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: asker(), range(32)))
    assert answers == [7] * 32
    assert calls == [1]


def test_only_so_many_threads_wait(cache: Cache[int]) -> None:
    entered = threading.Barrier(5)
    release = threading.Event()

    def hanging(number: int) -> Callable[[], int]:
        def fetch() -> int:
            entered.wait(SOON)
            assert release.wait(SOON)
            return number

        return fetch

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(cache.get, number, hanging(number)) for number in range(4)]
        entered.wait(SOON)
        with pytest.raises(Busy):
            cache.get("one more", hanging(9))
        release.set()
        assert [w.result(SOON).value for w in waiting] == [0, 1, 2, 3]
    assert cache.get("one more", lambda: 5).value == 5, "the places are free again"


def test_patience_ends(clock: Clock) -> None:
    cache: Cache[int] = Cache(Waiters(1), clock=clock, lifetimes=Lifetimes(patience=0.01))
    release = threading.Event()

    def hanging() -> int:
        assert release.wait(SOON)
        return 1

    with pytest.raises(NoAnswer):
        cache.get("a", hanging)
    release.set()


def test_a_mistake_in_a_renewal_is_logged(cache: Cache[int], clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    def mistaken() -> int:
        raise ZeroDivisionError

    cache.renew("a", mistaken)
    settle(cache)
    assert "ZeroDivisionError" in caplog.text


class HangingUpstream:
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
    upstream = HangingUpstream()
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
