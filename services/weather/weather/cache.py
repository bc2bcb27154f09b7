"""Keeps answers: one flight per key, stale answers while the upstream fails, few threads waiting."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TTLCache

from weather.errors import Busy, Failure, NoAnswer, UnknownCity

V = TypeVar("V")
log = logging.getLogger(__name__)

BUSY = "Everyone asks at once while OpenWeatherMap is slow. Please try again in a few seconds."
LATE = "It did not answer in time. Please try again in a minute."


@dataclass(frozen=True)
class Lifetimes:
    """Seconds: how long an answer is fresh, may stand in stale, how long a failure is not retried."""

    fresh: float = 600
    stale: float = 6 * 3600
    failure: float = 10
    patience: float = 6  # that one request waits for a flight


@dataclass(frozen=True)
class Held(Generic[V]):
    """An answer, and whether the last attempt to renew it failed."""

    value: V
    renewal_failed: bool = False


class Waiters:
    """At most ``limit`` threads wait for the upstream; the next is told so at once."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)

    def join(self) -> None:
        """Be one of the waiters until `leave`; raises Busy when there are enough."""
        if not self._free.acquire(blocking=False):
            raise Busy(BUSY)

    def leave(self) -> None:
        """Make room for another."""
        self._free.release()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be one of the waiters inside of a ``with``."""
        self.join()
        try:
            yield
        finally:
            self.leave()


class Cache(Generic[V]):
    """Fresh answers at once; stale ones at once too while one thread renews them; waits only when cold.

    cachetools' own decorator would wait on a lock in every thread; here only `Waiters` may.
    """

    def __init__(
        self,
        waiters: Waiters,
        *,
        size: int = 256,
        lifetimes: Lifetimes | None = None,
        clock: Callable[[], float] = time.monotonic,
        flights: int = 4,
    ) -> None:
        self._waiters = waiters
        self._lifetimes = lifetimes or Lifetimes()
        self._clock = clock
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(flights, thread_name_prefix="flight")
        self._flights: dict[Hashable, Future[V]] = {}
        self._answers: TTLCache[Hashable, tuple[float, V]] = TTLCache(size, self._lifetimes.stale, clock)
        self._failures: TTLCache[Hashable, tuple[float, Failure]] = TTLCache(size, self._lifetimes.stale, clock)

    def close(self) -> None:
        """Wait for the flights under way; no other starts."""
        self._pool.shutdown()

    def get(self, key: Hashable, fetch: Callable[[], V]) -> Held[V]:
        """The answer for ``key``, by ``fetch`` where needed. Raises what ``fetch`` raises, Busy or NoAnswer."""
        with self._lock:
            answer, failure = self._answers.get(key), self._failures.get(key)
            if answer is not None:
                if self._older(answer, self._lifetimes.fresh) and self._may_retry(failure):
                    self._fly(key, fetch)
                return Held(answer[1], renewal_failed=failure is not None)
            if failure is not None and not self._may_retry(failure):
                raise failure[1].with_traceback(None)
            # Joined before the lock is given back: a flight that lands in between would be flown twice.
            self._waiters.join()
            flight = self._fly(key, fetch)
        try:
            return Held(flight.result(self._lifetimes.patience))
        except WaitedTooLong:
            raise NoAnswer(LATE) from None
        finally:
            self._waiters.leave()

    def renew(self, key: Hashable, fetch: Callable[[], V]) -> Future[V]:
        """Start a flight for ``key`` without waiting for it; a failure is logged."""
        with self._lock:
            return self._fly(key, fetch)

    def _older(self, entry: tuple[float, object], seconds: float) -> bool:
        return self._clock() - entry[0] >= seconds

    def _may_retry(self, failure: tuple[float, Failure] | None) -> bool:
        return failure is None or self._older(failure, self._lifetimes.failure)

    def _fly(self, key: Hashable, fetch: Callable[[], V]) -> Future[V]:
        """The flight for ``key``, started when there is none. Call with the lock held."""
        if key not in self._flights:
            self._flights[key] = self._pool.submit(self._land, key, fetch)
        return self._flights[key]

    def _land(self, key: Hashable, fetch: Callable[[], V]) -> V:
        try:
            value = fetch()
        except Failure as failure:
            if not isinstance(failure, UnknownCity):
                log.warning("renewing %s: %s", key, failure.message)
            with self._lock:
                self._failures[key] = (self._clock(), failure)
            raise
        except Exception:
            # A renewal has nobody waiting who would see the mistake.
            log.exception("renewing %s", key)
            raise
        else:
            with self._lock:
                self._failures.pop(key, None)
                self._answers[key] = (self._clock(), value)
            return value
        finally:
            with self._lock:
                self._flights.pop(key, None)
