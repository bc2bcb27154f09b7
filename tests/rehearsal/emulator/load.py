"""Visitors of a service while something happens to it."""

from __future__ import annotations

import threading

from tests.rehearsal.emulator.service import Service


class Load:
    """Asks for the page all the while; remembers each answer that was not 200."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers: list[tuple[int, str]] = []
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._done.is_set():
            self._answers.append(self._service.page())

    def lost(self) -> list[tuple[int, str]]:
        assert self._answers, "no request was sent"
        return [answer for answer in self._answers if answer[0] != 200]
