"""What the service is measured beside: applications that answer 3 KB, under its own settings; and itself, aged."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

PAGE = b"<!doctype html>" + b"x" * 3057

# The service's settings without its hooks, which know the service. gunicorn reads this very file as its configuration.
_settings = runpy.run_path("gunicorn.conf.py").items()
globals().update({name: value for name, value in _settings if name[0] != "_" and isinstance(value, str | int)})


def app(_environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer the same to whatever is asked."""
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    return [PAGE]


def flask() -> Flask:
    """The same from a view, which shows what Flask itself takes."""
    from flask import Flask

    made = Flask("bare")
    for path in ("/", "/health"):
        made.add_url_rule(path, path, lambda: PAGE)
    return made


def aged() -> Flask:
    """The service's own with answers that are old after a second, so that nearly every request meets the upstream."""
    from weather import create_app
    from weather.cache import Lifetimes
    from weather.client import OpenWeatherMap
    from weather.reports import Reports

    app = create_app()
    settings = app.extensions["settings"]
    client = OpenWeatherMap(settings.url, settings.key)
    app.extensions["reports"].close()
    app.extensions["reports"] = reports = Reports(client, settings, lifetimes=Lifetimes(fresh=1, failure=1))
    app.extensions["warm"] = reports.warm
    return app
