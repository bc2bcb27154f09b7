"""How long verifying and registering takes while requests come in, beside two plain calls that do the least of it."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from gitops.ecs import Ecs
from gitops.taskdefs.validate import register_input
from tests.bench.timing import line, seconds
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, SERVICE, Visitor
from tests.rehearsal.verdicts.shipped import Shipped

ROUNDS = 5
# About a hundred requests a second in all, as a drill sends them.
VISITORS, PAUSE = 4, 0.03
# What a script does that looks at nothing else: whether the image is there, and RegisterTaskDefinition.
BY_BOTO3 = """
import json, sys
import boto3
file, repository, commit = sys.argv[1:]
boto3.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": commit}])
boto3.client("ecs").register_task_definition(**json.load(open(file)))
"""
# The verb, telling how long verifying and registering took: Python's start and the imports are not theirs.
TIMED = """
import sys, time
from gitops import cli
from gitops.verbs import register as verb
register, begun = verb.register, time.perf_counter
def timed(*given):
    before = begun()
    found = register(*given)
    print("seconds", begun() - before)
    return found
verb.register = timed
sys.exit(cli.main(sys.argv[1:]))
"""
BY_CLI = """
aws ecr describe-images --repository-name $2 --image-ids imageTag=$3
aws ecs register-task-definition --cli-input-json file://$1
"""


def registering(found: Shipped) -> None:
    """Print verifying and registering, with and without the start of ``gitops``, beside both calls by the AWS CLI."""
    ecs = Ecs(found.clone.session("deploy"), HERE.cluster)
    live = ecs.task_definition(HERE.family(SERVICE))
    found.clone.change_the_page("registered")
    commit = found.clone.commit("Register this")
    found.build(commit)

    def middle(take: Callable[[], float]) -> float:
        """Of some rounds, the first (cold files) left out, each of which registers anew."""
        taken = []
        for _ in range(ROUNDS):
            taken.append(take())
            for arn in ecs.revisions(HERE.family(SERVICE)):
                if arn != live.arn:
                    ecs.deregister(arn)
        return statistics.median(taken[1:])

    host = urlsplit(str(found.clone.status()["url"])).hostname or ""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as load:
        file = Path(folder) / "taskdef.json"
        members = register_input().members
        file.write_text(json.dumps({key: value for key, value in live.document.items() if key in members}))
        for _ in range(VISITORS):
            load.enter_context(Visitor(found.clone.port, host, pause=PAUSE))
        role = ("env", f"AWS_CONFIG_FILE={found.clone.path / str(HERE.aws_config_file)}", "AWS_PROFILE=deploy")
        name, words = _plain()
        command = (*role, *words, str(file), HERE.repository(SERVICE), commit)
        plain = middle(lambda: seconds(command, found.clone.path))
        line(f"DescribeImages, RegisterTaskDefinition by {name}", plain, "-", "itself", 1)
        ours = middle(partial(_timed, found.clone.path))
        line("gitops, verify and register", ours, "2 s", "the two calls", ours / plain)
        whole = middle(
            partial(seconds, (sys.executable, "-m", "gitops", "register", SERVICE, ENVIRONMENT), found.clone.path)
        )
        line("gitops register, with its start", whole, "-", "the two calls", whole / plain)


def _timed(root: Path) -> float:
    command = [sys.executable, "-c", TIMED, "register", SERVICE, ENVIRONMENT]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return float(output.rpartition("seconds ")[2].split()[0])


def _plain() -> tuple[str, list[str]]:
    cli = shutil.which("aws")
    if cli and subprocess.run([cli, "--version"], check=False, capture_output=True).returncode == 0:
        return "the AWS CLI", ["sh", "-e", "-c", BY_CLI, "plain"]
    return "boto3", [sys.executable, "-c", BY_BOTO3]
