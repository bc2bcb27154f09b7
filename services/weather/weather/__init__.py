"""The weather service: a page of the weather in a city, with data by OpenWeatherMap."""

from __future__ import annotations

import logging
import os
from typing import TextIO

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from weather import config, errors, headers, logs, views
from weather.client import OpenWeatherMap
from weather.reports import Reports

__all__ = ["create_app"]


def create_app(settings: config.Settings | None = None, *, log_to: TextIO | None = None) -> Flask:
    """The WSGI application, from ``settings`` or else the process's environment.

    Raises `config.ConfigurationError` naming every variable that is wrong. ``log_to`` replaces stdout.
    """
    settings = settings or config.load(os.environ)
    logs.configure(settings.log_level, [settings.key], log_to)

    app = Flask(__name__)
    app.extensions["settings"] = settings
    app.extensions["reports"] = reports = Reports(OpenWeatherMap(settings.url, settings.key), settings)
    app.extensions["warm"] = reports.warm
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["commit"] = settings.commit
    # The address of a static file carries the commit, so a browser may keep it once there is one.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 86400 if settings.commit != config.Settings.commit else 0

    app.register_blueprint(views.pages)
    errors.register(app)
    headers.register(app)
    logs.register(app)
    # The load balancer is the one hop in front: its X-Forwarded-* are true, a client's own are not.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    logging.getLogger(__name__).info("commit %s serves %s by default", settings.commit, settings.city)
    return app
