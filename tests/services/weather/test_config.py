"""The environment is checked once, and every problem is named at once."""

from __future__ import annotations

import pytest
from weather import create_app
from weather.config import ConfigurationError, Settings, load

from tests.services.weather.documented import KEY


def test_defaults() -> None:
    expected = Settings(KEY, "https://api.openweathermap.org", "London", "metric", "INFO", "unknown", 5.0)
    assert load({"OPENWEATHER_API_KEY": KEY}) == expected


def test_every_variable_counts() -> None:
    environment = {
        "OPENWEATHER_API_KEY": f" {KEY}\n",
        "OPENWEATHER_URL": "http://127.0.0.1:5000/",
        "DEFAULT_CITY": "Paris",
        "DEFAULT_UNITS": "imperial",
        "LOG_LEVEL": "debug",
        "COMMIT": "abc",
        "DRAIN_SECONDS": "0.5",
    }
    expected = Settings(KEY, "http://127.0.0.1:5000", "Paris", "imperial", "DEBUG", "abc", 0.5)
    assert load(environment) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENWEATHER_API_KEY", ""),
        ("OPENWEATHER_API_KEY", "  "),
        ("OPENWEATHER_API_KEY", "two secret words"),
        ("OPENWEATHER_URL", "api.openweathermap.org"),
        ("OPENWEATHER_URL", "ftp://example.test"),
        ("OPENWEATHER_URL", "https://"),
        ("OPENWEATHER_URL", "https://host:port"),
        ("OPENWEATHER_URL", "https://user:word@host"),
        ("OPENWEATHER_URL", "https://[half"),
        ("DEFAULT_UNITS", "kelvin"),
        ("LOG_LEVEL", "LOUD"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
        ("DRAIN_SECONDS", "25"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as raised:
        load({"OPENWEATHER_API_KEY": KEY, name: value})
    assert str(raised.value).count(";") == 0
    assert "secret" not in str(raised.value)


def test_all_problems_stand_on_one_line() -> None:
    wrong = {"OPENWEATHER_URL": "x", "DEFAULT_UNITS": "x", "LOG_LEVEL": "x", "DRAIN_SECONDS": "x"}
    with pytest.raises(ConfigurationError) as raised:
        load(wrong)
    line = str(raised.value)
    assert "\n" not in line
    for name in ("OPENWEATHER_API_KEY", *wrong):
        assert name in line


def test_the_key_is_not_in_the_repr() -> None:
    assert KEY not in repr(load({"OPENWEATHER_API_KEY": KEY}))


def test_the_factory_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENWEATHER_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="OPENWEATHER_API_KEY is missing"):
        create_app()
