"""What the environment says, checked once at start."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Units = Literal["metric", "imperial"]

# Half of gunicorn's threads: however slow the upstream, the other half answers /health.
WAITERS = 4
# Drain and gunicorn's graceful timeout (20 s) must end before ECS kills the task at 30 s.
LONGEST_DRAIN = 9.0


class ConfigurationError(Exception):
    """The environment does not fit; the message names every wrong variable on one line."""


@dataclass(frozen=True)
class Settings:
    """The service's configuration. The key stays out of the repr, so that no log can show it."""

    key: str = field(repr=False)
    url: str = "https://api.openweathermap.org"
    city: str = "London"
    units: Units = "metric"
    log_level: str = "INFO"
    commit: str = "unknown"
    drain_seconds: float = 5.0


def parse_units(text: str) -> Units | None:
    """``text`` as units of OpenWeatherMap that the page can show, or None."""
    return "metric" if text == "metric" else "imperial" if text == "imperial" else None


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from ``environment``; ConfigurationError naming every missing or wrong variable."""
    problems: list[str] = []

    def value(name: str, default: str) -> str:
        return environment.get(name, "").strip() or default

    key = value("OPENWEATHER_API_KEY", "")
    if not key:
        problems.append("OPENWEATHER_API_KEY is missing")
    elif not re.fullmatch(r"[!-~]+", key):
        problems.append("OPENWEATHER_API_KEY has characters that no key has")  # the value is not repeated

    url = value("OPENWEATHER_URL", Settings.url).rstrip("/")
    if not _is_origin(url):
        problems.append("OPENWEATHER_URL must be like https://api.openweathermap.org")

    units = parse_units(value("DEFAULT_UNITS", Settings.units))
    if units is None:
        problems.append("DEFAULT_UNITS must be metric or imperial")

    level = value("LOG_LEVEL", Settings.log_level).upper()
    if level not in logging.getLevelNamesMapping():
        problems.append("LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL")

    drain = value("DRAIN_SECONDS", str(Settings.drain_seconds))
    if not re.fullmatch(r"\d+(\.\d+)?", drain) or float(drain) > LONGEST_DRAIN:
        problems.append(f"DRAIN_SECONDS must be a number from 0 to {LONGEST_DRAIN:.0f}")

    if problems or units is None:
        raise ConfigurationError("; ".join(problems))
    return Settings(
        key=key,
        url=url,
        city=value("DEFAULT_CITY", Settings.city),
        units=units,
        log_level=level,
        commit=value("COMMIT", Settings.commit),
        drain_seconds=float(drain),
    )


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    extras = parts.query or parts.fragment or parts.username or parts.password
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port_is_valid and not extras
