from __future__ import annotations

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


def test_a_process_that_is_just_starting_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between execve's first and last step /proc shows an empty environment."""
    daemon = daemons.start(tmp_path, SLEEP, tmp_path / "sleeper.log", {})
    process = daemons.find(daemon)
    assert process is not None
    read = psutil.Process.environ
    seen: set[int] = set()

    def empty_at_first(self: psutil.Process) -> dict[str, str]:
        if self.pid == daemon.pid and self.pid not in seen:
            seen.add(self.pid)
            return {}
        return read(self)

    try:
        monkeypatch.setattr(psutil.Process, "environ", empty_at_first)
        assert daemons.marked(tmp_path) == [process]
        assert seen == {daemon.pid}
    finally:
        daemons.end(process, seconds=5)


def test_a_reused_process_id_is_not_taken_for_the_daemon(tmp_path: Path) -> None:
    daemon = daemons.start(tmp_path, SLEEP, tmp_path / "sleeper.log", {})
    try:
        assert daemons.find(Daemon(daemon.pid, daemon.created - 100, daemon.log)) is None
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
        pytest.raises(GitopsError, match="another rehearsal command"),
        state.locked(tmp_path),
    ):
        pass
