from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from rehearsal import marks, proc

NAME = "FAIRWEATHER_TEST_MARK"
SLEEP = [sys.executable, "-c", "print(flush=True); import time; time.sleep(600)"]


@pytest.fixture(params=[{NAME: "ours"}, {}], ids=["marked", "bare"])
def process(request: pytest.FixtureRequest) -> Iterator[psutil.Process]:
    """A process with the mark, or with no environment at all; it runs already."""
    with subprocess.Popen(SLEEP, env=request.param, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield psutil.Process(started.pid)
        started.kill()


@pytest.fixture(autouse=True)
def _nothing_else_runs(process: psutil.Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "process_iter", lambda: iter([process]))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses made, in none of which any time goes by."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


@pytest.fixture
def _starting(process: psutil.Process, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """As within execve, until three pauses have been made: no environment, no command line."""
    environ, cmdline = psutil.Process.environ, psutil.Process.cmdline
    monkeypatch.setattr(psutil.Process, "environ", lambda self: environ(self) if len(pauses) >= 3 else {})
    monkeypatch.setattr(psutil.Process, "cmdline", lambda self: cmdline(self) if len(pauses) >= 3 else [])


def test_what_runs_is_known_at_once(process: psutil.Process, pauses: list[float]) -> None:
    found = marks.marked(NAME, "ours")
    assert found == ([process] if process.environ() else [])
    assert marks.marked(NAME, "theirs") == []
    assert marks.marked(NAME, "ours", without=[process.pid]) == []
    assert pauses == []


@pytest.mark.usefixtures("_starting")
def test_what_the_kernel_is_just_starting_is_waited_for(process: psutil.Process, pauses: list[float]) -> None:
    found = marks.marked(NAME, "ours")
    assert found == ([process] if process.environ() else [])
    assert len(pauses) == 3


@pytest.mark.usefixtures("_starting")
def test_a_start_without_an_end_is_not_waited_for_any_longer(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "STARTS_WITHIN", -1.0)
    assert marks.marked(NAME, "ours") == []
    assert pauses == []


@pytest.mark.usefixtures("_starting")
def test_the_kernels_own_threads_and_what_has_ended_are_not_waited_for(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in (proc.Stat(kernel=True, started=0.0), None):
        monkeypatch.setattr(proc, "stat", lambda _, known=known: known)
        assert marks.marked(NAME, "ours") == []
    assert pauses == []


def test_an_environment_that_comes_between_two_looks_is_not_missed(
    process: psutil.Process, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line seen before belongs to what the process was, not to what it becomes."""
    environ, cmdline = psutil.Process.environ, psutil.Process.cmdline
    lines = [["env", "program"]]
    monkeypatch.setattr(psutil.Process, "environ", lambda self: environ(self) if pauses else {})
    monkeypatch.setattr(psutil.Process, "cmdline", lambda self: lines.pop() if lines else cmdline(self))
    found = marks.marked(NAME, "ours")
    assert found == ([process] if process.environ() else [])
    assert len(pauses) == 1
