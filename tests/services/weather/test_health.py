"""What the load balancer and the deploy ask."""

from __future__ import annotations

import pytest
import responses
from flask.testing import FlaskClient

from tests.services.weather import documented
from tests.services.weather.documented import GEO


def test_health_asks_nobody(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok"}
    assert len(upstream.calls) == 0


def test_ready_asks_one_cheap_thing_each_time(client: FlaskClient, upstream: responses.RequestsMock) -> None:
    documented.answer_all(upstream)
    for _ in range(2):
        answer = client.get("/ready")
        assert answer.status_code == 200
        assert answer.json == {"status": "ok", "commit": "c0ffee" * 6 + "c0ff", "upstream": "ok"}
    assert [str(call.request.url).split("?")[0] for call in upstream.calls] == [GEO, GEO]


@pytest.mark.parametrize(("status", "body", "title"), [(401, "", "Our key was refused"), (200, "[]", "No such city")])
def test_ready_is_not_when_the_upstream_fails(
    client: FlaskClient, upstream: responses.RequestsMock, status: int, body: str, title: str
) -> None:
    upstream.get(GEO, status=status, body=body)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["status"] == "failing"
    assert answer.json["upstream"] == title
    assert answer.json["commit"].startswith("c0ffee")
