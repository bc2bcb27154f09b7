"""A deploy killed at any moment leaves the service consistent, and the same command ends in a verdict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.gitops.conftest import Gitops
from tests.gitops.deploy.conftest import GOOD, Cloud, change
from tests.gitops.deploy.test_rollback import STUCK, configure, live, tags

BAD = "import sys\nsys.exit(3)\n"
# Runs gitops and kills itself, as kill -9 does, before or after the first call of one operation of AWS, or about it.
KILLED = """
import os, signal, sys
from botocore.client import BaseClient
from gitops.cli import main

when, operation, *words = sys.argv[1:]
call = BaseClient._make_api_call

def make_api_call(client, name, given):
    ours = operation in f"{name} {given}"
    if ours and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = call(client, name, given)
    if ours:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

BaseClient._make_api_call = make_api_call
sys.exit(main(words))
"""
# Where what a deploy leaves behind differs: nothing written of what ECS made of it, nothing updated, updated, watched,
# ended and not yet marked as good.
WHILE_GOOD = (
    ("after", "RegisterTaskDefinition"),
    ("after", "TagResource"),
    ("after", "UpdateService"),
    ("after", "ListTasks"),
    ("before", "'Verdict'"),
)
# A bad one watched, and one that ECS has rolled back whose revision is still the newest.
WHILE_BAD = (("after", "DescribeServiceDeployments"), ("before", "DeregisterTaskDefinition"))


# A rollback that has registered, updated, and served without being marked: none may go further back the second time.
WHILE_BACK = (("after", "RegisterTaskDefinition"), ("after", "UpdateService"), ("before", "'Verdict'"))


def killed(clone: Path, when: str, operation: str, verb: str = "deploy") -> None:
    command = [sys.executable, "-c", KILLED, when, operation, verb, "app", "rehearsal"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == -9, f"never killed {when} {operation}: {done.stdout}{done.stderr}"


def test_killed_at_any_moment_it_ends_in_a_verdict(gitops: Gitops, cloud: Cloud, clone: Path, first: str) -> None:
    for number, (when, operation) in enumerate(WHILE_GOOD):
        wanted = change(clone, GOOD + f"# {number}\n", f"Commit {number}")
        assert gitops("build", "app", "rehearsal").code == 0
        killed(clone, when, operation)
        again = gitops("deploy", "app", "rehearsal")
        assert again.code == 0, f"{when} {operation}: {again.out}{again.err}"
        revision, commit_ = live(cloud)
        assert commit_ == wanted
        assert tags(cloud, revision)["Verdict"] == "succeeded"
    # Nothing was registered twice.
    assert revision == f"app-rehearsal:{len(WHILE_GOOD) + 1}"

    good = (revision, wanted)
    for number, (when, operation) in enumerate(WHILE_BAD):
        bad = change(clone, BAD + f"# {number}\n", f"Bad {number}")
        assert gitops("build", "app", "rehearsal").code == 0
        killed(clone, when, operation)
        again = gitops("deploy", "app", "rehearsal", "--commit", bad)
        assert again.code == 20, f"{when} {operation}: {again.out}{again.err}"
        assert live(cloud) == good

    # Back and forth between the last two good commits, and further back would be wrong.
    back_to = tags(cloud, f"app-rehearsal:{len(WHILE_GOOD)}")["Commit"]
    for when, operation in WHILE_BACK:
        killed(clone, when, operation, "rollback")
        again = gitops("rollback", "app", "rehearsal")
        assert again.code == 0, f"{when} {operation}: {again.out}{again.err}"
        assert live(cloud)[1] == back_to
        assert gitops("deploy", "app", "rehearsal", "--commit", wanted).code == 0

    # Stopped in flight, and killed before the stopped revision was out of the way.
    stuck = change(clone, GOOD + "# stuck\n", "Stuck")
    assert gitops("build", "app", "rehearsal").code == 0
    for when, operation in (("after", "StopServiceDeployment"), ("before", "DeregisterTaskDefinition")):
        configure(cloud, STUCK)
        assert gitops("deploy", "app", "rehearsal", "--commit", stuck, "--timeout", "2").code == 23
        killed(clone, when, operation, "rollback")
        again = gitops("rollback", "app", "rehearsal")
        assert again.code == 0, f"{when} {operation}: {again.out}{again.err}"
        assert live(cloud)[1] == wanted
