"""The main job, whole: commits of a clone shipped to AWS on this machine, with tasks as processes.

The tests of this module run in order on one rehearsal, as a person's day does.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from gitops.repository import Checkout
from rehearsal import daemons
from rehearsal.page import fetch, problem, text_of
from tests.conftest import engine_answers
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, PAGE, SERVICE, SHOWS, Clone, a_secret, until

ROLLED_BACK = 20
# test_ship_containers.py has the other one: a file stays on one worker, so that both run side by side.
RUNTIME = "processes"


@dataclass
class Shipped:
    """A clone whose first commit has been shipped."""

    clone: Clone
    commit: str
    output: str

    def page(self) -> str:
        answer = fetch(self.clone.status()["url"], self.clone.port, PAGE)
        assert problem(answer, SHOWS) == ""
        return text_of(answer.text)


@pytest.fixture(scope="module")
def shipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    runtime: str = request.module.RUNTIME
    with clones.shipped(tmp_path_factory.mktemp(runtime), runtime) as (clone, output):
        yield Shipped(clone, clone.git("rev-parse", "HEAD").strip(), output)


def test_a_newcomers_first_run_ends_with_the_page(shipped: Shipped) -> None:
    assert "200 in" in shipped.output
    stand_in = HERE.rehearsal(SERVICE).stand_in
    assert f": {', '.join([*SHOWS, *(stand_in.shows if stand_in else [])])}" in shipped.output
    assert shipped.clone.runtime in shipped.output
    for step in ("bootstrap stacks", "stacks", "build", "register", "deploy", "fetch the page"):
        assert step in shipped.output.split("▸ fetch the page")[-1], f"{step} is not in the table"
    assert shipped.page()


def test_it_listens_on_loopback_only(shipped: Shipped) -> None:
    ours = {process.pid for process in daemons.marked(Checkout(shipped.clone.path))}
    assert ours
    listening = [
        connection.laddr
        for connection in psutil.net_connections("inet")
        if connection.laddr and connection.status == psutil.CONN_LISTEN and connection.pid in ours
    ]
    assert {address.port for address in listening} >= {shipped.clone.port, shipped.clone.port + 1}
    assert [address for address in listening if not address.ip.startswith("127.")] == []


def test_a_container_runs_as_the_task_says(shipped: Shipped) -> None:
    if shipped.clone.runtime == "processes":
        # A process has none of these, and the run must have said so.
        assert "Not proven: the Dockerfile and its base image, read-only root, user, capabilities" in shipped.output
        return
    label = f"dev.fairweather.rehearsal={shipped.clone.path / '.rehearsal'}"
    ids = subprocess.run(
        ["docker", "ps", "--quiet", "--filter", f"label={label}"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert len(ids) == 2
    for found in json.loads(subprocess.run(["docker", "inspect", *ids], check=True, capture_output=True).stdout):
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["Privileged"] is False
        assert found["Config"]["User"].split(":")[0].isdigit()
        assert found["Config"]["User"].split(":")[0] != "0"
        assert host["Memory"] == 512 * 2**20
        assert host["NanoCpus"] == 250_000_000


def test_a_second_commit_changes_the_page(shipped: Shipped) -> None:
    shipped.clone.change_the_page("Bring an umbrella")
    second = shipped.clone.commit("Say what to bring")
    first = shipped.commit
    (shipped.clone.path / "README.md").write_text("changed, and not committed")

    code, output = shipped.clone.ship()
    shipped.clone.git("checkout", "--quiet", "README.md")

    assert code == 0, output
    assert "HEAD is shipped, not the 1 changed file" in output
    assert "Bring an umbrella" in shipped.page()
    assert shipped.clone.status()["services"][SERVICE]["commit"] == second
    images = shipped.clone.session("build").client("ecr").describe_images(repositoryName=HERE.repository(SERVICE))
    assert {first, second} <= {tag for image in images["imageDetails"] for tag in image["imageTags"]}
    shipped.commit = second


def test_shipping_the_same_commit_again_deploys_nothing(shipped: Shipped) -> None:
    before = shipped.clone.status()["services"]
    code, output = shipped.clone.ship()
    assert code == 0, output
    assert shipped.clone.status()["services"] == before


def test_a_commit_that_exits_at_start_is_rolled_back(shipped: Shipped) -> None:
    package = shipped.clone.path / "services" / SERVICE / "gunicorn.conf.py"
    good = package.read_text()
    package.write_text(good + '\nraise SystemExit("the barometer is not calibrated")\n')
    shipped.clone.commit("Forget the barometer")
    with shipped.clone.visitor() as visitor:
        code, output = shipped.clone.ship()
    assert code == ROLLED_BACK, output
    assert "rolled back" in output.lower()
    assert "the barometer is not calibrated" in output
    assert "exit code" in output.lower()
    assert set(visitor.answers) == {"200"}, visitor.answers
    assert sum(visitor.answers.values()) > 20
    assert shipped.clone.status()["services"][SERVICE]["commit"] == shipped.commit
    assert "Bring an umbrella" in shipped.page()
    package.write_text(good)
    shipped.clone.commit("Remember the barometer")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build", SERVICE, ENVIRONMENT, "--commit", "0" * 40], "is not a commit of this repository"),
        (["deploy", "wether", ENVIRONMENT], f"wether is not a service of {ENVIRONMENT}"),
        (["status", "rehersal"], "no environment named rehersal"),
    ],
)
def test_what_does_not_exist_is_one_line(shipped: Shipped, words: list[str], said: str) -> None:
    code, output = shipped.clone.run("gitops", *words)
    assert code == 1
    assert said in output
    assert "Traceback" not in output


def test_a_missing_secret_stops_before_anything_is_registered(shipped: Shipped) -> None:
    ssm = shipped.clone.session().client("ssm")
    name = f"/{SERVICE}/{ENVIRONMENT}/{a_secret()}"
    value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ecs = shipped.clone.session("deploy").client("ecs")
    before = ecs.list_task_definitions(familyPrefix=HERE.family(SERVICE))["taskDefinitionArns"]
    ssm.delete_parameter(Name=name)
    try:
        head = shipped.clone.git("rev-parse", "HEAD").strip()
        shipped.clone.run("gitops", "build", SERVICE, ENVIRONMENT, "--commit", head, FAIRWEATHER_BUILDER="pack")
        live = shipped.clone.status()["services"]
        for verb in ("register", "deploy"):
            code, output = shipped.clone.run("gitops", verb, SERVICE, ENVIRONMENT, "--commit", head)
            assert code == 1, output
            assert f"{name}" in output
            assert f"gitops secret put {SERVICE} {ENVIRONMENT} {a_secret()}" in output
    finally:
        ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    assert shipped.clone.status()["services"] == live
    assert ecs.list_task_definitions(familyPrefix=HERE.family(SERVICE))["taskDefinitionArns"] == before


def test_destroy_needs_the_name_and_survives_an_interruption(shipped: Shipped) -> None:
    clone = shipped.clone
    code, output = clone.run("gitops", "destroy", ENVIRONMENT, "--confirm", "another")
    assert code != 0
    assert shipped.page()

    with clone.start("gitops", "destroy", ENVIRONMENT, "--confirm", ENVIRONMENT) as process:
        # The first of several stacks.
        until(process, " gone\n")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "the same command again removes the rest" in output
    assert "Traceback" not in output
    session = clone.session()
    assert session.client("cloudformation").describe_stacks()["Stacks"]

    code, output = clone.run("gitops", "destroy", ENVIRONMENT, "--confirm", ENVIRONMENT)
    assert code == 0, output
    assert session.client("cloudformation").describe_stacks()["Stacks"] == []
    assert session.client("ecr").describe_repositories()["repositories"] == []
    assert session.client("ssm").describe_parameters()["Parameters"] == []
    assert session.client("iam").list_roles()["Roles"] == []
    assert session.client("ecs").list_task_definitions()["taskDefinitionArns"] == []
    assert session.client("logs").describe_log_groups()["logGroups"] == []
    assert session.client("s3").list_buckets()["Buckets"] == []


def test_it_comes_up_again_after_the_teardown_and_an_interruption(shipped: Shipped) -> None:
    with shipped.clone.start("rehearsal", "run") as process:
        assert "bootstrap stacks" in until(process, "▸ stacks  (as infrastructure)\n")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "make rehearse goes on from here" in rest
    assert "Traceback" not in rest

    code, output = shipped.clone.ship()
    assert code == 0, output
    assert "Bring an umbrella" in shipped.page()


def test_an_emulator_that_died_is_said_and_started_again(shipped: Shipped) -> None:
    running = daemons.load(Checkout(shipped.clone.path))
    assert running is not None
    emulator = daemons.find(running.daemons["emulator"])
    assert emulator is not None
    emulator.kill()
    emulator.wait(60)

    code, output = shipped.clone.run("gitops", "status", ENVIRONMENT)
    assert code == 1
    assert f"AWS does not answer for {ENVIRONMENT}" in output
    assert "make rehearse" in output
    assert "Traceback" not in output

    code, output = shipped.clone.ship()
    assert code == 0, output
    assert "the emulator has ended" in output
    assert shipped.page()


def test_stop_leaves_nothing(shipped: Shipped) -> None:
    code, output = shipped.clone.run("rehearsal", "stop")
    assert code == 0, output
    assert daemons.marked(Checkout(shipped.clone.path)) == []
    left = {path.name for path in (shipped.clone.path / ".rehearsal").iterdir()}
    assert left <= {"cache", "logs", "lock"}
    if engine_answers():
        label = f"label=dev.fairweather.rehearsal={shipped.clone.path / '.rehearsal'}"
        for command in (["docker", "ps", "--all", "--quiet"], ["docker", "images", "--quiet"]):
            listed = subprocess.run([*command, "--filter", label], check=True, capture_output=True, text=True)
            assert listed.stdout == ""
    code, output = shipped.clone.run("rehearsal", "stop")
    assert (code, output.strip()) == (0, "no rehearsal was running in this clone")


def test_gitops_says_that_nothing_runs(tmp_path: Path) -> None:
    clone = clones.make(tmp_path / "fairweather", 0, "processes")
    code, output = clone.run("gitops", "status", ENVIRONMENT)
    assert code == 1
    assert output.strip() == f"error: {ENVIRONMENT} is not running here → make rehearse"
