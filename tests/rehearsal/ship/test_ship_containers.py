"""The tests of the main job again, on a rehearsal whose tasks are containers."""

from __future__ import annotations

from tests.rehearsal.ship.test_ship import *  # noqa: F403 (its tests and its fixture, read by pytest)

RUNTIME = "containers"
