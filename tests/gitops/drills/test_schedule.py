from __future__ import annotations

import pytest

from gitops.drills.schedule import LONGEST, Schedule
from gitops.errors import GitopsError


def test_requests_are_due_evenly_and_end() -> None:
    assert list(Schedule(4, 1.5).due()) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


def test_a_late_request_does_not_move_the_next() -> None:
    """Each is a fraction, not a sum: an hour of them does not drift."""
    *_, last = Schedule(300, LONGEST).due()
    assert last == (300 * LONGEST - 1) / 300


@pytest.mark.parametrize(("rate", "longest"), [(0, 1), (-1, 1), (1001, 1), (200, 0), (200, LONGEST + 1)])
def test_what_would_be_no_load_or_an_attack_is_refused(rate: int, longest: float) -> None:
    with pytest.raises(GitopsError, match="out of bounds"):
        Schedule(rate, longest)
