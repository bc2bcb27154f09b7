"""What can go wrong, as a person should read it, and the answer each failure gets."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

log = logging.getLogger(__name__)


class Failure(Exception):  # noqa: N818 (its kinds are named for what happened)
    """A request that cannot be served. Texts are for the page: no address, no key, no library's words."""

    status = 502
    title = "The weather is not to be had"
    retry_after: int | None = None  # seconds

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(Failure):
    """The question itself is wrong."""

    status = 400
    title = "That question has no answer"


class UnknownCity(Failure):
    """OpenWeatherMap's geocoding finds no such place."""

    status = 404
    title = "No such city"


class KeyRefused(Failure):
    """HTTP 401: our API key is wrong, blocked or not active yet."""

    title = "Our key was refused"


class LimitReached(Failure):
    """HTTP 429: the account's calls for this minute or month are used up."""

    status = 503
    title = "Too many questions"
    retry_after = 60


class UpstreamBroken(Failure):
    """HTTP 5xx, or any status that is not documented."""

    title = "OpenWeatherMap has a problem"


class Unreachable(Failure):
    """No connection, or one that broke."""

    title = "OpenWeatherMap cannot be reached"


class NoAnswer(Failure):
    """A connection, but no answer in time."""

    status = 504
    title = "OpenWeatherMap does not answer"


class Garbled(Failure):
    """An answer that is not JSON or not of the documented shape."""

    title = "OpenWeatherMap's answer makes no sense"


class Busy(Failure):
    """Every thread that may wait for the upstream already does."""

    status = 503
    title = "Too busy just now"
    retry_after = 5


def wants_json() -> bool:
    """Whether the client prefers JSON; HTML where it does not say."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def register(app: Flask) -> None:
    """Answer every failure, foreseen or not, with a page or JSON and never a traceback."""
    app.register_error_handler(Failure, _failure)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _failure(error: Failure) -> ResponseReturnValue:
    again = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return _answer(error.status, error.title, error.message, again)


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:  # a redirect is raised too
        return error.get_response()
    if error.code == 404:
        return _answer(404, "No such page", "There is nothing at this address.")
    allow = {name: value for name, value in error.get_headers() if name == "Allow"}
    return _answer(error.code, error.name, error.description or error.name, allow)


def _unforeseen(error: Exception) -> ResponseReturnValue:
    log.error("unforeseen %s", type(error).__name__, exc_info=error)
    return _answer(500, "Something broke here", "It is our mistake, and it has been logged.")


def _answer(status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> ResponseReturnValue:
    words = {"status": status, "error": error, "message": message}
    # What was asked stays in the search box, to be corrected there.
    body = words if wants_json() else render_template("error.html", **words, asked=request.args.get("city", ""))
    return body, status, {"Cache-Control": "no-store", **(headers or {})}
