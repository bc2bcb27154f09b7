"""A second service beside the first: made, shipped to a path of the same balancer, and removed again.

The tests of this module run in order on one rehearsal. The first service's page is asked for all the while.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import requests

from rehearsal.page import loopback, text_of
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import Clone, Visitor, until

NAME, MODULE = "wind-alerts", "wind_alerts"
LONG = 300  # seconds after which a hanging verb is ended; no test waits for it


@dataclass
class Grown:
    """A clone whose first service runs."""

    clone: Clone
    host: str
    before: str

    def verb(self, *words: str) -> str:
        """Run a gitops verb that has to succeed."""
        code, output = self.clone.run("gitops", *words, FAIRWEATHER_BUILDER="pack")
        assert code == 0, output
        return output

    @contextmanager
    def waiting(self, sign: str, *words: str) -> Iterator[None]:
        """Run a gitops verb that waits: once it has said ``sign`` the block begins, which makes what it waits for."""
        with self.clone.start("gitops", *words, FAIRWEATHER_BUILDER="pack") as process:
            # A verb that hangs is ended, and so its output.
            watchdog = threading.Timer(LONG, process.kill)
            watchdog.start()
            said = until(process, sign)
            try:
                yield
            finally:
                said += "".join(process.stdout or ())
                watchdog.cancel()
        assert process.returncode == 0, said

    def get(self, path: str) -> requests.Response:
        with loopback() as session:
            address = f"http://127.0.0.1:{self.clone.port}{path}"
            return session.get(address, headers={"Host": self.host}, timeout=60, allow_redirects=False)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    with clones.shipped(tmp_path_factory.mktemp("grow"), "processes") as (clone, _):
        host = urlsplit(clone.status()["url"]).hostname or ""
        yield Grown(clone, host, clone.git("rev-parse", "HEAD").strip())


def require_undisturbed(visitor: Visitor) -> None:
    assert set(visitor.answers) == {"200"}, visitor.answers
    assert sum(visitor.answers.values()) > 20


def test_it_is_shipped_beside_the_first(grown: Grown) -> None:
    grown.verb("new-service", NAME, "--path", "/alerts/*")
    commit = grown.clone.commit("A service for wind alerts")
    assert json.loads(grown.verb("changed", "--base", grown.before, "--json")) == [NAME]

    with grown.clone.visitor() as visitor:
        # As on GitHub, where the workflow that builds and the one that applies start from the same push.
        with grown.waiting(f"waiting for the image repository fairweather/{NAME}", "build", NAME, "rehearsal"):
            grown.verb("apply", "rehearsal", "--stack", f"repository-{NAME}")
        stack = f"fairweather-rehearsal-service-{NAME}"
        with grown.waiting(f"waiting for the stack {stack}", "register", NAME, "rehearsal"):
            grown.verb("apply", "rehearsal")
        grown.verb("apply", "rehearsal", "--stack", f"service-{NAME}")
        assert "succeeded" in grown.verb("deploy", NAME, "rehearsal").lower()
    require_undisturbed(visitor)

    page = grown.get("/alerts/")
    assert page.status_code == 200
    assert f"{NAME} This service is new." in text_of(page.text)
    assert commit[:7] in page.text
    live = grown.clone.status()["services"]
    assert (live[NAME]["commit"], live["weather"]["commit"]) == (commit, grown.before)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/", 200, "London"),
        ("/?city=Paris", 200, "Paris"),
        ("/alerts", 308, "/alerts/"),
        ("/alerts/ready", 200, '"status":"ok"'),
        ("/alerts/static/style.css", 200, "max-width: 40rem"),
        ("/alerts/none", 404, "The requested URL was not found"),
        # The first service's own page for what it does not have.
        ("/alertsfeed", 404, "No such page"),
        ("/static/style.css", 200, ".search"),
    ],
)
def test_each_answers_at_its_own_addresses(grown: Grown, path: str, status: int, says: str) -> None:
    answer = grown.get(path)
    assert answer.status_code == status
    assert says in answer.text


def test_its_next_commit_ships_it_alone(grown: Grown) -> None:
    page = grown.clone.path / f"services/{NAME}/{MODULE}/templates/page.html"
    page.write_text(page.read_text().replace("This service is new.", "No wind today."))
    commit = grown.clone.commit("Say how the wind is")
    assert json.loads(grown.verb("changed", "--base", "HEAD~1", "--json")) == [NAME]
    first = grown.clone.status()["services"]["weather"]

    with grown.clone.visitor() as visitor:
        grown.verb("build", NAME, "rehearsal")
        grown.verb("deploy", NAME, "rehearsal")
    require_undisturbed(visitor)

    assert "No wind today." in grown.get("/alerts/").text
    live = grown.clone.status()["services"]
    assert live[NAME]["commit"] == commit
    assert live["weather"] == first


def test_another_apply_leaves_both_as_they_are(grown: Grown) -> None:
    before = grown.clone.status()["services"]
    output = grown.verb("apply", "rehearsal")
    unchanged = re.findall(r"^(service-\S+) +no changes ", output, re.MULTILINE)
    assert sorted(unchanged) == ["service-weather", f"service-{NAME}"]
    assert grown.clone.status()["services"] == before


def test_it_is_removed_and_nothing_of_it_is_left(grown: Grown) -> None:
    """In the order that leaves its stack behind: first in git, then in AWS."""
    with grown.clone.visitor() as visitor:
        for folder in (f"services/{NAME}", f"taskdefs/{NAME}", f"tests/services/{MODULE}"):
            grown.clone.git("rm", "-r", "--quiet", folder)
        for entry in grown.clone.path.glob(f"infra/environments/*/{NAME}.yaml"):
            entry.unlink()
        grown.clone.commit("No more wind alerts")
        assert grown.clone.git("diff", grown.before, "HEAD") == ""
        remedies = [f"gitops destroy rehearsal --stack {kind}-{NAME}" for kind in ("service", "repository")]
        planned, applied = grown.verb("plan", "rehearsal"), grown.verb("apply", "rehearsal")
        for kind, remedy in zip(("service", "repository"), remedies, strict=True):
            left_over = (
                f"left over: fairweather-rehearsal-{kind}-{NAME}, which no entry asks for; to remove it: {remedy}"
            )
            assert left_over in planned
            assert left_over in applied
        assert grown.get("/alerts/").status_code == 200
        for remedy in remedies:
            grown.verb(*remedy.split()[1:], "--confirm", "rehearsal")
        assert "left over" not in grown.verb("plan", "rehearsal")
    require_undisturbed(visitor)

    assert "No such page" in grown.get("/alerts/").text
    assert set(grown.clone.status()["services"]) == {"weather"}
    session = grown.clone.session()
    names = [
        *[one["repositoryName"] for one in session.client("ecr").describe_repositories()["repositories"]],
        *[one["RoleName"] for one in session.client("iam").list_roles()["Roles"]],
        *[one["logGroupName"] for one in session.client("logs").describe_log_groups()["logGroups"]],
        *[one["StackName"] for one in session.client("cloudformation").describe_stacks()["Stacks"]],
        *session.client("ecs").list_task_definitions()["taskDefinitionArns"],
        *session.client("ecs").list_services(cluster="fairweather-rehearsal")["serviceArns"],
        *[
            one["GroupId"] + one["Description"]
            for one in session.client("ec2").describe_security_groups()["SecurityGroups"]
        ],
    ]
    assert [name for name in names if "weather" in name]
    assert [name for name in names if NAME in name] == []
