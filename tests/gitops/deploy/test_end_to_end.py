"""A service shipped for real: built, registered, deployed, broken, and told truthfully."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops.taskdefs.validate import register_input
from tests.gitops.conftest import Gitops, commit, write
from tests.gitops.deploy.conftest import GOOD, Cloud, change, create_service

KEY = "0123456789abcdef0123456789abcdef"
BAD = f"import sys\nprint('no table for appid={KEY}', flush=True)\nsys.exit(3)\n"


def edit_by_hand(cloud: Cloud, name: str) -> str:
    """A revision of another content with the same tags, as the console's "create new revision" makes it; its name."""
    ecs = cloud.client("ecs")
    answer = ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
    document = {key: value for key, value in answer["taskDefinition"].items() if key in register_input().members}
    document["containerDefinitions"][0]["environment"] = [{"name": "DEBUG", "value": "1"}]
    made = ecs.register_task_definition(**document, tags=answer["tags"])["taskDefinition"]
    return f"{made['family']}:{made['revision']}"


def test_a_commit_ships_a_bad_one_is_rolled_back_and_the_next_one_ships(
    gitops: Gitops, cloud: Cloud, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / ".gitignore").write_text(".rehearsal/\nsummary\noutput\n")
    for name in ("summary", "output"):
        monkeypatch.setenv(f"GITHUB_{'STEP_SUMMARY' if name == 'summary' else 'OUTPUT'}", str(clone / name))

    # Nothing is registered while image and secret are missing, and both are named at once.
    first = commit(clone, "First")
    refused = gitops("register", "app", "rehearsal")
    assert refused.code == 1
    assert "2 things are missing" in refused.err
    assert "gitops build app rehearsal" in refused.err
    assert "gitops secret put app rehearsal API_KEY" in refused.err
    assert cloud.client("ecs").list_task_definitions()["taskDefinitionArns"] == []

    monkeypatch.setenv("VALUE", KEY)
    stored = gitops("secret", "put", "app", "rehearsal", "API_KEY", "--from-env", "VALUE")
    assert (stored.code, stored.out) == (0, "created /app/rehearsal/API_KEY\n")
    assert "version 2" in gitops("secret", "put", "app", "rehearsal", "API_KEY", "--from-env", "VALUE").out

    absent = gitops("deploy", "app", "rehearsal")
    assert absent.code == 1
    assert "no ECS service app" in absent.err

    create_service(gitops, cloud)
    assert "is this content already: nothing was registered" in gitops("register", "app", "rehearsal").out
    assert "service=exists" in (clone / "output").read_text()
    tags = cloud.client("ecs").describe_task_definition(taskDefinition="app-rehearsal:1", include=["TAGS"])["tags"]
    assert [tag["value"][:2] for tag in tags if tag["key"] == "RegisteredAs"] == ["1:"]
    edited = edit_by_hand(cloud, "app-rehearsal:1")
    told = gitops("register", "app", "rehearsal").out
    assert f"{edited} says that it is this content, and is not: it was edited by hand" in told
    assert "registered app-rehearsal:3" in told
    for name in (edited, "app-rehearsal:3"):
        cloud.client("ecs").deregister_task_definition(taskDefinition=name)
    assert "is in the registry already" in gitops("build", "app", "rehearsal").out
    live = gitops("deploy", "app", "rehearsal")
    assert live.code == 0, live.out + live.err
    assert f"succeeded: app {first[:12]} serves in rehearsal" in live.out
    again = gitops("deploy", "app", "rehearsal")
    assert (again.code, "nothing is updated" in again.out) == (0, True)

    second = change(clone, BAD, "Exits at start")
    assert gitops("build", "app", "rehearsal").code == 0
    (clone / "summary").unlink()
    bad = gitops("deploy", "app", "rehearsal")
    assert bad.code == 20, bad.out + bad.err
    report = bad.out[bad.out.index("\nrolled back: app") + 1 :]
    assert report.startswith("rolled back: app exited with code 3 in ")
    assert "no table for appid=•••" in report.splitlines()[0]
    assert KEY not in bad.out
    assert f"commits {first[:12]}..{second[:12]}" in report
    assert f"next: {first[:12]} serves again" in report
    assert "### rolled back: app exited with code 3" in (clone / "summary").read_text()
    assert "verdict=rolled back\n" in (clone / "output").read_text()

    # The bad revision is not the newest one any more, and the old one is what runs.
    ecs = cloud.client("ecs")
    names = [arn.rpartition("/")[2] for arn in ecs.list_task_definitions()["taskDefinitionArns"]]
    assert names == ["app-rehearsal:1"]
    status = json.loads(gitops("status", "rehearsal", "--json").out)
    service = status["services"]["app"]
    assert (service["commit"], service["subject"]) == (first, "First")
    assert (service["running"], service["desired"], service["revision"]) == (2, 2, "app-rehearsal:1")
    assert service["newest_image"]["tag"] == second
    assert "is in the registry and not live" in gitops("status", "rehearsal").out

    third = change(clone, GOOD + "# better\n", "Better")
    write(clone / "services/app/main.py", "changed, not committed")
    built = gitops("build", "app", "rehearsal")
    assert built.code == 0
    assert "HEAD is shipped, not your 1 changed file: services/app/main.py" in built.out
    good = gitops("deploy", "app", "rehearsal")
    assert good.code == 0, good.out + good.err
    assert "app-rehearsal:1 → app-rehearsal:5" in good.out
    assert json.loads(gitops("status", "rehearsal", "--json").out)["services"]["app"]["commit"] == third

    # A service that wants no task proves nothing.
    ecs.update_service(cluster="demo-rehearsal", service="app", desiredCount=0)
    change(clone, GOOD + "# better still\n", "Better still")
    assert gitops("build", "app", "rehearsal").code == 0
    unproven = gitops("deploy", "app", "rehearsal")
    assert unproven.code == 24, unproven.out + unproven.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("deploy", "other", "rehearsal"), "other is not a service of rehearsal"),
        (("deploy", "app", "other"), "no environment named other"),
        (("deploy", "app", "rehearsal", "--commit", "1234567"), "1234567 is not a commit"),
        (("build", "other", "rehearsal"), "other is not a service of rehearsal"),
        (("build", "app", "rehearsal", "--commit", "nope"), "nope is not a commit"),
        (("register", "app", "other"), "no environment named other"),
        (("status", "other"), "no environment named other"),
        (("secret", "put", "other", "rehearsal", "KEY", "--from-env", "HOME"), "other is not a service"),
        (("secret", "put", "app", "rehearsal", "not a name", "--from-env", "HOME"), "is no name of a variable"),
        (("secret", "put", "app", "rehearsal", "KEY", "--from-env", "NOT_SET"), "NOT_SET is not set"),
    ],
)
def test_a_mistake_is_one_line_with_its_fix(gitops: Gitops, clone: Path, words: tuple[str, ...], problem: str) -> None:
    commit(clone, "First")
    outcome = gitops(*words)
    assert outcome.code == 1
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith(f"error: {problem}") or problem in outcome.err
    assert " → " in outcome.err
