"""Which answer a question gets, errors in the real format included."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.openweathermap.routes import KEY_REFUSED, answer

NOW = 1763712345.0
WHERE = "lat=51.5&lon=-0.13&units=metric"


def ask(target: str, key: str | None = None) -> tuple[int, Any]:
    return answer(target, key, NOW)


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        (f"/data/2.5/weather?{WHERE}", None, 401),
        (f"/data/2.5/weather?{WHERE}&appid=", None, 401),
        (f"/data/2.5/weather?{WHERE}&appid=any", None, 200),
        (f"/data/2.5/weather?{WHERE}&appid=any", "right", 401),
        (f"/data/2.5/weather?{WHERE}&appid=right", "right", 200),
        ("/geo/1.0/direct?q=London", None, 401),
        ("/nothing", None, 401),
    ],
)
def test_the_key_comes_first(path: str, key: str | None, status: int) -> None:
    got, body = ask(path, key)
    assert got == status
    if status == 401:
        assert body == {"cod": 401, "message": KEY_REFUSED}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/data/2.5/weather?appid=k", 400, "Nothing to geocode"),
        ("/data/2.5/weather?lat=1&appid=k", 400, "Nothing to geocode"),
        ("/data/2.5/forecast?lat=north&lon=1&appid=k", 400, "wrong latitude"),
        ("/data/2.5/forecast?lat=nan&lon=1&appid=k", 400, "wrong latitude"),
        ("/data/2.5/forecast?lat=1&lon=181&appid=k", 400, "wrong longitude"),
        ("/geo/1.0/direct?appid=k", 400, "Nothing to geocode"),
        ("/geo/1.0/direct?q=London&limit=x&appid=k", 400, "bad query"),
        ("/data/2.5/nothing?appid=k", 404, "Internal error"),
    ],
)
def test_errors_have_the_real_format(path: str, status: int, message: str) -> None:
    assert ask(path) == (status, {"cod": str(status), "message": message})


def test_geocoding() -> None:
    status, found = ask("/geo/1.0/direct?q=Paris&limit=5&appid=k")
    assert status == 200
    assert [(place["name"], place["country"]) for place in found] == [("Paris", "FR")]
    assert ask("/geo/1.0/direct?q=Atlantis&appid=k") == (200, [])


def test_without_units_it_is_kelvin() -> None:
    _, body = ask("/data/2.5/weather?lat=51.5&lon=-0.13&appid=k")
    assert body["main"]["temp"] > 200
    assert body["name"] == "London"


def test_the_forecast_has_its_own_path() -> None:
    assert ask(f"/data/2.5/forecast?{WHERE}&appid=k")[1]["cnt"] == 40
