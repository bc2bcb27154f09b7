"""The service, with its log in a test's hands."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from starter import create_app
from starter.config import Settings


@pytest.fixture
def log() -> io.StringIO:
    """All that the service logs."""
    return io.StringIO()


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def app(log: io.StringIO) -> Flask:
    return create_app(Settings(commit="c0ffee" * 6 + "c0ff"), log_to=log)
