"""The service with its log in a test's hands."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from starter import create_app
from starter.config import Settings


@pytest.fixture
def app(log: io.StringIO) -> Flask:
    return create_app(Settings(commit="c0ffee" * 6 + "c0ff"), log_to=log)
