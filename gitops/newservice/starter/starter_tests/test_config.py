"""The environment is checked once, and every problem is named at once."""

from __future__ import annotations

import pytest
from starter import create_app
from starter.config import ConfigurationError, Settings, load


def test_nothing_has_to_be_set() -> None:
    assert load({}) == Settings(log_level="INFO", commit="unknown", drain_seconds=5.0)


def test_every_variable_counts() -> None:
    assert load({"LOG_LEVEL": "debug", "COMMIT": "abc", "DRAIN_SECONDS": "0.5"}) == Settings("DEBUG", "abc", 0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LOG_LEVEL", "LOUD"), ("DRAIN_SECONDS", "-1"), ("DRAIN_SECONDS", "nan"), ("DRAIN_SECONDS", "25")],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load({name: value})


def test_all_problems_stand_on_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"LOG_LEVEL must be .*; DRAIN_SECONDS must be"):
        load({"LOG_LEVEL": "x", "DRAIN_SECONDS": "x"})


def test_the_factory_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(ConfigurationError, match="LOG_LEVEL"):
        create_app()
