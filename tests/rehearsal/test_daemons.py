"""Processes that outlive the command: started, found again, ended; the state file, and ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gitops.errors import GitopsError
from gitops.repository import Checkout
from rehearsal import daemons
from rehearsal.daemons import Daemon, State

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is found as long as it runs, and not once it has ended."""
    daemon = daemons.start(Checkout(tmp_path), SLEEP, tmp_path / "logs" / "sleeper.log", {})
    process = daemons.find(daemon)
    assert process is not None
    assert process in daemons.marked(Checkout(tmp_path))
    yield daemon
    daemons.end(process, seconds=5)
    assert daemons.find(daemon) is None
    assert daemons.marked(Checkout(tmp_path)) == []


def test_a_step_of_the_clock_does_not_lose_a_daemon(sleeper: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    # psutil adds the time of the boot, which the kernel reckons back from the clock as it is now.
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 1_000_000.0)
    stepped = psutil.Process(sleeper.pid)
    assert stepped.create_time() < 2_000_000
    assert daemons.find(sleeper) == stepped
    monkeypatch.undo()


def test_a_reused_process_id_is_not_taken_for_the_daemon(sleeper: Daemon) -> None:
    assert daemons.find(Daemon(sleeper.pid, sleeper.started - 100, sleeper.log)) is None


def test_a_daemon_that_dies_while_starting_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no licence to run')"]
    daemon = daemons.start(Checkout(tmp_path), command, tmp_path / "emulator.log", {})
    with pytest.raises(GitopsError, match="the emulator ended while starting: no licence to run"):
        daemons.wait_until_ready(Checkout(tmp_path), "emulator", daemon, lambda: False)


def test_state_survives_a_round_trip_and_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    kept = State(port=4700, runtime="processes", daemons={"emulator": Daemon(1, 2.5, "logs/x")})
    daemons.save(Checkout(tmp_path), kept)
    assert daemons.load(Checkout(tmp_path)) == kept
    assert kept.endpoint == "http://127.0.0.1:4700"
    (tmp_path / daemons.FOLDER / "state.json").write_text('{"port": "many"}')
    with pytest.raises(GitopsError, match=r"state\.json is damaged"):
        daemons.load(Checkout(tmp_path))


def test_two_commands_in_one_clone_do_not_mix(tmp_path: Path) -> None:
    with (
        daemons.locked(Checkout(tmp_path)),
        pytest.raises(GitopsError, match=rf"another rehearsal command \(pid {os.getpid()}\)"),
        daemons.locked(Checkout(tmp_path)),
    ):
        pass


def test_a_taken_port_is_named_with_its_process_and_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(GitopsError) as raised:
            daemons.require_free(port, "emulator")
        assert daemons.free_port(port - 1) > port
    assert f"port {port}, for the emulator, is taken by" in str(raised.value)
    assert f"(pid {os.getpid()})" in str(raised.value)
    daemons.require_free(port, "emulator")
    with pytest.raises(GitopsError, match="no port above 65535 is free"):
        daemons.free_port(65535)


# Field 9 is the flags, field 22 the start in ticks.
LINE = "17 ({name}) S 2 0 0 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 4250 0 0"


@pytest.mark.parametrize("name", ["kworker/0:1", "a) S 1 (b", "two words"])
@pytest.mark.parametrize(("flags", "kernel"), [(69238880, True), (4194560, False)])
def test_a_line_is_read_whatever_the_program_is_called(name: str, flags: int, kernel: bool) -> None:
    assert daemons.parsed(LINE.format(name=name, flags=flags), 100) == daemons.Stat(kernel=kernel, started=42.5)


def test_this_process_and_one_that_is_not_there() -> None:
    found = daemons.stat(os.getpid())
    assert found is not None
    assert not found.kernel
    assert 0 < found.started < time.clock_gettime(time.CLOCK_BOOTTIME)
    # The highest id that Linux gives is below 2**22.
    assert daemons.stat(2**22 + 1) is None


NAME = "FAIRWEATHER_TEST_MARK"
TELLS = [sys.executable, "-c", "print(flush=True); import time; time.sleep(600)"]


@pytest.fixture(params=[{NAME: "ours"}, {}], ids=["marked", "bare"])
def process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Process]:
    """A process with the mark, or with no environment at all; it runs already, and nothing else does."""
    with subprocess.Popen(TELLS, env=request.param, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        found = psutil.Process(started.pid)
        monkeypatch.setattr(psutil, "process_iter", lambda: iter([found]))
        yield found
        started.kill()


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
    found = daemons.carrying(NAME, "ours")
    assert found == ([process] if process.environ() else [])
    assert daemons.carrying(NAME, "theirs") == []
    assert daemons.carrying(NAME, "ours", without=[process.pid]) == []
    assert pauses == []


@pytest.mark.usefixtures("_starting")
def test_what_the_kernel_is_just_starting_is_waited_for(process: psutil.Process, pauses: list[float]) -> None:
    found = daemons.carrying(NAME, "ours")
    assert found == ([process] if process.environ() else [])
    assert len(pauses) == 3


@pytest.mark.usefixtures("_starting")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STARTS_WITHIN", -1.0),
        # The kernel's own threads, and what has ended.
        ("stat", lambda _: daemons.Stat(kernel=True, started=0.0)),
        ("stat", lambda _: None),
    ],
)
def test_what_starts_for_too_long_or_never_is_not_waited_for(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(daemons, name, value)
    assert daemons.carrying(NAME, "ours") == []
    assert pauses == []


def test_an_environment_that_comes_between_two_looks_is_not_missed(
    process: psutil.Process, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line seen before belongs to what the process was, not to what it becomes."""
    environ, cmdline = psutil.Process.environ, psutil.Process.cmdline
    lines = [["env", "program"]]
    monkeypatch.setattr(psutil.Process, "environ", lambda self: environ(self) if pauses else {})
    monkeypatch.setattr(psutil.Process, "cmdline", lambda self: lines.pop() if lines else cmdline(self))
    found = daemons.carrying(NAME, "ours")
    assert found == ([process] if process.environ() else [])
    assert len(pauses) == 1
