"""The weather service beside a bare WSGI application under the same gunicorn settings and the same CPU quota.

The load and the stand-in for OpenWeatherMap run beside them on this machine, without a quota. About two minutes.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import requests
from openweathermap import MODES, Behaviour, Server
from rich.console import Console
from rich.table import Table

from gitops.drills.load import Connection, Load, Schedule, place, tally
from rehearsal.page import loopback
from tests.conftest import engine_answers
from tests.emulators import serving
from tests.services.weather.bench.serving import Serve, Serving, as_containers, as_processes

SERVICE = ["gunicorn", "weather:create_app()"]
AGED = ["gunicorn", "bare:aged()"]
BARE = ["gunicorn", "--config", "python:bare", "bare:app"]
FLASK = ["gunicorn", "--config", "python:bare", "bare:flask()"]
CONNECTIONS = 16
ROUNDS, ROUND_SECONDS = 3, 4.0
# Seconds an answer of the upstream takes: what OpenWeatherMap's usually do, and what is slow.
USUAL, SLOW = 0.08, 2.0
STRANGERS = 8  # visitors at once who ask for cities that nobody asked for before
ROUTED = 4.0  # seconds that the balancer still sends requests after SIGTERM


def measure() -> None:
    """Print all of it."""
    with serving(Server(0)) as upstream:
        upstream.behave(Behaviour("slow", USUAL))
        environment = {"OPENWEATHER_API_KEY": "a-key", "OPENWEATHER_URL": upstream.url}
        if engine_answers():
            print("the service's image and its task's CPU quota", flush=True)
            with as_containers(environment) as serve:
                _measure(serve, upstream)
        else:
            print("no Docker engine answers: processes, not under the quota", flush=True)
            with as_processes(environment) as serve:
                _measure(serve, upstream)


def _measure(serve: Serve, upstream: Server) -> None:
    bare, flask, own = serve(BARE), serve(FLASK), serve(SERVICE)
    started, baseline = [
        median(one.started for one in [first, serve(command), serve(command)])
        for first, command in ((own, SERVICE), (bare, BARE))
    ]
    table = Table("", "the service", "bare WSGI", "ratio", "bar")
    _row(table, "start to first healthy answer, of three", "{:.2f} s", started, baseline, "1 s")
    # In turns: what else this machine does meets all three alike.
    rounds = [[_rate(one) for one in (own, flask, bare)] for _ in range(ROUNDS)]
    ours, framework, theirs = (median(rates) for rates in zip(*rounds, strict=True))
    _row(table, f"requests a second, {CONNECTIONS} connections", "{:.0f}", ours, theirs, "0.6 ×")
    _row(table, "the same by a bare Flask application", "{:.0f}", framework, theirs, "")
    both = [_offered(one) for one in (own, bare)]
    for name, at in (("p50", 0), ("p99", 1)):
        _row(table, f"{name} at 20 requests a second", "{:.1f} ms", both[0][at], both[1][at], "5 ms" * (not at))
    _row(table, "memory (PSS)", "{:.0f} MB", own.memory(), bare.memory(), "64 MB")
    lost, sent, code = _drained(own)
    table.add_row("lost after SIGTERM, still routed", f"{lost} of {sent}, exit {code}", "", "", "0")
    Console(width=110).print(table)

    aged = serve(AGED)
    Connection(place(aged.url)).get("/")  # the first page compiles the template
    time.sleep(1.0)
    table = Table("upstream", "warm: 200", "p99", "cold: status × times", "p50", "slowest", "/health p50", "slowest")
    for number, mode in enumerate(MODES):
        upstream.behave(Behaviour(mode, SLOW))
        table.add_row(mode, *_survived(aged, number))
        upstream.behave(Behaviour("slow", USUAL))
        time.sleep(2.5)  # whoever still waits is answered, and the next renewal is due
    Console(width=110).print(table)
    print(f"each: 60 of a city that is known and old, {STRANGERS} of unknown ones at once, 30 of /health; bar 50 ms")


def _row(table: Table, what: str, form: str, ours: float | None, theirs: float | None, bar: str) -> None:
    if ours is None or theirs is None:
        table.add_row(what, "not to be read by this user", "", "", bar)
    else:
        table.add_row(what, form.format(ours), form.format(theirs), f"{ours / theirs:.2f} ×", bar)


def _rate(serving: Serving) -> float:
    """Good answers a second while every connection asks again as soon as it is answered."""
    until = time.monotonic() + ROUND_SECONDS

    def visitor() -> int:
        connection, answered = Connection(place(serving.url)), 0
        while time.monotonic() < until:
            answered += not connection.get("/")
        connection.close()
        return answered

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(one.result() for one in [pool.submit(visitor) for _ in range(CONNECTIONS)]) / ROUND_SECONDS


def _offered(serving: Serving) -> tuple[float, float]:
    """The median and the 99th percentile in ms of 20 requests a second for 8 s, each counted from when it was due."""
    time.sleep(0.5)  # the quota of the load before has been paid back
    with Load(place(serving.url), "/", Schedule(20, 8.0)) as load:
        time.sleep(8.0)
    found = tally(load.requests)
    return 1000 * found.p50, 1000 * found.p99


def _drained(serving: Serving) -> tuple[int, int, int]:
    """Lost and sent requests, the balancer being told late, and the exit code."""
    with Load(place(serving.url), "/", Schedule(50, ROUTED + 1)) as load:
        time.sleep(1)
        serving.terminate()
        time.sleep(ROUTED)
    code = serving.wait()
    found = tally(load.requests)
    return found.lost, found.sent, code


def _survived(serving: Serving, number: int) -> list[str]:
    """What visitors of a known city, of unknown ones and the balancer get, all at the same time."""
    to = place(serving.url)
    with (
        Load(to, "/", Schedule(20, 3.0)) as warm,
        Load(to, "/health", Schedule(10, 3.0)) as health,
        ThreadPoolExecutor(STRANGERS) as pool,
    ):
        time.sleep(0.5)
        cold = list(pool.map(lambda one: _stranger(f"{serving.url}/?city=Nowhere+{number}+{one}"), range(STRANGERS)))
        time.sleep(2.5)
    known, asked = tally(warm.requests), tally(health.requests)
    statuses = Counter(status for status, _ in cold)
    waited = sorted(milliseconds for _, milliseconds in cold)
    return [
        f"{known.sent - known.lost} of {known.sent}",
        f"{1000 * known.p99:.0f} ms",
        ", ".join(f"{status} × {times}" for status, times in sorted(statuses.items())),
        f"{waited[len(waited) // 2]:.0f} ms",
        f"{waited[-1]:.0f} ms",
        f"{1000 * asked.p50:.0f} ms",
        f"{1000 * asked.longest:.0f} ms{f' ({asked.lost} lost)' if asked.lost else ''}",
    ]


def _stranger(url: str) -> tuple[int | str, float]:
    """The status and how many ms it took."""
    with loopback() as session:
        begun = time.perf_counter()
        try:
            status: int | str = session.get(url, timeout=20).status_code
        except requests.RequestException as error:
            status = type(error).__name__
    return status, 1000 * (time.perf_counter() - begun)
