"""What every test has: no AWS account, no settings of its user's, and a skip that becomes a failure in CI."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each service's package, found as its image finds it, and what stands for that which it asks.
sys.path[:0] = [str(path) for found in ("*", "*/standin") for path in sorted((ROOT / "services").glob(f"{found}/"))]


def missing(what: str, why: str) -> NoReturn:
    """Skip where a tool is absent; with CI set its absence is a failure, for a green run must mean it ran."""
    message = f"{what}: {why}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


# What would change what a test finds, where whoever runs it has set it.
OF_THE_USER = (
    # Within a hook of git these point every git command at the repository of the hook.
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"),
    *("FAIRWEATHER_BUILDER", "OPENWEATHER_API_KEY", "REHEARSAL_PORT", "REHEARSAL_RUNTIME"),
    *("REHEARSAL_LATE", "REHEARSAL_ROLLBACK"),
    # The widths and colours of what is printed.
    *("COLUMNS", "LINES", "FORCE_COLOR"),
)
# Over the own settings of whoever runs the tests (git-config(1), GIT_CONFIG_COUNT).
GIT_SETTINGS = {
    "commit.gpgSign": "false",
    "core.hooksPath": os.devnull,
    "core.excludesFile": os.devnull,
    "core.autocrlf": "false",
    "protocol.file.allow": "always",
}

# Minutes each: whole workflows, drills under load, a bad commit of every kind, kills at every moment.
LONG = (
    "tests/docs/test_edited.py",
    "tests/rehearsal/drift/",
    "tests/rehearsal/drills/",
    "tests/rehearsal/grow/",
    "tests/rehearsal/runner/test_every_workflow.py",
    "tests/rehearsal/ship/test_several.py",
    "tests/rehearsal/ship/test_sidecars.py",
    "tests/rehearsal/verdicts/",
    "tests/gitops/deploy/test_killed.py",
    "tests/gitops/deploy/test_rollback.py",
)


def pytest_configure() -> None:
    """What holds for the whole run: Ctrl-C ends it, and no proxy stands before this machine itself."""
    # A shell that starts a job in the background takes Ctrl-C from all that follow.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in OF_THE_USER:
        os.environ.pop(name, None)
    # Whoever runs this may sign commits, have hooks, ignore files and turn line ends.
    before = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    for number, (name, value) in enumerate(GIT_SETTINGS.items(), before):
        os.environ[f"GIT_CONFIG_KEY_{number}"], os.environ[f"GIT_CONFIG_VALUE_{number}"] = name, value
    os.environ["GIT_CONFIG_COUNT"] = str(before + len(GIT_SETTINGS))
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), "127.0.0.1", "localhost"]))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave the long ones to CI, to LONG=1, and to whoever asks for them by their path."""
    asked = any(f"{word}/".startswith(LONG) for word in item.config.invocation_params.args)
    if item.nodeid.startswith(LONG) and not (asked or os.environ.get("CI") or os.environ.get("LONG")):
        item.add_marker(pytest.mark.skip(reason="takes minutes: make test LONG=1 runs it, and CI does"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones: they mostly wait, and begun last they are what the run waits for."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the time of a change's tests went: seconds of each folder that was asked for, of all workers together."""
    reports = [one for found in terminalreporter.stats.values() for one in found if isinstance(one, pytest.TestReport)]
    for folder in config.invocation_params.args:
        within = [one.duration for one in reports if one.nodeid.startswith(f"{folder}/")]
        if within:
            terminalreporter.line(f"{folder}: {sum(within):.0f} s of tests")


@cache
def engine_problem() -> str:
    """Why no Docker engine can be used on this machine; nothing where one answers."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return "the Docker engine does not answer docker info within 60 s"
    return "no Docker engine answers" if done.returncode else ""


def engine_answers() -> bool:
    """Whether a Docker engine answers on this machine."""
    return not engine_problem()


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """A Docker engine that answers."""
    if problem := engine_problem():
        missing(problem, "tasks as containers are not tested here")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to look at pages with."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    missing("Chromium is not installed", "the page is not looked at in a browser here")


@pytest.fixture(autouse=True)
def _no_aws_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach a real account, whatever this machine is signed in to."""
    for name in (
        *("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"),
        *("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_RUN_ID"),
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
