"""What looks like a secret never reaches a report."""

from __future__ import annotations

import pytest

from gitops.rollout.masking import mask

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"GET /data/2.5/weather?lat=1&appid={KEY}&units=metric",
        f"OPENWEATHER_API_KEY={KEY}",
        f"api_key: {KEY[:12]}",
        f'{{"apiKey": "{KEY[:12]}"}}',
        f"Authorization: Bearer {KEY}.{KEY}",
        f"authorization: Basic {KEY}",
        f"postgres://user:{KEY}@db/app",
        f"the key is {KEY}",
        "AKIAIOSFODNN7EXAMPLE",
        f"DB_PASSWORD={KEY[:9]}",
        f"client_secret='{KEY[:9]}'",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    masked = mask(text)
    assert "•••" in masked
    for piece in (KEY, KEY[:9], "AKIAIOSFODNN7EXAMPLE"):
        assert piece not in masked


@pytest.mark.parametrize(
    "text",
    [
        "weather exited with code 1",
        "sha256:" + "a" * 64,
        "commit " + "b" * 40,
        "ecs/weather/" + KEY,
        "http://127.0.0.1:8080/health?city=London",
        "Traceback (most recent call last):",
        "parameter/weather/staging/OPENWEATHER_API_KEY: AccessDeniedException: User is not authorized",
        "KeyError: 'OPENWEATHER_URL'",
    ],
)
def test_what_helps_to_understand_stays(text: str) -> None:
    assert mask(text) == text


def test_only_the_value_is_masked() -> None:
    assert mask(f"?q=London&appid={KEY}&units=metric") == "?q=London&appid=•••&units=metric"
