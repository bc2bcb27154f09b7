from __future__ import annotations

import pytest

from gitops.drills.tally import SLOW, Request, percentile, status_problem, tally


def test_nothing_sent_is_nothing() -> None:
    empty = tally([])
    assert (empty.sent, empty.lost, empty.slow, empty.rate, empty.first_lost) == (0, 0, 0, 0.0, None)


def test_what_is_counted() -> None:
    requests = [Request(number / 10, 0.010) for number in range(97)]
    requests += [
        Request(9.9, 0.5, "status 502"),
        Request(9.7, 0.020, "ConnectionResetError"),
        Request(9.8, SLOW + 0.1),
    ]
    found = tally(requests)
    assert found.sent == 100
    assert found.lost == 2
    assert set(found.problems) == {("status 502", 1), ("ConnectionResetError", 1)}
    assert found.first_lost == 9.7
    assert found.slow == 1
    assert found.p50 == 0.010
    assert found.p99 == 0.5
    assert found.longest == SLOW + 0.1
    assert found.rate == pytest.approx(10)


def test_a_lost_request_is_not_a_slow_one_as_well() -> None:
    assert tally([Request(0, 10, "no answer in 10 s")]).slow == 0


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 5), (51, 6), (90, 9), (99, 10), (100, 10)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], percent) == expected


@pytest.mark.parametrize(
    ("status", "problem"),
    [(200, ""), (204, ""), (302, ""), (399, ""), (400, "status 400"), (429, "status 429"), (502, "status 502")],
)
def test_which_status_is_a_good_answer(status: int, problem: str) -> None:
    assert status_problem(status) == problem
