"""The addresses: the page and /ready below the service's prefix, and /health for the balancer."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, render_template

from starter.config import Settings

# The folder of the load balancer that belongs to this service: PathPatterns in infra/environments.
PREFIX = "/starter"

pages = Blueprint("pages", __name__)


@pages.get(f"{PREFIX}/")
def index() -> str:
    """The page."""
    return render_template("page.html")


@pages.get("/health")
def health() -> Response:
    """The process answers. Asks nobody: something slow elsewhere must not get healthy tasks killed."""
    return _json(status="ok")


@pages.get(f"{PREFIX}/ready")
def ready() -> Response:
    """Whether the service can do its work at this moment, and which commit says so: ask here what it needs."""
    settings: Settings = current_app.extensions["settings"]
    return _json(status="ok", commit=settings.commit)


def _json(**body: str) -> Response:
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response
