from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitops.checks import running
from gitops.checks.catalogue import CHECKS, Check, Command
from gitops.checks.files import NothingToCheckError
from gitops.checks.running import End, Result
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.tools import NotInstalledError
from tests.conftest import ROOT


def python(code: str) -> Command:
    return [sys.executable, "-c", code]


def runs(pid: int) -> bool:
    """A process that nobody waited for stays in the table as a zombie, and runs no more."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def run(*checks: Check, at_once: int = 2, must_run: bool = False, base: str = "") -> list[Result]:
    reported: list[Result] = []
    results = running.run(checks, Checkout(ROOT), at_once=at_once, must_run=must_run, report=reported.append, base=base)
    assert sorted(reported, key=lambda one: one.name) == sorted(results, key=lambda one: one.name)
    return results


PASSES = Check("passes", "", lambda _: [python("print('three')")])


def test_a_check_passes_when_all_its_commands_do_and_every_command_runs() -> None:
    fails = Check("fails", "", lambda _: [python("print('one'); raise SystemExit(3)"), python("print('two')")])
    results = run(fails, PASSES)
    assert [(r.name, r.end) for r in results] == [("fails", "failed"), ("passes", "passed")]
    assert results[0].output == "one\npython exited with 3\ntwo\n"


@pytest.mark.parametrize(("base", "said"), [("", ["[]", "[]"]), ("HEAD", ["[]", "['--base', 'HEAD']"])])
def test_a_check_that_can_narrow_is_told_the_base(base: str, said: list[str]) -> None:
    tell = [python("import sys; print(sys.argv[1:])")]
    results = run(Check("whole", "", lambda _: tell), Check("narrow", "", lambda _: tell, narrows=True), base=base)
    assert [result.output.strip() for result in results] == said


NO_GIT = GitopsError("git is not on PATH", fix="install git")
NO_SCRIPT = NothingToCheckError("no shell script")
NO_RUFF = NotInstalledError("ruff is not installed", fix="pip install ruff")


@pytest.mark.parametrize(
    ("error", "must_run", "end", "output"),
    [
        (None, False, "failed", "error: [Errno 13] Permission denied: '/'\n"),
        (NO_GIT, False, "failed", "error: git is not on PATH → install git\n"),
        (NO_SCRIPT, False, "not run", f"{NO_SCRIPT}\n"),
        (NO_SCRIPT, True, "not run", f"{NO_SCRIPT}\n"),
        (NO_RUFF, False, "not run", f"{NO_RUFF}\n"),
        (NO_RUFF, True, "failed", f"{NO_RUFF}\n"),
    ],
)
def test_a_check_that_cannot_start_or_look_says_why_and_ends_alone(
    error: GitopsError | None, must_run: bool, end: End, output: str
) -> None:
    def commands(_: Checkout) -> list[Command]:
        if error:
            raise error
        return [["/"]]

    results = run(Check("one", "", commands), PASSES, must_run=must_run)
    assert [(r.name, r.end) for r in results] == [("one", end), ("passes", "passed")]
    assert results[0].output == output


def test_no_more_run_together_than_allowed(tmp_path: Path) -> None:
    # Each one fails when another holds the folder.
    held = str(tmp_path / "held")
    code = f"import os, time; os.mkdir({held!r}); time.sleep(.05); os.rmdir({held!r})"
    results = run(*(Check(f"c{number}", "", lambda _: [python(code)]) for number in range(3)), at_once=1)
    assert [r.end for r in results] == ["passed"] * 3


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
from gitops.repository import Checkout
starts = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
slow = Check("slow", "", lambda _: [[sys.executable, "-c", starts, {child!r}]])
try:
    running.run([slow], Checkout(pathlib.Path(".")), at_once=1, must_run=True, report=print)
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
