from __future__ import annotations

import pytest

from gitops.drills import fleet
from gitops.drills.fleet import Fleet, Task, busiest_zone

A, B, C = (
    Task(f"arn:task/c/{name * 10}", f"10.0.0.{name}", zone, True) for name, zone in zip("123", "abb", strict=True)
)
HEALTHY = {"10.0.0.1": "healthy", "10.0.0.2": "healthy"}


@pytest.mark.parametrize(
    ("tasks", "targets", "gone", "serving"),
    [
        ((A, B), (HEALTHY,), (), 2),
        ((A, B), (HEALTHY,), (A.arn,), 1),
        ((A, B), ({**HEALTHY, "10.0.0.2": "initial"},), (), 1),
        ((A, B), ({**HEALTHY, "10.0.0.2": "draining"},), (), 1),
        # Healthy in one target group only.
        ((A, B), (HEALTHY, {"10.0.0.1": "healthy"}), (), 1),
        # Not registered yet, or not running any more.
        ((A, C), (HEALTHY,), (), 1),
        ((A, Task(B.arn, B.address, B.zone, False)), (HEALTHY,), (), 1),
        # A service without a load balancer: running is all there is to see.
        ((A, B), (), (), 2),
        ((), (HEALTHY,), (), 0),
    ],
)
def test_who_serves(
    tasks: tuple[Task, ...], targets: tuple[dict[str, str], ...], gone: list[str], serving: int
) -> None:
    assert len(Fleet(2, tasks, targets).serving(apart=gone)) == serving


@pytest.mark.parametrize(
    ("desired", "targets", "settled"),
    [
        (2, HEALTHY, True),
        (3, HEALTHY, False),
        (1, HEALTHY, False),
        (2, {**HEALTHY, "10.0.0.9": "draining"}, False),
        (2, {**HEALTHY, "10.0.0.9": "initial"}, False),
        (2, {"10.0.0.1": "healthy"}, False),
    ],
)
def test_settled_means_nothing_comes_or_goes(desired: int, targets: dict[str, str], settled: bool) -> None:
    assert Fleet(desired, (A, B), (targets,)).is_settled is settled


def test_the_busiest_zone() -> None:
    assert busiest_zone([A, B, C]) == ("b", [B, C])
    assert busiest_zone([B, A]) == ("a", [A])


@pytest.mark.parametrize(
    ("last", "desired", "running"),
    [
        ("RUNNING", "RUNNING", True),
        ("RUNNING", "STOPPED", False),
        ("PENDING", "RUNNING", False),
        ("DEACTIVATING", "STOPPED", False),
    ],
)
def test_a_described_task(last: str, desired: str, running: bool) -> None:
    details = [{"name": "subnetId", "value": "s"}, {"name": "privateIPv4Address", "value": "10.0.0.7"}]
    described = {
        "taskArn": "arn:task/c/0123456789",
        "lastStatus": last,
        "desiredStatus": desired,
        "availabilityZone": "eu-west-2b",
        "attachments": [{"details": details}],
    }
    found = fleet.task(described)
    assert found == Task("arn:task/c/0123456789", "10.0.0.7", "eu-west-2b", running)
    assert found.short == "01234567"
    assert fleet.task({"taskArn": "arn:task/c/0"}) == Task("arn:task/c/0", "", "", False)
