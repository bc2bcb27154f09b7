"""The Starter service: one page, to begin with."""

from __future__ import annotations

import logging
import os
from typing import TextIO

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from starter import config, headers, logs, views

__all__ = ["create_app"]


def create_app(settings: config.Settings | None = None, *, log_to: TextIO | None = None) -> Flask:
    """The WSGI application, from ``settings`` or else the process's environment.

    Raises `config.ConfigurationError` naming every variable that is wrong. ``log_to`` replaces stdout.
    """
    settings = settings or config.load(os.environ)
    logs.configure(settings.log_level, [], log_to)

    # The balancer sends here only what is below the prefix, and takes nothing off it.
    app = Flask(__name__, static_url_path=f"{views.PREFIX}/static")
    app.extensions["settings"] = settings
    app.jinja_env.globals["commit"] = settings.commit
    # The address of a static file carries the commit, so a browser may keep it once there is one.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 86400 if settings.commit != config.Settings.commit else 0

    app.register_blueprint(views.pages)
    headers.register(app)
    logs.register(app)
    # The load balancer is the one hop in front: its X-Forwarded-* are true, a client's own are not.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    logging.getLogger(__name__).info("commit %s answers below %s", settings.commit, views.PREFIX)
    return app
