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


def test_a_daemon_is_found_and_ended(tmp_path: Path) -> None:
    daemon = daemons.start(Checkout(tmp_path), SLEEP, tmp_path / "logs" / "sleeper.log", {})
    process = daemons.find(daemon)
    assert process is not None
    assert process in daemons.marked(Checkout(tmp_path))
    daemons.end(process, seconds=5)
    assert daemons.find(daemon) is None
    assert daemons.marked(Checkout(tmp_path)) == []


def test_a_step_of_the_clock_does_not_lose_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = daemons.start(Checkout(tmp_path), SLEEP, tmp_path / "sleeper.log", {})
    process = daemons.find(daemon)
    assert process is not None
    try:
        # psutil adds the time of the boot, which the kernel reckons back from the clock as it is now.
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 1_000_000.0)
        stepped = psutil.Process(daemon.pid)
        assert stepped.create_time() < 2_000_000
        assert daemons.find(daemon) == stepped
    finally:
        daemons.end(process, seconds=5)


def test_a_reused_process_id_is_not_taken_for_the_daemon(tmp_path: Path) -> None:
    daemon = daemons.start(Checkout(tmp_path), SLEEP, tmp_path / "sleeper.log", {})
    try:
        assert daemons.find(Daemon(daemon.pid, daemon.started - 100, daemon.log)) is None
    finally:
        process = daemons.find(daemon)
        assert process is not None
        daemons.end(process, seconds=5)


def test_a_daemon_that_dies_while_starting_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no licence to run')"]
    daemon = daemons.start(Checkout(tmp_path), command, tmp_path / "emulator.log", {})
    with pytest.raises(GitopsError, match="the emulator ended while starting: no licence to run"):
        daemons.wait_until_ready(Checkout(tmp_path), "emulator", daemon, lambda: False)


def test_state_survives_a_round_trip(tmp_path: Path) -> None:
    kept = State(port=4700, runtime="processes", daemons={"emulator": Daemon(1, 2.5, "logs/x")})
    daemons.save(Checkout(tmp_path), kept)
    assert daemons.load(Checkout(tmp_path)) == kept
    assert kept.endpoint == "http://127.0.0.1:4700"


def test_a_damaged_state_file_is_one_line(tmp_path: Path) -> None:
    daemons.save(Checkout(tmp_path), State(port=4700, runtime="processes"))
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


def test_a_taken_port_is_named_with_its_process() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(GitopsError) as raised:
            daemons.require_free(port, "emulator")
    assert f"port {port}, for the emulator, is taken by" in str(raised.value)
    assert f"(pid {os.getpid()})" in str(raised.value)


def test_a_free_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemons.require_free(port, "emulator")


# Field 9 is the flags, field 22 the start in ticks.
LINE = "17 ({name}) S 2 0 0 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 4250 0 0"


@pytest.mark.parametrize("name", ["kworker/0:1", "a) S 1 (b", "two words"])
@pytest.mark.parametrize(("flags", "kernel"), [(69238880, True), (4194560, False)])
def test_a_line_is_read_whatever_the_program_is_called(name: str, flags: int, kernel: bool) -> None:
    assert daemons.parsed(LINE.format(name=name, flags=flags), 100) == daemons.Stat(kernel=kernel, started=42.5)


def test_this_process() -> None:
    found = daemons.stat(os.getpid())
    assert found is not None
    assert not found.kernel
    assert 0 < found.started < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_process_that_is_not_there() -> None:
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
def test_a_start_without_an_end_is_not_waited_for_any_longer(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "STARTS_WITHIN", -1.0)
    assert daemons.carrying(NAME, "ours") == []
    assert pauses == []


@pytest.mark.usefixtures("_starting")
def test_the_kernels_own_threads_and_what_has_ended_are_not_waited_for(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in (daemons.Stat(kernel=True, started=0.0), None):
        monkeypatch.setattr(daemons, "stat", lambda _, known=known: known)
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


def test_the_next_free_port_passes_over_a_taken_one() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert daemons.free_port(taken - 1) > taken
    with pytest.raises(GitopsError, match="no port above 65535 is free"):
        daemons.free_port(65535)
