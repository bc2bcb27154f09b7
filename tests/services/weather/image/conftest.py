"""The service's image, built by a real engine from the work tree, and containers run as its task definition says."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from unittest.mock import patch

import pytest
import requests
from docker import DockerClient
from docker.errors import DockerException, NotFound
from docker.models.containers import Container
from openweathermap import Server

from gitops.images import build
from gitops.repository import Checkout
from rehearsal import base_image
from rehearsal.page import loopback
from rehearsal.runtimes import containers
from rehearsal.runtimes.containers import run_options
from rehearsal.runtimes.task import free_address, ports
from tests.conftest import ROOT
from tests.emulators import serving

SERVICE = "weather"
COMMIT = "c0ffee" * 6 + "c0ff"
NAME = f"fairweather-image-test:{os.getpid()}"
KEY = "0123456789abcdef0123456789abcdef"
# What may lie in somebody's folder and must never be in an image.
PLANTED = {
    ".env": f"OPENWEATHER_API_KEY={KEY}\n",
    ".git/config": "[core]\n",
    "tests/test_service.py": "",
    "weather/__pycache__/stale.pyc": "",
    "standin/stand_in.py": "",
    "notes.txt": KEY,
}
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Running:
    """``url`` is where it listens; ``definition`` is its part of the task definition."""

    container: Container
    url: str
    definition: Mapping[str, Any]

    def get(self, path: str) -> requests.Response:
        """One request, without any proxy."""
        with loopback() as session:
            return session.get(f"{self.url}{path}", timeout=60)

    def log(self) -> str:
        """All that it has written."""
        written = self.container.logs()
        assert isinstance(written, bytes)
        return written.decode(errors="replace")

    def python(self, code: str) -> Any:
        """Run Python inside, under the container's own limits; the JSON that it prints."""
        done = self.container.exec_run(["python", "-c", code])
        assert isinstance(done.output, bytes)
        assert done.exit_code == 0, done.output.decode(errors="replace")
        return json.loads(done.output)


@pytest.fixture(scope="package")
def engine(docker_engine: None) -> Iterator[DockerClient]:
    with contextlib.closing(containers.connect()) as client:
        yield client


@pytest.fixture(scope="package")
def definition() -> Mapping[str, Any]:
    """The rendered task definition, as ECS gets it."""
    text = (ROOT / f"taskdefs/{SERVICE}/rendered/production.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="package")
def settings(engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What a build is told: of a base image from Debian where the Dockerfile's own cannot be pulled."""
    # Its own in each worker: the label of a state is on all that was built on its base image, and goes with it.
    state, cache = tmp_path_factory.mktemp("state"), ROOT / ".rehearsal/cache"
    cache.mkdir(parents=True, exist_ok=True)
    (state / "cache").symlink_to(cache)
    yield base_image.build_settings(Checkout(ROOT), state, [SERVICE], print)
    containers.remove_all(state)


@pytest.fixture(scope="package")
def base(settings: Mapping[str, str]) -> str:
    """The name of the image that it is built on."""
    own = base_image.default_base((ROOT / f"services/{SERVICE}/Dockerfile").read_text())
    return settings.get(build.BASE_IMAGE, own)


@pytest.fixture(scope="package")
def image(engine: DockerClient, settings: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of the work tree's files, beside which lies what must not get into it."""
    folder = tmp_path_factory.mktemp("context") / SERVICE
    shutil.copytree(ROOT / "services" / SERVICE, folder)
    for name, text in PLANTED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    # Only while it is built: no test after it has a setting of its user's.
    with patch.dict(os.environ, settings):
        build.build_with_docker(NAME, COMMIT, folder)
    yield NAME
    with contextlib.suppress(DockerException):
        engine.images.remove(NAME, force=True)


@pytest.fixture(scope="package")
def upstream() -> Iterator[Server]:
    """OpenWeatherMap's stand-in on loopback, which a container on the host's network reaches."""
    with serving(Server(0)) as server:
        yield server


@pytest.fixture
def started(engine: DockerClient, image: str, definition: Mapping[str, Any], upstream: Server) -> Iterator[Any]:
    """Start a container of the image as the task definition says.

    ``more`` is added to its environment; ``changes`` are docker-py's own options.
    """
    running: list[Container] = []

    def start(more: Mapping[str, str] = MappingProxyType({}), **changes: Any) -> Running:
        (container,) = definition["containerDefinitions"]
        address = free_address(ports(container), [])
        environment = {one["name"]: one["value"] for one in container["environment"]}
        environment |= {"OPENWEATHER_API_KEY": KEY, "OPENWEATHER_URL": upstream.url, **more}
        given = {"detach": True, "environment": environment, "labels": {}}
        options = run_options(definition, container, given, address) | changes
        made = engine.containers.run(image, **options)
        running.append(made)
        found = Running(made, f"http://{address}:{ports(container)[0]}", container)
        _wait(found)
        return found

    yield start
    for container in running:
        with contextlib.suppress(NotFound):
            container.remove(force=True, v=True)


@pytest.fixture
def task(started: Any) -> Running:
    """A container exactly as the task definition says, serving."""
    one: Running = started()
    return one


def _wait(running: Running) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with loopback() as session:
        while time.monotonic() < deadline:
            running.container.reload()
            if running.container.status == "exited":
                pytest.fail(f"it ended: {running.log()}")
            with contextlib.suppress(requests.RequestException):
                if session.get(f"{running.url}/health", timeout=30).ok:
                    return
            time.sleep(0.1)
    pytest.fail(f"not healthy within {_START_SECONDS:.0f} s: {running.log()}")


@pytest.fixture(scope="package")
def files(engine: DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The whole file system of the image, as one tar."""
    path = tmp_path_factory.mktemp("export") / "image.tar"
    container = engine.containers.create(image)
    try:
        with path.open("wb") as file:
            # types-docker takes them for text.
            for chunk in cast("Iterator[bytes]", container.export()):
                file.write(chunk)
    finally:
        container.remove()
    yield path
    path.unlink()
