from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from gitops.checks import running
from gitops.checks.catalogue import CHECKS, Check, Command
from gitops.checks.running import Result
from gitops.errors import GitopsError

ROOT = Path(__file__).parents[3]


def python(code: str) -> Command:
    return [sys.executable, "-c", code]


def runs(pid: int) -> bool:
    """A process that nobody waited for stays in the table as a zombie, and runs no more."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def run(*checks: Check, at_once: int = 2) -> tuple[list[Result], list[str]]:
    reported: list[str] = []
    results = running.run(checks, ROOT, at_once=at_once, report=lambda result: reported.append(result.name))
    return results, reported


def test_a_check_passes_when_all_its_commands_do_and_every_command_runs() -> None:
    fails = Check("fails", "", lambda _: [python("print('one'); raise SystemExit(3)"), python("print('two')")])
    passes = Check("passes", "", lambda _: [python("print('three')")])
    results, reported = run(fails, passes)
    assert [(r.name, r.passed) for r in results] == [("fails", False), ("passes", True)]
    assert "one" in results[0].output
    assert "python exited with 3" in results[0].output
    assert "two" in results[0].output
    assert sorted(reported) == ["fails", "passes"]


def test_a_check_that_cannot_start_fails_alone() -> None:
    def commands(_: Path) -> list[Command]:
        raise GitopsError("hadolint is not installed", fix="make setup")

    results, _ = run(Check("broken", "", commands), Check("passes", "", lambda _: [python("")]))
    assert [(r.name, r.passed) for r in results] == [("broken", False), ("passes", True)]
    assert "hadolint is not installed → make setup" in results[0].output


def test_no_more_run_together_than_allowed(tmp_path: Path) -> None:
    # Each one fails when another holds the folder.
    held = str(tmp_path / "held")
    code = f"import os, time; os.mkdir({held!r}); time.sleep(.05); os.rmdir({held!r})"
    checks = [Check(f"c{number}", "", lambda _: [python(code)]) for number in range(3)]
    results, _ = run(*checks, at_once=1)
    assert [r.passed for r in results] == [True, True, True]


def test_interrupted_it_leaves_nothing_running_that_a_command_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    child = f"""
import os, pathlib, time
whole = pathlib.Path({str(mark)!r})
part = whole.with_suffix(".part")
part.write_text(str(os.getpid()))
part.replace(whole)
time.sleep(60)
"""
    script = f"""
import pathlib, sys
from gitops.checks import running
from gitops.checks.catalogue import Check
starts = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
slow = Check("slow", "", lambda _: [[sys.executable, "-c", starts, {child!r}]])
try:
    running.run([slow], pathlib.Path("."), at_once=1, report=print)
except KeyboardInterrupt:
    sys.exit(130)
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    pid = int(mark.read_text())
    for _ in range(600):
        if not runs(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"{pid} still runs")


def test_every_check_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.about for check in CHECKS)
