"""Steady load on a load balancer: what is due when, what became of each request, and how that adds up.

Open loop: requests are sent when they are due, and a slow answer never delays those after it.
"""

from __future__ import annotations

import http.client
import math
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

from gitops.errors import GitopsError

# Seconds after which an answer counts as slow, and after which a request counts as lost.
SLOW = 1.0
UNANSWERED = 10.0
# Requests a second. One task of 0.25 vCPU answers some 300; more than the highest is a load test, not a drill.
LOWEST_RATE, DEFAULT_RATE, HIGHEST_RATE = 1, 200, 1000
# Seconds one drill may last, and so how many requests it may send.
LONGEST = 1800.0
# Below the 60 s after which a load balancer closes an idle connection: a request must not meet the close.
MOST_IDLE = 15.0
# Threads start as requests wait. This many can wait at once: a second of the highest rate's quarter.
MOST_AT_ONCE = 256


@dataclass(frozen=True)
class Request:
    """One request: when it was due (seconds on the load's clock), how long after that its answer was
    complete, and what was wrong with the answer ("" when nothing was).

    Counted from when it was *due*: were it from when it was sent, a stall of the
    service would delay the sending too and hide itself (coordinated omission).
    """

    due: float
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class Tally:
    """The numbers of a load; times in seconds, 0 without a request."""

    sent: int
    slow: int
    p50: float
    p99: float
    longest: float
    problems: tuple[tuple[str, int], ...] = ()
    first_lost: float | None = None

    @property
    def lost(self) -> int:
        """Requests without a good answer."""
        return sum(count for _, count in self.problems)


def status_problem(status: int) -> str:
    """What is wrong with an answer's status; nothing below 400."""
    return "" if status < 400 else f"status {status}"


def tally(requests: Iterable[Request]) -> Tally:
    """Count; ``first_lost`` is when that was due."""
    every = sorted(requests, key=lambda one: one.due)
    if not every:
        return Tally(0, 0, 0.0, 0.0, 0.0)
    took = sorted(one.seconds for one in every)
    lost = [one for one in every if one.problem]
    return Tally(
        sent=len(every),
        slow=sum(one.seconds > SLOW for one in every if not one.problem),
        p50=percentile(took, 50),
        p99=percentile(took, 99),
        longest=took[-1],
        problems=tuple(Counter(one.problem for one in lost).most_common()),
        first_lost=lost[0].due if lost else None,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted values: one that was measured, none made up between two."""
    rank = max(1, math.ceil(len(ordered) * percent / 100))
    return ordered[rank - 1]


@dataclass(frozen=True)
class Schedule:
    """``rate`` requests a second for at most ``longest`` seconds."""

    rate: int = DEFAULT_RATE
    longest: float = LONGEST

    def __post_init__(self) -> None:
        """Raise GitopsError for a rate or a time out of bounds: a slip must not become an attack."""
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise GitopsError(
                f"{self.rate} requests a second is out of bounds",
                fix=f"--rate from {LOWEST_RATE} to {HIGHEST_RATE}",
            )
        if not 0 < self.longest <= LONGEST:
            raise GitopsError(f"{self.longest:g} seconds is out of bounds", fix=f"at most {LONGEST:g}")

    def due(self) -> Iterator[float]:
        """Seconds after the start at which each request is due, evenly spaced."""
        for number in range(int(self.rate * self.longest)):
            yield number / self.rate


@dataclass(frozen=True)
class Place:
    """Where requests go: an address and port, the name that is asked for, and TLS or none."""

    address: str
    port: int
    name: str
    tls: ssl.SSLContext | None = None

    @property
    def host(self) -> str:
        """The Host header."""
        usual = 443 if self.tls else 80
        return self.name if self.port == usual else f"{self.name}:{self.port}"


def place(url: str, name: str = "") -> Place:
    """The environment's own load balancer.

    ``name`` is the name to ask for where its certificate is for another than the
    load balancer's. Not every resolver knows that ``*.localhost`` is this
    machine (RFC 6761), so such a name goes to 127.0.0.1.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        raise GitopsError("the environment has no load balancer yet", fix="gitops apply")
    here = parts.hostname == "localhost" or parts.hostname.endswith(".localhost")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    return Place("127.0.0.1" if here else parts.hostname, port, name or parts.hostname, tls)


class Connection:
    """One to a load balancer, opened when it is first used and kept between requests as a browser keeps it."""

    def __init__(self, to: Place) -> None:
        self._http = http.client.HTTPConnection(to.address, to.port, timeout=UNANSWERED)
        self._to = to
        self._used = time.monotonic()

    def get(self, path: str) -> str:
        """Ask for a path and read the answer to its end; what was wrong with it, or nothing."""
        try:
            if self._http.sock is None:
                self._open()
            self._http.request("GET", path, headers={"Host": self._to.host, "User-Agent": "fairweather-drill"})
            answer = self._http.getresponse()
            answer.read()
        except TimeoutError:
            self.close()
            return f"no answer in {UNANSWERED:g} s"
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return type(error).__name__
        self._used = time.monotonic()
        return status_problem(answer.status)

    @property
    def is_usable(self) -> bool:
        """Whether it is open and was used not long ago."""
        return self._http.sock is not None and time.monotonic() - self._used < MOST_IDLE

    def close(self) -> None:
        """Close it; it can be opened again."""
        self._http.close()

    def _open(self) -> None:
        connected = socket.create_connection((self._to.address, self._to.port), timeout=UNANSWERED)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # http.client would take the address for the certificate's name.
        self._http.sock = (
            self._to.tls.wrap_socket(connected, server_hostname=self._to.name) if self._to.tls else connected
        )


class Load:
    """Steady requests between entering and leaving; ``requests`` grows meanwhile.

    ``behind`` is how many seconds, at most, a request was handed over late.
    """

    def __init__(self, to: Place, path: str, schedule: Schedule) -> None:
        self.requests: list[Request] = []
        self.behind = 0.0
        self._to, self._path, self._schedule = to, path, schedule
        self._idle: deque[Connection] = deque()
        self._ending = threading.Event()
        self._started = 0.0
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="request")
        self._clockwork = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Load:
        self._started = time.monotonic()
        self._clockwork.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Send no more; wait for the answers to what was sent."""
        self._ending.set()
        self._clockwork.join()
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        for connection in self._idle:
            connection.close()

    @property
    def now(self) -> float:
        """Seconds since the start, the clock of each request's ``due``."""
        return time.monotonic() - self._started

    def _run(self) -> None:
        for due in self._schedule.due():
            if self._ending.wait(max(0.0, due - self.now)):
                return
            self.behind = max(self.behind, self.now - due)
            self._pool.submit(self._send, due)

    def _send(self, due: float) -> None:
        if self.now - due >= UNANSWERED:
            problem = f"{MOST_AT_ONCE} before it had no answer"
        else:
            connection = self._connection()
            problem = connection.get(self._path)
            self._idle.append(connection)
        self.requests.append(Request(due, self.now - due, problem))

    def _connection(self) -> Connection:
        """The one used last, so that those that are not needed age and are closed."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.is_usable:
                return connection
            connection.close()
        return Connection(self._to)
