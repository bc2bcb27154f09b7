"""What the environment says, checked once at start."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

# Drain and gunicorn's graceful timeout (20 s) must end before ECS kills the task at 30 s.
LONGEST_DRAIN = 9.0


class ConfigurationError(Exception):
    """The environment does not fit; the message names every wrong variable on one line."""


@dataclass(frozen=True)
class Settings:
    """The service's configuration."""

    log_level: str = "INFO"
    commit: str = "unknown"
    drain_seconds: float = 5.0


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from ``environment``; ConfigurationError naming every wrong variable."""
    problems: list[str] = []

    def value(name: str, default: str) -> str:
        return environment.get(name, "").strip() or default

    level = value("LOG_LEVEL", Settings.log_level).upper()
    if level not in logging.getLevelNamesMapping():
        problems.append("LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL")

    drain = value("DRAIN_SECONDS", str(Settings.drain_seconds))
    if not re.fullmatch(r"\d+(\.\d+)?", drain) or float(drain) > LONGEST_DRAIN:
        problems.append(f"DRAIN_SECONDS must be a number from 0 to {LONGEST_DRAIN:.0f}")

    if problems:
        raise ConfigurationError("; ".join(problems))
    return Settings(log_level=level, commit=value("COMMIT", Settings.commit), drain_seconds=float(drain))
