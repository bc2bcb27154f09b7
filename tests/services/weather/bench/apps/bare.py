"""The baselines: applications that answer 3 KB, and gunicorn's settings for them, which are the service's."""

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
