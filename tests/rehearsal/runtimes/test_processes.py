from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gitops.errors import GitopsError
from rehearsal import daemons
from rehearsal.runtimes.images import ImageCommand
from rehearsal.runtimes.processes import MARK, ProcessContainer, Processes, sweep

# Ignores SIGTERM, and starts a child that does, too.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Processes]:
    running = Processes(tmp_path)
    yield running
    running.close()


def start(runtime: Processes, script: str) -> ProcessContainer:
    command = ImageCommand((sys.executable, "-c", script), runtime.state, {"PATH": "/usr/bin"})
    return runtime.start(command, "web", {}, "127.64.0.1")


def test_the_last_line_arrives_even_without_a_newline(runtime: Processes) -> None:
    container = start(runtime, "print('first'); import sys; sys.stderr.write('last'); sys.exit(3)")
    assert b"".join(container.logs(stream=True, follow=True)) == b"first\nlast"
    assert container.wait() == {"StatusCode": 3}
    assert container.logs(tail=1) == b"last"
    assert container.status == "exited"


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(runtime: Processes) -> None:
    container = start(runtime, STUBBORN)
    lines = container.logs(stream=True, follow=True)
    next(lines)
    group = daemons.carrying(MARK, str(runtime.state))
    assert len(group) == 2
    container.stop(timeout=0.2)
    assert container.wait() == {"StatusCode": 137}
    psutil.wait_procs(group, timeout=60)
    assert not [p for p in group if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_discarding_answers_the_exit_code_and_leaves_no_file(runtime: Processes) -> None:
    container = start(runtime, "raise SystemExit(5)")
    container.wait()
    assert runtime.discard(container.id, 1) == 5
    assert list((runtime.state / "tasks").iterdir()) == []
    assert runtime.discard(container.id, 1) is None


def test_nothing_starts_once_the_rehearsal_is_ending(runtime: Processes) -> None:
    runtime.close()
    with pytest.raises(GitopsError, match="ending"):
        start(runtime, "pass")


def test_a_command_that_cannot_be_run_ends_with_127_and_says_so(runtime: Processes) -> None:
    container = runtime.start(ImageCommand(("/nowhere/program",), runtime.state, {}), "web", {}, "127.64.0.1")
    assert container.wait() == {"StatusCode": 127}
    assert b"/nowhere/program: No such file or directory" in container.logs()


def test_a_sweep_ends_what_a_killed_emulator_left(runtime: Processes, tmp_path: Path) -> None:
    container = start(runtime, STUBBORN)
    next(container.logs(stream=True, follow=True))
    assert sweep(tmp_path / "another") == 0
    assert sweep(runtime.state) == 2
    assert container.wait() == {"StatusCode": 137}


def test_a_health_check_runs_beside_the_command(runtime: Processes) -> None:
    container = start(runtime, "import time; time.sleep(600)")
    assert runtime.check(container.id, ["python", "-c", "import os; assert os.environ['PATH'] == '/usr/bin'"], 60)
    assert runtime.check(container.id, ["python", "-c", "assert 'localhost'.startswith('127.64.')"], 60)
    assert not runtime.check(container.id, ["python", "-c", "raise SystemExit(1)"], 60)
    assert not runtime.check(container.id, ["python", "-c", "import time; time.sleep(600)"], 0.2)
    assert not runtime.check(container.id, ["no-such-program"], 60)
    assert not runtime.check("no-such-container", ["python", "-c", ""], 60)
