"""The three addresses: the page, /health for the balancer, /ready for whoever deploys."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache

from flask import Blueprint, Response, current_app, render_template, request

from weather import chart
from weather.config import Settings, Units, parse_units
from weather.errors import BadRequest, Failure, wants_json
from weather.model import Report
from weather.reports import Reports

LONGEST_CITY = 100  # characters
MARKS: dict[Units, tuple[str, str]] = {"metric": ("°C", "m/s"), "imperial": ("°F", "mph")}

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> Response:
    """The weather in ``?city=``, in ``?units=``; both have a default."""
    settings: Settings = current_app.extensions["settings"]
    reports: Reports = current_app.extensions["reports"]
    city, units = _question(settings)
    held = reports.get(city, units)
    if wants_json():
        body = json.dumps({**asdict(held.value), "renewal_failed": held.renewal_failed}, default=datetime.isoformat)
        response = Response(body, mimetype="application/json")
    else:
        response = Response(_page(held.value, city, renewal_failed=held.renewal_failed), mimetype="text/html")
    response.headers["Cache-Control"] = "private, max-age=60"
    return response


@pages.get("/health")
def health() -> Response:
    """The process answers. Asks nobody: a slow upstream must not get healthy tasks killed."""
    return _json(200, status="ok")


@pages.get("/ready")
def ready() -> Response:
    """Whether OpenWeatherMap answers us at this moment, and which commit asks."""
    settings: Settings = current_app.extensions["settings"]
    reports: Reports = current_app.extensions["reports"]
    try:
        reports.probe()
    except Failure as failure:
        return _json(503, status="failing", commit=settings.commit, upstream=failure.title)
    return _json(200, status="ok", commit=settings.commit, upstream="ok")


def _question(settings: Settings) -> tuple[str, Units]:
    city = request.args.get("city", "").strip() or settings.city
    if len(city) > LONGEST_CITY or not city.isprintable():
        raise BadRequest(f"A city's name is plain text of at most {LONGEST_CITY} characters.")
    units = parse_units(request.args.get("units", settings.units))
    if units is None:
        raise BadRequest("Units are “metric” or “imperial”.")
    return city, units


# Rendering costs more than all the rest of a request, and all visitors of a city see the same page.
@lru_cache(maxsize=128)
def _page(report: Report, asked: str, *, renewal_failed: bool) -> bytes:
    degrees, speed = MARKS[report.units]
    curve = chart.draw([step.temperature for step in report.steps])
    words = {"report": report, "asked": asked, "renewal_failed": renewal_failed, "degrees": degrees, "speed": speed}
    return render_template("weather.html", **words, chart=curve).encode()


def _json(code: int, **body: str) -> Response:
    return Response(json.dumps(body), code, {"Cache-Control": "no-store"}, mimetype="application/json")
