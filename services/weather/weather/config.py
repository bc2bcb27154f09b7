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
# More than may wait: renewals that hang, for which nobody waits, leave room for a city that is asked for.
FLIGHTS = 2 * WAITERS
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

    def value(name: str, default: str) -> str:
        return environment.get(name, "").strip() or default

    key = value("OPENWEATHER_API_KEY", "")
    url = value("OPENWEATHER_URL", Settings.url).rstrip("/")
    units = parse_units(value("DEFAULT_UNITS", Settings.units))
    level = value("LOG_LEVEL", Settings.log_level).upper()
    drain = value("DRAIN_SECONDS", str(Settings.drain_seconds))
    problems = {
        "OPENWEATHER_API_KEY is missing": not key,
        # The value is not repeated.
        "OPENWEATHER_API_KEY has characters that no key has": not re.fullmatch(r"[!-~]*", key),
        "OPENWEATHER_URL must be like https://api.openweathermap.org": not _is_origin(url),
        "DEFAULT_UNITS must be metric or imperial": units is None,
        "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL": level not in logging.getLevelNamesMapping(),
        f"DRAIN_SECONDS must be a number from 0 to {LONGEST_DRAIN:.0f}": not _is_drain(drain),
    }
    if units is None or any(problems.values()):
        raise ConfigurationError("; ".join(problem for problem, there in problems.items() if there))
    city, commit = value("DEFAULT_CITY", Settings.city), value("COMMIT", Settings.commit)
    return Settings(key, url, city, units, level, commit, float(drain))


def _is_drain(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None and float(text) <= LONGEST_DRAIN


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    extras = parts.query or parts.fragment or parts.username or parts.password
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port_is_valid and not extras
