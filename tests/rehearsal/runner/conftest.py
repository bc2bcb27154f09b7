from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import environments
from gitops.environments import GitHub
from gitops.errors import GitopsError
from gitops.repository import Checkout
from rehearsal.runner import act, events
from rehearsal.runner.github import Service, serving
from rehearsal.runner.run import Runner
from rehearsal.services import needs
from rehearsal.steps import Steps
from rehearsal.up import stop, up
from tests.conftest import ROOT, missing
from tests.emulators import free_ports
from tests.rehearsal.runner.stage import Stage
from tests.rehearsal.ship import clone as clones

GITHUB = GitHub("an-owner", "a-repository", "1000001", "2000002")


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Service]:
    """GitHub's side of the run of a push."""
    with serving(Service(GITHUB, events.push(GITHUB, "1" * 40, "2" * 40), tmp_path / "store")) as service:
        yield service


@pytest.fixture(scope="session")
def act_binary() -> Path:
    if os.environ.get("CI"):
        # Only here, so that a change that asks for none of these tests does not wait for it. One worker makes it.
        with (ROOT / "Makefile").open() as one, contextlib.suppress(subprocess.CalledProcessError):
            fcntl.flock(one, fcntl.LOCK_EX)
            subprocess.run(["make", "runner"], cwd=ROOT, check=True)
    try:
        return act.find(Checkout(ROOT))
    except GitopsError as error:
        missing(str(error), "no workflow is run here")


@pytest.fixture(scope="module")
def stage(act_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    clone = clones.make(tmp_path_factory.mktemp("workflows") / "fairweather", free_ports(), "processes")
    try:
        checkout = Checkout(clone.path)
        environment = environments.rehearsed(checkout)
        head = checkout.commit("HEAD")
        wanted = [needs(checkout, environment, service, head) for service in environment.services]
        (clone.path / ".rehearsal").mkdir()
        running = up(checkout, environment, wanted, Steps(checkout, print), clone.port, clone.runtime)
        runner = Runner(checkout, running, wanted, act_binary, ROOT, {"FAIRWEATHER_BUILDER": "pack"})
        runner.prepare()
        yield Stage(clone, runner)
    finally:
        # In this process: the emulator is its child, and would stay a zombie for any other.
        stop(Checkout(clone.path), print)
