from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import environments
from gitops.errors import GitopsError
from rehearsal import run
from rehearsal.runner import act
from rehearsal.runner.run import Runner
from rehearsal.steps import Steps
from rehearsal.stop import stop
from tests.conftest import ROOT, missing
from tests.ports import free_ports
from tests.rehearsal.runner.stage import Stage
from tests.rehearsal.ship import clone as clones


@pytest.fixture(scope="session")
def act_binary() -> Path:
    try:
        return act.find(ROOT)
    except GitopsError as error:
        missing(str(error), "no workflow is run here")
        raise


@pytest.fixture(scope="module")
def stage(act_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    clone = clones.make(tmp_path_factory.mktemp("workflows") / "fairweather", free_ports(), "processes")
    try:
        environment = environments.load(clone.path, run.ENVIRONMENT)
        (clone.path / ".rehearsal").mkdir()
        running = run.up(clone.path, environment, Steps(clone.path, print), clone.port, clone.runtime)
        runner = Runner(clone.path, running, act_binary, ROOT, {"FAIRWEATHER_BUILDER": "pack"})
        runner.prepare()
        yield Stage(clone, runner)
    finally:
        # In this process: the emulator is its child, and would stay a zombie for any other.
        stop(clone.path, print)
