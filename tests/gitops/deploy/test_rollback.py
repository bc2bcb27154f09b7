"""A service taken back: by its last good commit, by a named one, and out of a deployment in flight."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.gitops.conftest import Gitops, commit, write
from tests.gitops.deploy.conftest import DOCKERFILE, GOOD, Cloud, change, rendered

# No task may stop before a new one runs, and none may run beside the old ones: such a deployment goes nowhere.
STUCK = {"minimumHealthyPercent": 100, "maximumPercent": 100}
RENDERED = "taskdefs/app/rendered/rehearsal.json"
ROLLING = {"minimumHealthyPercent": 100, "maximumPercent": 200}


def live(cloud: Cloud) -> tuple[str, str]:
    """Revision and commit that the service runs; the newest ACTIVE revision has to be that one."""
    ecs = cloud.client("ecs")
    (service,) = ecs.describe_services(cluster="demo-rehearsal", services=["app"])["services"]
    newest = ecs.list_task_definitions(familyPrefix="app-rehearsal", sort="DESC")["taskDefinitionArns"][0]
    assert service["taskDefinition"] == newest
    (primary,) = (one for one in service["deployments"] if one["status"] == "PRIMARY")
    assert (primary["taskDefinition"], primary["rolloutState"], primary["runningCount"]) == (newest, "COMPLETED", 2)
    return newest.rpartition("/")[2], tags(cloud, newest)["Commit"]


def tags(cloud: Cloud, revision: str) -> dict[str, str]:
    answer: Any = cloud.client("ecs").describe_task_definition(taskDefinition=revision, include=["TAGS"])
    return {tag["key"]: tag["value"] for tag in answer["tags"]}


def configure(cloud: Cloud, percents: dict[str, int]) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    configuration = {**percents, **breaker}
    cloud.client("ecs").update_service(cluster="demo-rehearsal", service="app", deploymentConfiguration=configuration)


def test_back_to_what_served_before(gitops: Gitops, cloud: Cloud, clone: Path, first: str) -> None:
    assert live(cloud) == ("app-rehearsal:1", first)
    assert tags(cloud, "app-rehearsal:1")["Verdict"] == "succeeded"

    nothing = gitops("rollback", "app", "rehearsal")
    assert nothing.code == 1
    assert "no revision of app in rehearsal before app-rehearsal:1" in nothing.err

    # A size that Fargate lacks, and a port that the image does not open, are found in the commit's own files.
    write(clone / RENDERED, {**rendered(), "memory": "99999"})
    write(clone / "services/app/Dockerfile", DOCKERFILE + "EXPOSE 9000\n")
    misfit = commit(clone, "Does not fit")
    assert gitops("build", "app", "rehearsal").code == 0
    refused = gitops("deploy", "app", "rehearsal")
    assert (refused.code, "2 things are missing or do not fit" in refused.err) == (1, True)
    assert "memory: " in refused.err
    assert f"container port: 8080 in {RENDERED} (portMappings), but 9000 in" in refused.err
    assert gitops("rollback", "app", "rehearsal", "--to", misfit).code == 1
    assert live(cloud) == ("app-rehearsal:1", first)
    write(clone / RENDERED, rendered())
    write(clone / "services/app/Dockerfile", DOCKERFILE)

    second = change(clone, GOOD + "# second\n", "Second")
    assert gitops("build", "app", "rehearsal").code == 0
    wrong = gitops("deploy", "app", "rehearsal", "--digest", "sha256:" + "0" * 64)
    assert wrong.code == 1
    assert "was to be deployed" in wrong.err
    good = gitops("deploy", "app", "rehearsal")
    assert good.code == 0, good.out + good.err

    older = gitops("deploy", "app", "rehearsal", "--commit", first)
    assert older.code == 1
    assert f"{first[:12]} is older than {second[:12]}, which app in rehearsal serves" in older.err
    assert gitops("register", "app", "rehearsal", "--commit", first).code == 1
    assert live(cloud) == ("app-rehearsal:2", second)

    back = gitops("rollback", "app", "rehearsal")
    assert back.code == 0, back.out + back.err
    assert f"succeeded: app {first[:12]} serves in rehearsal" in back.out
    assert f"taken back: {second[:7]}" in back.out
    assert live(cloud) == ("app-rehearsal:3", first)
    # The same content again: what was reviewed, with the image that served.
    same = ("Commit", "ContentHash", "ImageDigest")
    one, three = tags(cloud, "app-rehearsal:1"), tags(cloud, "app-rehearsal:3")
    assert [one[key] for key in same] == [three[key] for key in same]

    # Once more goes further back, never to what was just left.
    assert gitops("rollback", "app", "rehearsal").code == 1
    named = gitops("rollback", "app", "rehearsal", "--to", second)
    assert named.code == 0, named.out + named.err
    assert live(cloud) == ("app-rehearsal:4", second)
    again = gitops("rollback", "app", "rehearsal", "--to", second)
    assert (again.code, "nothing is updated" in again.out) == (0, True)

    third = change(clone, GOOD + "# third\n", "Third")
    unknown = gitops("rollback", "app", "rehearsal", "--to", third)
    assert unknown.code == 1
    assert f"no revision of app in rehearsal is of commit {third[:12]}" in unknown.err

    # A deployment that goes nowhere is stopped, and ECS goes back itself.
    assert gitops("build", "app", "rehearsal").code == 0
    configure(cloud, STUCK)
    assert gitops("deploy", "app", "rehearsal", "--timeout", "3").code == 23
    never = gitops("rollback", "app", "rehearsal", "--to", third)
    assert never.code == 1
    assert f"app-rehearsal:5 of commit {third[:12]} is not known to have served" in never.err
    stopped = gitops("rollback", "app", "rehearsal")
    assert stopped.code == 0, stopped.out + stopped.err
    assert "stopping deployment" in stopped.out
    assert f"succeeded: app {second[:12]} serves in rehearsal" in stopped.out
    assert "app-rehearsal:5 was deregistered" in stopped.out
    assert live(cloud) == ("app-rehearsal:4", second)
    configure(cloud, ROLLING)

    # What was deregistered and what nobody needs goes; what runs and what a rollback needs stays.
    listed = gitops("prune", "app", "rehearsal", "--keep", "1")
    assert "3 would be removed; add --yes" in listed.out
    assert gitops("prune", "app", "rehearsal", "--keep", "1", "--yes").code == 0
    assert live(cloud) == ("app-rehearsal:4", second)
    names = cloud.client("ecs").list_task_definitions(familyPrefix="app-rehearsal")["taskDefinitionArns"]
    assert [name.rpartition(":")[2] for name in names] == ["3", "4"]
    assert "nothing to remove" in gitops("prune", "app", "rehearsal", "--keep", "1").out
    assert gitops("rollback", "app", "rehearsal").code == 0
    assert live(cloud) == ("app-rehearsal:6", first)
    two_at_once(gitops, cloud, clone)


def two_at_once(gitops: Gitops, cloud: Cloud, clone: Path) -> None:
    """The later deploy wins, and the earlier one says that it did not."""
    earlier = change(clone, GOOD + "# earlier\n", "Earlier")
    assert gitops("build", "app", "rehearsal").code == 0
    configure(cloud, STUCK)
    command = [sys.executable, "-m", "gitops", "deploy", "app", "rehearsal", "--commit", earlier]
    with subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while "watching deployment" not in running.stdout.readline():
            assert running.poll() is None
        later = change(clone, GOOD + "# later\n", "Later")
        assert gitops("build", "app", "rehearsal").code == 0
        assert gitops("deploy", "app", "rehearsal", "--timeout", "1").code == 23
        out, _ = running.communicate(timeout=300)
    assert running.returncode == 22, out
    assert "superseded: a newer deployment" in out
    configure(cloud, ROLLING)
    assert gitops("deploy", "app", "rehearsal").code == 0
    assert live(cloud)[1] == later
