"""What every test has: no AWS account, no proxy, and a skip that becomes a failure in CI."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each service's package, found as its image finds it.
sys.path[:0] = [str(folder) for folder in sorted((ROOT / "services").iterdir()) if folder.is_dir()]


def missing(what: str, why: str) -> None:
    """Skip where a tool is absent; with CI set its absence is a failure, for a green run must mean it ran."""
    message = f"{what}: {why}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


# Minutes each: whole workflows, drills under load, a bad commit of every kind, kills at every moment.
LONG = (
    "tests/rehearsal/drills/",
    "tests/rehearsal/grow/",
    "tests/rehearsal/runner/test_every_workflow.py",
    "tests/rehearsal/verdicts/",
    "tests/gitops/rollout/test_killed.py",
    "tests/gitops/rollout/test_rollback.py",
)


def pytest_configure() -> None:
    """Give Ctrl-C its meaning back: a shell that starts a job in the background takes it from all that follow."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave the long ones to CI, to LONG=1, and to whoever asks for them by their path."""
    asked = any(word.startswith("tests/") for word in item.config.invocation_params.args if isinstance(word, str))
    if item.nodeid.startswith(LONG) and not (asked or os.environ.get("CI") or os.environ.get("LONG")):
        item.add_marker(pytest.mark.skip(reason="takes minutes: make test LONG=1 runs it, and CI does"))


@cache
def engine_answers() -> bool:
    """Whether a Docker engine answers on this machine."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20).returncode == 0


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """A Docker engine that answers."""
    if not engine_answers():
        missing("no Docker engine answers", "tasks as containers are not tested here")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to look at pages with."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("Chromium is not installed", "the page is not looked at in a browser here")
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def _no_aws_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach a real account, whatever this machine is signed in to."""
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
