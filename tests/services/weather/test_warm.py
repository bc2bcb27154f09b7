"""A task is warm before it serves: a new one gets its share of all visitors at once."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import responses
from flask import Flask
from requests import PreparedRequest
from weather.reports import Reports

from tests.conftest import ROOT
from tests.services.weather import documented

SOON = 20  # seconds after which a hanging test gives up; no test waits for it


@pytest.fixture
def gate(upstream: responses.RequestsMock) -> Iterator[threading.Event]:
    """An upstream whose first answer comes when the gate opens."""
    opened = threading.Event()

    def places(_: PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert opened.wait(SOON)
        return 404, {}, ""

    documented.answer_all(upstream)
    upstream.replace(responses.CallbackResponse("GET", documented.GEO, callback=places))
    yield opened
    opened.set()


def test_every_visitor_of_a_warm_task_gets_the_page(app: Flask, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    reports: Reports = app.extensions["reports"]
    reports.warm(SOON)
    asked = len(upstream.calls)
    with ThreadPoolExecutor(16) as visitors:
        statuses = list(visitors.map(lambda _: app.test_client().get("/").status_code, range(64)))
    assert statuses == [200] * 64
    assert len(upstream.calls) == asked == 3


def test_a_hanging_upstream_does_not_keep_it_from_serving(app: Flask, gate: threading.Event) -> None:
    app.extensions["reports"].warm(0.01)
    assert not gate.is_set()
    assert app.test_client().get("/health").status_code == 200


def test_a_failing_upstream_does_not_either(app: Flask, upstream: responses.RequestsMock) -> None:
    upstream.get(documented.GEO, status=500)
    app.extensions["reports"].warm(SOON)
    assert app.test_client().get("/health").status_code == 200
    assert app.test_client().get("/").status_code == 502


def test_its_server_warms_it(app: Flask, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    hook = runpy.run_path(str(ROOT / "services/weather/gunicorn.conf.py"))["post_worker_init"]
    hook(SimpleNamespace(wsgi=app))
    assert len(upstream.calls) == 3
