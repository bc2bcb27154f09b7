"""Containers beside the service's, in a rehearsal whose tasks are processes: what runs, what is left out and said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import HERE, SERVICE, Clone

COLLECTOR = {"name": "collector", "image": "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.1"}
# Both sort before the service's container.
WORKER = {
    "name": "a-worker",
    "image": "${image}",
    "essential": False,
    "command": ["python", "-c", "import time; print('at work', flush=True); time.sleep(3600)"],
}


def beside(root: Path, *containers: dict[str, Any]) -> None:
    """Put containers before the service's own, and render."""
    base = root / f"taskdefs/{SERVICE}/base.json"
    document = json.loads(base.read_text())
    own = next(one for one in document["containerDefinitions"] if one["name"] in (SERVICE, "${service}"))
    shared = {"logConfiguration": own["logConfiguration"], "user": own.get("user", "1000")}
    document["containerDefinitions"] = [*({**shared, **one} for one in containers), own]
    base.write_text(json.dumps(document, indent=2) + "\n")
    code, output = Clone(root, 0, "processes").run("gitops", "render", SERVICE)
    assert code == 0, output


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clone, str]]:
    def change(root: Path) -> None:
        beside(root, WORKER, {**COLLECTOR, "essential": False})

    with clones.shipped(tmp_path_factory.mktemp("sidecars"), "processes", change) as found:
        yield found


def test_the_service_runs_with_what_can_be_run_beside_it(shipped: tuple[Clone, str]) -> None:
    clone, output = shipped
    assert f"Left out of {SERVICE}: its container collector, for its image is from elsewhere" in output
    session = clone.session()
    ecs = session.client("ecs")
    (service,) = ecs.describe_services(cluster=HERE.cluster, services=[SERVICE])["services"]
    assert any("left the container collector out of (task " in event["message"] for event in service["events"])
    arns = ecs.list_tasks(cluster=HERE.cluster, serviceName=SERVICE)["taskArns"]
    assert arns
    for task in ecs.describe_tasks(cluster=HERE.cluster, tasks=arns)["tasks"]:
        containers = {one["name"]: one for one in task["containers"]}
        assert [containers[name]["lastStatus"] for name in ("a-worker", SERVICE)] == ["RUNNING", "RUNNING"]
        assert "from elsewhere" in containers["collector"]["reason"]
        stream = f"ecs/a-worker/{task['taskArn'].rpartition('/')[2]}"
        events = session.client("logs").get_log_events(
            logGroupName=f"{HERE.family(SERVICE)}-logs", logStreamName=stream
        )["events"]
        assert [event["message"] for event in events] == ["at work"]


def test_an_essential_one_from_elsewhere_ends_the_next_run_with_the_way_out(shipped: tuple[Clone, str]) -> None:
    clone, _ = shipped
    before = clone.status()["services"][SERVICE]
    beside(clone.path, COLLECTOR)
    clone.commit("Collect traces")
    code, output = clone.ship()
    assert code == 1, output
    assert "Container 'collector' is essential and cannot be run in this rehearsal" in output
    assert "RUNTIME=containers" in output
    assert "make it non-essential in the overlay of this environment" in output
    assert "Traceback" not in output
    live = clone.status()["services"][SERVICE]
    for what in ("commit", "revision", "running"):
        assert live[what] == before[what]
