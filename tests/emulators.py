"""Emulators that tests start, each a process of its own on a free port."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests.ports import free_port

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
