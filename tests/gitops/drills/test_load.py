from __future__ import annotations

import threading

from gitops.drills.connection import Connection, place
from gitops.drills.load import Load
from gitops.drills.schedule import Schedule
from gitops.drills.tally import Request, tally
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
    with server(lambda _: 200) as (url, hosts), Load(place(url, "weather.example"), "/", Schedule(10, 0.1)) as load:
        load._clockwork.join()
    assert hosts[0].startswith("weather.example:")


def test_leaving_ends_it() -> None:
    with server(lambda _: 200) as (url, _):
        with Load(place(url), "/", Schedule(100)) as load:
            assert load._clockwork.is_alive()
        # Its schedule has no end.
        assert not load._clockwork.is_alive()
