"""The headers of every kind of answer."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", ["/health", "/static/style.css", "/nothing", "/?units=no"])
def test_every_answer_has_them(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize(("scheme", "expected"), [("https", True), ("http", False)])
def test_strict_transport_only_where_the_balancer_spoke_tls(
    client: FlaskClient, scheme: str, *, expected: bool
) -> None:
    headers = client.get("/health", headers={"X-Forwarded-Proto": scheme}).headers
    assert ("Strict-Transport-Security" in headers) is expected
