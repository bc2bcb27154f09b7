"""Tasks as processes of this machine: for machines without a Docker engine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from gitops.errors import GitopsError
from rehearsal import daemons
from rehearsal.runtimes.images import (
    ImageCommand,
    UnpackedImage,
    UnpackedImages,
    beside,
    image_command,
    is_here,
    look_up,
)
from rehearsal.runtimes.task import StartedTask, asking, listening_on, ports, reachable

LAUNCH = Path(__file__).with_name("launch.py")
# In each task's environment: finds what a killed emulator could not end.
MARK = "FAIRWEATHER_TASK_OF"
# The mark of the whole rehearsal, by which `make stop` finds every process of a clone.
REHEARSAL_MARK = "FAIRWEATHER_REHEARSAL"
# How often a follower of the log looks for more, in seconds.
LOG_INTERVAL = 0.05


@dataclass
class ProcessContainer:
    """A started process; the methods are those of docker-py's Container that the emulator's ECS calls."""

    id: str
    name: str
    labels: dict[str, str]
    address: str
    log: Path
    process: subprocess.Popen[bytes]
    command: ImageCommand
    _reaping: threading.Lock = field(default_factory=threading.Lock)

    @property
    def status(self) -> str:
        """``running`` or ``exited``."""
        with self._reaping:
            ended = self.process.poll() is not None
        return "exited" if ended else "running"

    @property
    def attrs(self) -> dict[str, Any]:
        """The part of ``docker inspect`` from which the emulator reads the address."""
        return {"NetworkSettings": {"Networks": {"loopback": {"IPAddress": self.address}}}}

    def reload(self) -> None:
        """Nothing to do: status and attributes are read when asked for."""

    def wait(self) -> dict[str, int]:
        """Wait for the end; the code is 128 + signal for a killed process, as Docker has it."""
        while self.status != "exited":
            time.sleep(LOG_INTERVAL)
        code = self.process.returncode
        return {"StatusCode": 128 - code if code < 0 else code}

    def stop(self, timeout: float = 10) -> None:
        """SIGTERM to the process, after ``timeout`` seconds SIGKILL to all of its group."""
        if self.status == "running":
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + timeout
            while self.status == "running" and time.monotonic() < end:
                time.sleep(LOG_INTERVAL)
        # What the process started and did not end itself goes with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def logs(
        self,
        *,
        stream: bool = False,
        follow: bool = False,
        tail: int | None = None,
        stdout: bool = True,
        stderr: bool = True,
    ) -> Any:  # noqa: ANN401 (bytes or an iterator of bytes, as docker-py)
        """Everything written so far (the last ``tail`` lines), or with ``stream`` an iterator over it."""
        if stream:
            return self._stream(follow=follow)
        content = self.log.read_bytes() if self.log.exists() else b""
        return content if tail is None else b"".join(content.splitlines(keepends=True)[-tail:])

    def _stream(self, *, follow: bool) -> Iterator[bytes]:
        """Whole lines, the last one included even without its newline."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as opened:
            rest = b""
            while True:
                # Asked before reading: what was written before the end is then read for certain.
                ended = self.status == "exited"
                while chunk := opened.read(65536):
                    *lines, rest = (rest + chunk).split(b"\n")
                    if lines:
                        yield b"\n".join(lines) + b"\n"
                if ended or not follow:
                    break
                time.sleep(LOG_INTERVAL)
            if rest:
                yield rest

    def remove(self, *, v: bool = False, force: bool = False) -> None:
        """Forget the log; the process is stopped first with ``force``."""
        if force:
            self.stop(timeout=0)
        self.log.unlink(missing_ok=True)


