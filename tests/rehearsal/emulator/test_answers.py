from __future__ import annotations

import pytest

from rehearsal.emulator.scheduler.answers import epoch, without_empty


def test_keys_without_a_value_are_left_out() -> None:
    payload = {"tasks": [{"stopCode": "", "group": "service:x", "containers": [{"environment": [{"value": ""}]}]}]}
    kept = {"tasks": [{"group": "service:x", "containers": [{"environment": [{"value": ""}]}]}]}
    assert without_empty(payload) == kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01T00:00:00.250Z", 1767225600.25),
        ("2026-01-01T00:00:00+00:00", 1767225600.0),
        (1767225600, 1767225600),
        ("yesterday", "yesterday"),
        (None, None),
    ],
)
def test_times_keep_their_milliseconds(value: object, expected: object) -> None:
    assert epoch(value) == expected
