"""The service with a key that no log may show, and an upstream that answers only what a test told it to."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import responses
from flask import Flask
from openweathermap import Server
from weather import create_app, views
from weather.config import Settings

from tests.emulators import serving
from tests.services.weather import documented


@pytest.fixture
def settings() -> Settings:
    return Settings(key=documented.KEY, url=documented.URL, commit="c0ffee" * 6 + "c0ff", log_level="DEBUG")


@pytest.fixture(autouse=True)
def _own_pages() -> Iterator[None]:
    yield
    views._page.cache_clear()


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    """OpenWeatherMap; a call that the test did not allow fails, as it would without a network."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def app(settings: Settings, log: io.StringIO, upstream: responses.RequestsMock) -> Iterator[Flask]:
    """The service; its threads end before the test does, so that none asks the next test's upstream."""
    app = create_app(settings, log_to=log)
    first = app.extensions["reports"]
    yield app
    first.close()
    app.extensions["reports"].close()


@pytest.fixture
def stand_in() -> Iterator[Server]:
    """OpenWeatherMap's, on a free port, in a thread; behaves normally until told."""
    with serving(Server(0)) as server:
        yield server
