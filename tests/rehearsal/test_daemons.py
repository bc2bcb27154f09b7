from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from gitops.errors import GitopsError
from rehearsal import daemons, state
from rehearsal.state import Daemon, State

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_daemon_is_found_and_ended(tmp_path: Path) -> None:
    daemon = daemons.start(tmp_path, SLEEP, tmp_path / "logs" / "sleeper.log", {})
    process = daemons.find(daemon)
    assert process is not None
    assert process in daemons.marked(tmp_path)
    daemons.end(process, seconds=5)
    assert daemons.find(daemon) is None
    assert daemons.marked(tmp_path) == []


def test_a_step_of_the_clock_does_not_lose_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = daemons.start(tmp_path, SLEEP, tmp_path / "sleeper.log", {})
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
    daemon = daemons.start(tmp_path, SLEEP, tmp_path / "sleeper.log", {})
    try:
        assert daemons.find(Daemon(daemon.pid, daemon.started - 100, daemon.log)) is None
    finally:
        process = daemons.find(daemon)
        assert process is not None
        daemons.end(process, seconds=5)


def test_a_daemon_that_dies_while_starting_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no licence to run')"]
    daemon = daemons.start(tmp_path, command, tmp_path / "emulator.log", {})
    with pytest.raises(GitopsError, match="the emulator ended while starting: no licence to run"):
        daemons.wait_until_ready(tmp_path, "emulator", daemon, lambda: False)


def test_state_survives_a_round_trip(tmp_path: Path) -> None:
    kept = State(port=4700, runtime="processes", daemons={"emulator": Daemon(1, 2.5, "logs/x")})
    state.save(tmp_path, kept)
    assert state.load(tmp_path) == kept
    assert kept.endpoint == "http://127.0.0.1:4700"
    assert kept.upstream_port == 4701


def test_a_damaged_state_file_is_one_line(tmp_path: Path) -> None:
    state.save(tmp_path, State(port=4700, runtime="processes"))
    (tmp_path / state.FOLDER / "state.json").write_text('{"port": "many"}')
    with pytest.raises(GitopsError, match=r"state\.json is damaged"):
        state.load(tmp_path)


def test_two_commands_in_one_clone_do_not_mix(tmp_path: Path) -> None:
    with (
        state.locked(tmp_path),
        pytest.raises(GitopsError, match=rf"another rehearsal command \(pid {os.getpid()}\)"),
        state.locked(tmp_path),
    ):
        pass
