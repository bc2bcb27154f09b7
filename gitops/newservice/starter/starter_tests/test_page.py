"""What a visitor and the load balancer get."""

from __future__ import annotations

import io
import json
import re

import pytest
from flask.testing import FlaskClient
from starter.views import PREFIX


def test_the_page_names_the_service_and_the_commit(client: FlaskClient) -> None:
    answer = client.get(f"{PREFIX}/")
    assert answer.status_code == 200
    assert "<h1>Starter</h1>" in answer.text
    assert "<code>c0ffeec</code>" in answer.text


def test_the_prefix_without_its_slash_leads_to_the_page(client: FlaskClient) -> None:
    answer = client.get(PREFIX)
    assert answer.status_code == 308
    assert answer.location.endswith(f"{PREFIX}/")


def test_everything_the_page_needs_is_below_the_prefix(client: FlaskClient) -> None:
    # The balancer sends other addresses to other services.
    needed = re.findall(r'(?:href|src)="([^"]+)"', client.get(f"{PREFIX}/").text)
    assert needed
    for address in needed:
        assert address.startswith(f"{PREFIX}/")
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=86400"
        answer.close()


def test_health(client: FlaskClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_ready_tells_the_commit(client: FlaskClient) -> None:
    answer = client.get(f"{PREFIX}/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "commit": "c0ffee" * 6 + "c0ff"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("path", "status"), [("/health", 200), (f"{PREFIX}/", 200), (f"{PREFIX}/none", 404)])
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" not in answer.headers


def test_https_behind_the_balancer_is_told_to_stay(client: FlaskClient) -> None:
    answer = client.get(f"{PREFIX}/", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_each_request_is_one_line_without_its_query(client: FlaskClient, log: io.StringIO) -> None:
    log.truncate(0)
    log.seek(0)
    client.get(f"{PREFIX}/?name=somebody")
    client.get("/health")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [(f"{PREFIX}/", 200)]
    assert "somebody" not in log.getvalue()
