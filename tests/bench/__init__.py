"""Measurements; the services' packages and stand-ins are found as in the tests."""

import tests.conftest  # noqa: F401
