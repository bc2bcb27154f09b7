from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rehearsal.runtimes.options import run_options

RENDERED = Path(__file__).parents[3] / "taskdefs/weather/rendered/rehearsal.json"
GIVEN = {"environment": {"A": "b"}, "ports": {"8080/tcp": 8080}, "network": None, "name": "x", "detach": True}


def options(**changes: Any) -> dict[str, Any]:
    task = json.loads(RENDERED.read_text())
    [container] = task["containerDefinitions"]
    return run_options(task, {**container, **changes}, GIVEN, "127.64.0.1")


def test_the_container_has_what_the_task_definition_says() -> None:
    made = options()
    assert made["read_only"] is True
    assert made["user"] == "10001"
    assert made["cap_drop"] == ["ALL"]
    assert made["init"] is True
    assert made["mem_limit"] == made["memswap_limit"] == 512 * 1024 * 1024
    assert made["nano_cpus"] == 250_000_000
    assert made["tmpfs"] == {"/tmp": "size=16m,nosuid,nodev,noexec"}  # noqa: S108
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
