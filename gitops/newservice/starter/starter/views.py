"""The addresses: the page below the service's prefix, and /health for the balancer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template

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
    response = jsonify(status="ok")
    response.headers["Cache-Control"] = "no-store"
    return response
