"""Servers to measure: containers of the service's image under the task's CPU quota, or processes without one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import requests
from docker import DockerClient
from docker.errors import DockerException

from gitops.images import build
from gitops.repository import Checkout
from rehearsal import base_image
from rehearsal.page import loopback
from rehearsal.runtimes import containers
from rehearsal.runtimes.containers import run_options
from rehearsal.runtimes.task import free_address, listening_on
from tests.conftest import ROOT

APPS = Path(__file__).parent / "apps"
SERVICE = ROOT / "services/weather"
PORT = 8080
_START_SECONDS = 30.0
_INSIDE = "/bench"


@dataclass(frozen=True)
class Serving:
    """``started`` is the seconds from its first process to its first healthy answer."""

    url: str
    started: float
    process: psutil.Process
    terminate: Callable[[], object]
    wait: Callable[[], int]

    def memory(self) -> float | None:
        """Its proportional set size in MB, None where this user may not read it."""
        try:
            every = [self.process, *self.process.children(recursive=True)]
            return float(sum(one.memory_full_info().pss for one in every)) / 1_000_000
        except psutil.AccessDenied:
            return None


Serve = Callable[[Sequence[str]], Serving]


@contextmanager
def as_containers(environment: Mapping[str, str]) -> Iterator[Serve]:
    """Start commands in containers of the image, limited as the task definition says."""
    document = json.loads((ROOT / "taskdefs/weather/rendered/production.json").read_text())
    (definition,) = document["containerDefinitions"]
    running = []
    with contextlib.closing(containers.connect()) as engine, _image(engine) as image:

        def serve(command: Sequence[str]) -> Serving:
            address = free_address([PORT], [])
            given: dict[str, Any] = {"environment": {**environment, "PYTHONPATH": _INSIDE}, "labels": {}}
            options = run_options(document, definition, given, address)
            volumes = {str(APPS): {"bind": _INSIDE, "mode": "ro"}}
            made = engine.containers.create(image, list(command), volumes=volumes, **options)
            running.append(made)
            made.start()
            url = f"http://{address}:{PORT}"
            healthy = _healthy(url)
            made.reload()
            begun = datetime.fromisoformat(made.attrs["State"]["StartedAt"]).timestamp()
            return Serving(
                url,
                healthy - begun,
                psutil.Process(made.attrs["State"]["Pid"]),
                lambda: made.kill("SIGTERM"),
                lambda: int(made.wait(timeout=60)["StatusCode"]),
            )

        try:
            yield serve
        finally:
            for one in running:
                one.remove(force=True, v=True)


@contextmanager
def as_processes(environment: Mapping[str, str]) -> Iterator[Serve]:
    """Start commands as processes of this machine, which takes no CPU from them."""
    running = []

    def serve(command: Sequence[str]) -> Serving:
        address = free_address([PORT], [])
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(APPS), **environment}
        begun = time.time()
        made = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=SERVICE,
            env=listening_on(own, address, [PORT]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.append(made)
        url = f"http://{address}:{PORT}"
        return Serving(
            url, _healthy(url) - begun, psutil.Process(made.pid), made.terminate, lambda: int(made.wait(timeout=60))
        )

    try:
        yield serve
    finally:
        for one in running:
            one.kill()
            one.wait()


@contextmanager
def _image(engine: DockerClient) -> Iterator[str]:
    """The image of the work tree's files, removed afterwards with the base that was made for it."""
    name, state = f"fairweather-bench:{os.getpid()}", ROOT / ".rehearsal"
    before = {tag for image in engine.images.list() for tag in image.tags}
    settings = base_image.build_settings(Checkout(ROOT), state, ["weather"], print)
    try:
        # Only while it is built: a test run in the same process builds with what its own environment says.
        with patch.dict(os.environ, settings):
            build.build_with_docker(name, "0" * 40, SERVICE)
        yield name
    finally:
        with contextlib.suppress(DockerException):
            engine.images.remove(name, force=True)
        if settings.get(build.BASE_IMAGE, name) not in {name, *before}:
            containers.remove_all(state)


def _healthy(url: str) -> float:
    """The moment (Unix seconds) of the first healthy answer."""
    deadline = time.monotonic() + _START_SECONDS
    with loopback() as session:
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if session.get(f"{url}/health", timeout=5).ok:
                    return time.time()
            time.sleep(0.01)
    sys.exit(f"{url} was not healthy within {_START_SECONDS:.0f} s")