class Processes:
    """The runtime: unpacks images by digest and runs their command, each task on an address of its own.

    Not proven by it: the Dockerfile, the base image, isolation, limits of memory and CPU.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self.unpacked = UnpackedImages(state / "images")
        self.running: dict[str, ProcessContainer] = {}
        self.images = Images(self, "")
        self.containers = ContainersOf(self, None, self.images)
        self._lock = threading.Lock()
        self._closed = False
        self._marks = {MARK: str(state)}
        if REHEARSAL_MARK in os.environ:
            self._marks[REHEARSAL_MARK] = os.environ[REHEARSAL_MARK]
        # The kernel ends a child when the *thread* that forked it ends: one thread starts them all.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="task-starter")
        (state / "tasks").mkdir(parents=True, exist_ok=True)
        sweep(state)

    def has(self, image: str) -> bool:
        """Whether an image is in the rehearsal's own registry."""
        return is_here(image)

    def for_task(self, task: StartedTask) -> SimpleNamespace:
        """The client that pulls and runs this one task."""
        images = Images(self, task.registry_password)
        return SimpleNamespace(images=images, containers=ContainersOf(self, task, images))

    def start(self, command: ImageCommand, name: str, labels: Mapping[str, str], address: str) -> ProcessContainer:
        """Start a process group; GitopsError when the rehearsal is ending."""
        identity = uuid.uuid4().hex
        log = self.state / "tasks" / f"{identity}.log"
        marked = replace(command, environment={**command.environment, **self._marks})

        def spawn() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *marked.arguments],
                    cwd=marked.folder,
                    env=marked.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

        with self._lock:
            if self._closed:
                raise GitopsError("the rehearsal is ending")
            process = self._starter.submit(spawn).result()
            container = ProcessContainer(identity, name, dict(labels), address, log, process, marked)
            self.running[identity] = container
        return container

    def discard(self, container_id: str, timeout: float) -> int | None:
        """Stop and forget a container; its exit code, None when there is no such container."""
        container = self.running.get(container_id)
        if container is None:
            return None
        container.stop(timeout=timeout)
        code = container.wait()["StatusCode"]
        container.remove()
        self.running.pop(container_id, None)
        return code

    def check(self, container_id: str, command: Sequence[str], timeout: float) -> bool:
        """Whether a command beside the container's own exits with 0 within ``timeout`` seconds."""
        container = self.running.get(container_id)
        if container is None:
            return False
        try:
            asked = beside(container.command, asking(command, container.address))
            done = subprocess.run(
                asked.arguments,
                cwd=asked.folder,
                env=asked.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (GitopsError, OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def reason(self, container_id: str) -> str | None:
        """Always None: nothing limits a process."""
        return None

    def close(self) -> None:
        """Stop every task at once: SIGTERM to all, SIGKILL after two seconds."""
        with self._lock:
            self._closed = True
            containers = list(self.running.values())
        with ThreadPoolExecutor(max_workers=max(1, len(containers))) as pool:
            list(pool.map(lambda container: self.discard(container.id, 2), containers))
        self._starter.shutdown(wait=True)
        sweep(self.state)


@dataclass
class Images:
    """docker-py's ImageCollection, as far as the emulator's ECS uses it."""

    runtime: Processes
    password: str
    pulled: dict[str, UnpackedImage] = field(default_factory=dict)

    def get_registry_data(self, image: str, auth_config: object = None) -> _Image:
        """The digest that a tag stands for now."""
        _, digest = look_up(image, self.password)
        return _Image(digest)

    def pull(self, image: str, platform: str | None = None, auth_config: object = None) -> _Image:
        """Fetch and unpack; GitopsError with the registry's words when it refuses."""
        self.pulled[image] = self.runtime.unpacked.pull(image, self.password)
        return _Image(self.pulled[image].digest)

    def get(self, image: str) -> None:
        """Always missing: a Fargate task pulls, it has no cache to fall back on."""
        from docker.errors import ImageNotFound

        raise ImageNotFound(image)


@dataclass(frozen=True)
class _Image:
    id: str

    def tag(self, repository: str, tag: str | None = None) -> bool:
        """A folder is found by its digest: there is nothing to name."""
        return True


@dataclass
class ContainersOf:
    """docker-py's ContainerCollection for one task; without a task it only finds what runs."""

    runtime: Processes
    task: StartedTask | None
    images: Images

    def run(self, image: str, **options: Any) -> ProcessContainer:  # noqa: ANN401 (as docker-py)
        """Start the image's command; the options are those that ministack passes to Docker."""
        if self.task is None:
            raise GitopsError("a process is started for a task only")
        labels: dict[str, str] = options["labels"]
        definition = self.task.container(labels["com.amazonaws.ecs.container-name"])
        unpacked = self.images.pulled.get(image) or self.runtime.unpacked.pull(image, self.images.password)
        address = self.task.address(c.address for c in list(self.runtime.running.values()))
        environment = listening_on(reachable(options["environment"]), address, ports(definition))
        command = image_command(unpacked, options.get("command"), environment, definition)
        return self.runtime.start(command, options["name"], labels, address)

    def get(self, container_id: str) -> ProcessContainer:
        """The container, running or ended; NotFound as docker-py raises it."""
        container = self.runtime.running.get(container_id)
        if container is None:
            raise KeyError(container_id)
        return container

    def list(self, **_: object) -> list[ProcessContainer]:
        """Every container of this rehearsal."""
        return [*self.runtime.running.values()]


def sweep(state: Path) -> int:
    """Kill what an emulator of this state folder left running; how many processes that were."""
    found = daemons.carrying(MARK, str(state))
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(found)
