"""One JSON line per event on stdout, one per request among them, and no secret in any."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Collection
from typing import TextIO
from urllib.parse import quote_plus

from flask import Flask, Response, g, request

log = logging.getLogger(f"{__package__}.request")


class JsonLines(logging.Formatter):
    """A record as one line of JSON with ``secrets`` blotted out, whichever library wrote it.

    urllib3's DEBUG lines and warnings carry the whole address, a key in its query included.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__()
        # Both ways that one can stand in a line; json.dumps may escape it further, so before that.
        self._secrets = {way for secret in secrets for way in (secret, quote_plus(secret))}

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": self._clean(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self._clean(self.formatException(record.exc_info))
        return json.dumps(line, default=str)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return text


def configure(level: str, secrets: Collection[str], stream: TextIO | None = None) -> None:
    """Send every logger's lines from ``level`` on to ``stream``, stdout where it is None, without the ``secrets``."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(secrets))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h.formatter, JsonLines)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)


def register(app: Flask) -> None:
    """Log each request once: at DEBUG for the balancer's /health, which asks every few seconds."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def write(response: Response) -> Response:
        level = logging.DEBUG if request.path == "/health" else logging.INFO
        if log.isEnabledFor(level):
            fields = {
                "method": request.method,
                "path": request.path[:200],  # never the query: it is the visitor's business
                "status": response.status_code,
                "ms": round(1000 * (time.perf_counter() - g.started), 1) if "started" in g else None,
                "request_id": request.headers.get("X-Amzn-Trace-Id", "")[:200] or None,
                "remote": request.remote_addr,
            }
            log.log(level, "request", extra={"fields": fields})
        return response
