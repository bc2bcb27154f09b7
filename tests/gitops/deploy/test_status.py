"""What runs, for a person and for a program."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from gitops.deploy.revisions import Provenance, Revision
from gitops.deploy.status import ImageStatus, ServiceStatus, Status, described, text, url
from tests.gitops.deploy.described import NEW, old, ours, seen

A, B = "a" * 40, "b" * 40
DIGEST = "sha256:" + "d" * 64
OUTPUTS = {
    "LoadBalancerDnsName": "demo-staging-1.eu-west-2.elb.example",
    "LoadBalancerFullName": "app/demo-staging/50dc6c49",
    "ListenerProtocol": "https",
}


@pytest.mark.parametrize(
    ("outputs", "endpoint", "expected"),
    [
        (OUTPUTS, "https://elb.eu-west-2.example", "https://demo-staging-1.eu-west-2.elb.example/"),
        (OUTPUTS, "http://127.0.0.1:4567", "http://demo-staging.alb.localhost:4567/"),
        (OUTPUTS, "http://localhost:4567", "http://demo-staging.alb.localhost:4567/"),
        ({}, "http://127.0.0.1:4567", ""),
    ],
)
def test_where_the_load_balancer_answers(outputs: dict[str, str], endpoint: str, expected: str) -> None:
    assert url(outputs, endpoint) == expected


def test_a_service_is_what_its_live_revision_says_and_without_provenance_what_the_image_tells() -> None:
    revision = Revision(NEW, "ACTIVE", f"reg.example/app:{A}@{DIGEST}", Provenance(commit=A, digest=DIGEST))
    found = described(seen(replace(ours, running=1), old), revision, "Show the wind")
    assert (found.state, found.commit, found.subject, found.digest) == ("active", A, "Show the wind", DIGEST)
    assert (found.revision, found.running, found.desired) == ("app-staging:2", 3, 2)
    assert found.deployment is not None
    deployment = found.deployment
    assert (deployment.id, deployment.state, deployment.doing) == ("ecs-svc/new", "IN_PROGRESS", "rolling out")
    back = replace(old, status="PRIMARY", state="IN_PROGRESS")
    going_back = described(seen(back, replace(ours, status="ACTIVE")), revision, "")
    assert "rolling back to app-staging:1 from app-staging:2" in text(status(going_back))
    found = described(seen(ours), replace(revision, provenance=Provenance()), "")
    assert (found.commit, found.digest) == (A, DIGEST)


def status(service: ServiceStatus) -> Status:
    return Status("staging", "https://demo.example/", {"app": service})


def test_the_names_that_programs_read_stay() -> None:
    found = msgspec.to_builtins(status(ServiceStatus(state="missing")))
    assert list(found) == ["environment", "url", "services"]
    names = "state commit subject digest image revision deployment running desired newest_image"
    assert list(found["services"]["app"]) == names.split()


def test_for_a_person() -> None:
    live = ServiceStatus("active", A, "Show the wind", DIGEST, "image", "app-staging:2", None, 2, 2)
    shown = text(status(live))
    for part in ("staging  https://demo.example/", f"{A[:12]} Show the wind", DIGEST, "2 of 2 running"):
        assert part in shown
    newest = msgspec.structs.replace(live, newest_image=ImageStatus(B, DIGEST))
    assert f"{B[:12]} is in the registry and not live" in text(status(newest))
    same = msgspec.structs.replace(live, newest_image=ImageStatus(A, DIGEST))
    assert "not live" not in text(status(same))
    assert "is not there yet" in text(status(ServiceStatus(state="missing")))
