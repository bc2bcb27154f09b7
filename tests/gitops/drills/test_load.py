"""A load's schedule, its connections, what it counts, and how that adds up."""

from __future__ import annotations

import threading

import pytest

from gitops.drills.load import (
    LONGEST,
    SLOW,
    Connection,
    Load,
    Request,
    Schedule,
    percentile,
    place,
    status_problem,
    tally,
)
from gitops.errors import GitopsError
from tests.gitops.drills.server import RESET, Behaviour, server


def run(behave: Behaviour, schedule: Schedule) -> list[Request]:
    """A whole schedule against a server."""
    with server(behave) as (url, _), Load(place(url), "/", schedule) as load:
        load._clockwork.join()
    return load.requests


def test_a_whole_schedule_is_sent_and_answered() -> None:
    requests = run(lambda _: 200, Schedule(100, 0.5))
    assert sorted(one.due for one in requests) == [number / 100 for number in range(50)]
    assert tally(requests).lost == 0


def test_every_answer_that_is_none_is_counted_and_the_rest_go_on() -> None:
    requests = run(lambda number: {3: 502, 5: RESET, 7: 429}.get(number, 200), Schedule(50, 0.4))
    problems = dict(tally(requests).problems)
    reset = {"RemoteDisconnected", "ConnectionResetError"} & set(problems)
    assert problems.pop(reset.pop()) == 1
    assert problems == {"status 502": 1, "status 429": 1}
    assert len(requests) == 20


def test_nobody_listening_is_lost_not_an_error() -> None:
    with server(lambda _: 200) as (url, _):
        pass
    with Load(place(url), "/", Schedule(50, 0.1)) as load:
        load._clockwork.join()
    assert dict(tally(load.requests).problems) == {"ConnectionRefusedError": 5}


def test_a_stall_is_in_every_answer_it_delayed() -> None:
    """Requests go on being due while earlier ones wait, and wait from that moment."""
    stalled, over = threading.Event(), threading.Event()

    def behave(number: int) -> int:
        if number >= 2:
            stalled.set()
            assert over.wait(20)
        return 200

    with server(behave) as (url, hosts), Load(place(url), "/", Schedule(100, 0.3)) as load:
        assert stalled.wait(20)
        load._clockwork.join()
        until = load.now
        # All of them were sent, though none of the stalled ones has an answer.
        while len(hosts) < 30 and load.now < until + 20:
            threading.Event().wait(0.01)
        assert len(hosts) == 30
        over.set()
    waited = [one for one in load.requests if one.due > 0.02]
    assert all(one.seconds >= until - one.due for one in waited)


def test_connections_are_kept_open() -> None:
    with server(lambda _: 200) as (url, _):
        connection = Connection(place(url))
        assert connection.get("/") == ""
        sock = connection._http.sock
        assert connection.get("/") == ""
        assert connection._http.sock is sock
        assert connection.is_usable
        connection.close()
        assert not connection.is_usable


def test_it_asks_for_the_load_balancers_name() -> None:
    with server(lambda _: 200) as (url, hosts), Load(place(url, "app.example"), "/", Schedule(10, 0.1)) as load:
        load._clockwork.join()
    assert hosts[0].startswith("app.example:")


def test_leaving_ends_it() -> None:
    with server(lambda _: 200) as (url, _):
        with Load(place(url), "/", Schedule(100)) as load:
            assert load._clockwork.is_alive()
        # Its schedule has no end.
        assert not load._clockwork.is_alive()


LB = "lb-1.eu-west-1.elb.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "name", "address", "port", "host"),
    [
        ("http://f.alb.localhost:4566/", "", "127.0.0.1", 4566, "f.alb.localhost:4566"),
        (f"http://{LB}/", "", LB, 80, LB),
        (f"https://{LB}/", "app.example", LB, 443, "app.example"),
    ],
)
def test_requests_go_to_the_load_balancer_whatever_the_name(
    url: str, name: str, address: str, port: int, host: str
) -> None:
    found = place(url, name)
    assert (found.address, found.port, found.host) == (address, port, host)
    assert (found.tls is not None and found.tls.check_hostname) == url.startswith("https")


def test_without_a_load_balancer_there_is_no_place() -> None:
    with pytest.raises(GitopsError, match="no load balancer"):
        place("")


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


def test_nothing_sent_is_nothing() -> None:
    empty = tally([])
    assert (empty.sent, empty.lost, empty.slow, empty.first_lost) == (0, 0, 0, None)


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
