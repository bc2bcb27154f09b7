"""What a task definition says of a container, and tasks as containers: skipped without an engine, except on CI."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gitops.errors import GitopsError
from rehearsal.runtimes import containers, containers_lack
from rehearsal.runtimes.containers import Containers, run_options
from rehearsal.runtimes.task import StartedTask
from tests.conftest import missing

SCRIPT = """#!/bin/sh
touch /written 2>/dev/null && echo writable
id -u
grep CapEff /proc/self/status
echo last
exit 9
"""


TASK: dict[str, Any] = {
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {
            "name": "web",
            "readonlyRootFilesystem": True,
            "user": "10001",
            "portMappings": [{"containerPort": 8080}],
            "linuxParameters": {
                "initProcessEnabled": True,
                "capabilities": {"drop": ["ALL"]},
                "tmpfs": [{"containerPath": "/tmp", "size": 16, "mountOptions": ["nosuid", "nodev"]}],  # noqa: S108
            },
            "ulimits": [{"name": "nofile", "softLimit": 4096, "hardLimit": 4096}],
        }
    ],
}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Containers]:
    if (lack := containers_lack()) is not None:
        missing(lack, "containers cannot be tested here")
    running = Containers(tmp_path)
    yield running
    running.close()
    containers.remove_all(tmp_path)


@pytest.fixture
def image(runtime: Containers, tmp_path: Path) -> str:
    """An image with a few programs of this machine, labelled as this rehearsal's."""
    folder = tmp_path / "image"
    for program in ("sh", "id", "grep", "sleep", "touch"):
        found = shutil.which(program)
        assert found is not None
        listed = subprocess.run(["ldd", found], capture_output=True, text=True, check=True).stdout
        for path in [found, *re.findall(r"(/\S+) \(0x", listed)]:
            target = folder / path.removeprefix("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    (folder / "run.sh").write_text(SCRIPT)
    name = f"fairweather-test-{uuid.uuid4().hex[:8]}"
    archive = subprocess.run(["tar", "-C", str(folder), "-c", "."], capture_output=True, check=True).stdout
    changes = ["--change", f"LABEL {containers.LABEL}={runtime.state}", "--change", "ENV PATH=/bin:/usr/bin"]
    subprocess.run(["docker", "import", *changes, "-", name], input=archive, capture_output=True, check=True)
    return name


def start(
    runtime: Containers, image: str, *command: str, task: StartedTask | None = None, name: str = "web"
) -> containers.LoopbackContainer:
    client = runtime.for_task(task or StartedTask("arn", {**TASK, "memory": "64"}, ""))
    container: containers.LoopbackContainer = client.containers.run(
        image,
        command=list(command),
        environment={},
        detach=True,
        labels={"com.amazonaws.ecs.container-name": name},
        name=f"fairweather-test-{uuid.uuid4().hex[:8]}",
    )
    return container


def test_a_container_is_limited_and_its_end_is_told(runtime: Containers, image: str) -> None:
    container = start(runtime, image, "sh", "/run.sh")
    assert container.attrs["NetworkSettings"]["Networks"]["host"]["IPAddress"].startswith("127.")
    assert container.wait()["StatusCode"] == 9
    lines = container.logs().decode().splitlines()
    assert lines == ["10001", "CapEff:\t0000000000000000", "last"]
    assert runtime.discard(container.id, 1) == 9
    assert runtime.discard(container.id, 1) is None


def test_the_containers_of_a_task_listen_on_its_address(runtime: Containers, image: str) -> None:
    both = [*TASK["containerDefinitions"], {"name": "worker", "user": "10002"}]
    task = StartedTask("arn", {**TASK, "memory": "64", "containerDefinitions": both}, "")
    web, worker = (start(runtime, image, "sleep", "600", task=task, name=name) for name in ("web", "worker"))
    assert web.attrs["NetworkSettings"] == worker.attrs["NetworkSettings"]
    assert runtime.check(worker.id, ["sh", "-c", "id -u | grep 10002"], 60)


def test_a_health_check_runs_in_the_container(runtime: Containers, image: str) -> None:
    container = start(runtime, image, "sleep", "600")
    assert runtime.check(container.id, ["sh", "-c", "id -u | grep 10001"], 60)
    assert runtime.check(container.id, ["sh", "-c", "echo localhost | grep ^127"], 60)
    assert not runtime.check(container.id, ["sh", "-c", "exit 1"], 60)
    assert not runtime.check(container.id, ["sleep", "600"], 0.2)
    assert not runtime.check(container.id, ["no-such-program"], 60)
    assert not runtime.check("no-such-container", ["sh"], 60)


def test_more_memory_than_the_task_has_is_named_as_the_reason(runtime: Containers, image: str) -> None:
    container = start(runtime, image, "sh", "-c", "x=x; while :; do x=$x$x; done")
    container.wait()
    assert runtime.reason(container.id) == "OutOfMemoryError: Container killed due to memory usage"


def test_removing_all_finds_this_rehearsals_containers_and_images_only(
    runtime: Containers, image: str, tmp_path: Path
) -> None:
    container = start(runtime, image, "sleep", "600")
    assert containers.remove_all(tmp_path / "another") == []
    assert container.status in ("created", "running")
    assert containers.remove_all(tmp_path) == ["1 container", "1 image"]
    assert containers.remove_all(tmp_path) == []


def test_what_a_killed_emulator_left_goes_with_the_next_start(runtime: Containers, image: str, tmp_path: Path) -> None:
    container = start(runtime, image, "sleep", "600")
    # Nothing closed the first one: its containers are still there.
    with contextlib.closing(Containers(tmp_path)) as after:
        assert after.discard(container.id, 1) is None


def test_without_an_engine_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(GitopsError, match="use --runtime processes"), contextlib.closing(Containers(tmp_path)):
        pass
    assert containers.remove_all(tmp_path) == []


GIVEN = {"environment": {"A": "b"}, "ports": {"8080/tcp": 8080}, "network": None, "name": "x", "detach": True}


def options(**changes: Any) -> dict[str, Any]:
    [container] = TASK["containerDefinitions"]
    return run_options(TASK, {**container, **changes}, GIVEN, "127.64.0.1")


def test_the_execution_roles_token_goes_to_the_rehearsals_registry_alone() -> None:
    asked: list[tuple[str, Any]] = []
    engine = SimpleNamespace(pull=lambda image, platform, auth_config: asked.append((image, auth_config)))
    for image in ("127.0.0.1:4566/app@sha256:1", "public.ecr.aws/nginx/nginx:1"):
        containers.Images(engine, "token").pull(image)
    assert [login and login["password"] for _, login in asked] == ["token", None]


def test_the_container_has_what_the_task_definition_says() -> None:
    made = options()
    assert made["read_only"] is True
    assert made["user"] == "10001"
    assert made["cap_drop"] == ["ALL"]
    assert made["init"] is True
    assert made["mem_limit"] == made["memswap_limit"] == 512 * 1024 * 1024
    assert made["nano_cpus"] == 250_000_000
    assert made["tmpfs"] == {"/tmp": "size=16m,nosuid,nodev"}  # noqa: S108
    assert [(limit.name, limit.soft, limit.hard) for limit in made["ulimits"]] == [("nofile", 4096, 4096)]
    assert made["security_opt"] == ["no-new-privileges"]


def test_it_listens_on_its_own_loopback_address_only() -> None:
    made = options()
    assert made["network_mode"] == "host"
    assert "ports" not in made
    assert made["environment"] == {"A": "b", "GUNICORN_CMD_ARGS": "--bind 127.64.0.1:8080"}


def test_a_containers_own_limits_win() -> None:
    made = options(memory=128, cpu=128)
    assert (made["mem_limit"], made["nano_cpus"]) == (128 * 1024 * 1024, 125_000_000)


def test_a_volume_without_a_host_path_is_an_anonymous_one() -> None:
    task = {"volumes": [{"name": "cache"}, {"name": "hosted", "host": {"sourcePath": "/x"}}]}
    mounts = [
        {"sourceVolume": "cache", "containerPath": "/cache"},
        {"sourceVolume": "hosted", "containerPath": "/hosted"},
    ]
    made = run_options(task, {"mountPoints": mounts}, GIVEN, "127.64.0.1")
    assert [(mount["Target"], mount["Source"]) for mount in made["mounts"]] == [("/cache", None)]
