"""The service with answers that are old after a second, so that nearly every request meets the upstream."""

from __future__ import annotations

from flask import Flask
from weather import create_app as own
from weather.cache import Lifetimes
from weather.client import OpenWeatherMap
from weather.reports import Reports


def create_app() -> Flask:
    """The service's own factory, and then shorter lifetimes (seconds)."""
    app = own()
    settings = app.extensions["settings"]
    client = OpenWeatherMap(settings.url, settings.key)
    app.extensions["reports"].close()
    app.extensions["reports"] = reports = Reports(client, settings, lifetimes=Lifetimes(fresh=1, failure=1))
    app.extensions["warm"] = reports.warm
    return app
