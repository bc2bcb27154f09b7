"""Emulators of their own for tests, on ports that are free."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socketserver import BaseServer
from typing import IO, TypeVar

S = TypeVar("S", bound=BaseServer)

# Below what Linux gives to outgoing connections (from 32768): such a one would take the port before we listen.
LOWEST, HIGHEST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """A port that is free, and that no other test of this run is given."""
    return _free(1)


def free_ports() -> int:
    """A port that is free together with the one after it; neither is given to another test of this run."""
    return _free(2)


def _free(count: int) -> int:
    own = _own(os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    for _ in range(200):
        first = random.randrange(own.start, own.stop - count + 1)  # noqa: S311 (nothing secret)
        wanted = set(range(first, first + count))
        if not wanted & _given and _bindable(wanted):
            _given.update(wanted)
            return first
    raise AssertionError(f"no {count} free ports side by side from {own.start} to {own.stop - 1}")


def _own(worker: str, workers: int) -> range:
    """The ports of one of pytest-xdist's workers (gw0, gw1 …), so that two never choose the same."""
    size = (HIGHEST - LOWEST) // workers
    lowest = LOWEST + int(worker.removeprefix("gw") or 0) * size
    return range(lowest, lowest + size)


def _bindable(ports: set[int]) -> bool:
    with ExitStack() as stack:
        for port in ports:
            try:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Have a server of this process answer, in a thread, until the block ends."""
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# What an emulator may take to answer: it bounds a failure, and nothing waits for it.
START_SECONDS = 60.0

Process = subprocess.Popen[bytes]
# Starts an emulator on a port, its output in a file.
Spawn = Callable[[int, IO[bytes]], Process]


def start(spawn: Spawn, log: Path, port: int | None = None) -> tuple[Process, int]:
    """Start an emulator and return it, with its port, once it answers; AssertionError with its log otherwise.

    A chosen port may be taken before the emulator listens: then another is tried, once.
    """
    try:
        return _start(spawn, log, port or free_port())
    except AssertionError as error:
        # The rehearsal's own emulator and the bare one each have their word for it.
        if port is not None or not any(words in str(error) for words in ("is taken by", "in use")):
            raise
    return _start(spawn, log, free_port())


def end(process: Process) -> int:
    """End an emulator as a person does; its exit code."""
    process.terminate()
    try:
        return process.wait(START_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _start(spawn: Spawn, log: Path, port: int) -> tuple[Process, int]:
    with log.open("wb") as output:
        process = spawn(port, output)
    try:
        _wait(process, port, log)
    except BaseException:
        end(process)
        raise
    return process, port


def _wait(process: Process, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if process.poll() is not None:
            raise AssertionError(f"the emulator ended with {process.returncode}: {log.read_text()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"the emulator does not answer after {START_SECONDS:.0f} s: {log.read_text()}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    # Whatever proxy this machine has, it is not for its own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_ministack/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
