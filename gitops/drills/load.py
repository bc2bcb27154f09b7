"""Sends a schedule's requests to a load balancer from threads, each at the moment it is due."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from gitops.drills.connection import Connection, Place
from gitops.drills.schedule import Schedule
from gitops.drills.tally import UNANSWERED, Request

# Threads start as requests wait. This many can wait at once: a second of the highest rate's quarter.
MOST_AT_ONCE = 256


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
