"""The wheel, in an empty environment, does its work in a repository that knows nothing of this one.

The tests follow each other, as a person would.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from gitops.checks.catalogue import CHECKS
from gitops.cli import VERBS
from gitops.repository import Checkout
from tests.emulators import free_ports
from tests.gitops.conftest import commit
from tests.installed import another
from tests.installed.conftest import Gitops

RENDERED = f"taskdefs/{another.SERVICE}/rendered/{another.ENVIRONMENT}.json"
# What a person has who installed git and the wheel.
WITHOUT_TOOLS = {"render", "contract", "locks", "secrets"}


def ends(output: str) -> dict[str, str]:
    """How each check ended, by its name."""
    return {name: end for end, name in re.findall(r"^(ok|FAIL|--) +([a-z]+) ", output, re.MULTILINE)}


def test_it_is_the_installed_one(environment: Path, repository: Path) -> None:
    code = "import gitops, sys; print(gitops.__file__, gitops.Verdict.FAILED.exit_code, 'boto3' in sys.modules)"
    words = [str(environment / "bin/python"), "-I", "-c", code]
    file, *answers = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=True).stdout.split()
    assert Path(file).is_relative_to(environment)
    assert answers == ["21", "False"], "a public name is there, and brings no client of AWS with it"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_what_it_imports(gitops: Gitops, verb: str) -> None:
    done = gitops(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_it_renders(gitops: Gitops, repository: Path) -> None:
    assert gitops("render", "--check").returncode == 1
    done = gitops("render")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"wrote {RENDERED}\n" in done.stdout
    document = json.loads((repository / RENDERED).read_text())
    container = document["containerDefinitions"][0]
    assert document["family"] == f"{another.SERVICE}-{another.ENVIRONMENT}"
    assert container["logConfiguration"]["options"]["awslogs-region"] == another.REGION
    commit(repository, "Render")


def test_it_checks_what_it_can_and_says_what_it_cannot(gitops: Gitops, environment: Path) -> None:
    done = gitops("check")
    assert done.returncode == 0, done.stdout
    found = ends(done.stdout)
    assert found.keys() == {check.name for check in CHECKS}
    assert {name for name, end in found.items() if end == "ok"} == WITHOUT_TOOLS
    assert f"ruff is not installed → {environment / 'bin/python'} -m pip install ruff" in done.stdout
    assert "no file matches .github/workflows/*.yml" in done.stdout
    assert "no shell script" in done.stdout


def test_with_the_tools_the_whole_of_it_passes(gitops: Gitops) -> None:
    done = gitops("check", tools=True)
    assert done.returncode == 0, done.stdout
    found = ends(done.stdout)
    assert {name for name, end in found.items() if end == "--"} == {"workflows", "shell"}


def test_a_mistake_there_is_found_there(gitops: Gitops, repository: Path) -> None:
    settings = repository / f"services/{another.SERVICE}/gunicorn.conf.py"
    before = settings.read_text()
    settings.write_text(before.replace(str(another.PORT), "9001"))
    done = gitops("check", "contract")
    settings.write_text(before)
    assert done.returncode == 1
    assert f"{another.SERVICE} in {another.ENVIRONMENT}: container port: {another.PORT} in" in done.stdout


def test_it_shows_what_a_change_deploys(gitops: Gitops, repository: Path) -> None:
    base = repository / f"taskdefs/{another.SERVICE}/base.json"
    base.write_text(base.read_text().replace('"512"', '"1024"'))
    assert gitops("render").returncode == 0
    done = gitops("diff", "--base", "HEAD")
    assert done.returncode == 0, done.stderr
    assert f"{another.SERVICE} in {another.ENVIRONMENT}" in done.stdout
    assert '+  "memory": "1024",' in done.stdout
    Checkout(repository).git("checkout", "-q", ".")
    assert json.loads(gitops("changed", "--base", "HEAD", "--json").stdout) == []


def test_it_makes_another_service_beside_the_first(gitops: Gitops, repository: Path) -> None:
    # The first one takes every request that nobody else does, and there is room before it.
    assert gitops("new-service", "news").returncode == 0
    assert (repository / "services/news/.dockerignore").exists()
    assert (repository / "services/news/news/templates/page.html").exists()
    assert gitops("render", "--check").returncode == 0
    Checkout(repository).git("clean", "-q", "-d", "--force")


def test_it_ships_to_aws_on_this_machine(rehearsal: Gitops) -> None:
    port = str(free_ports())
    done = rehearsal("run", "--environment", another.HERE, "--port", port, "--runtime", "processes")
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("build", "register", "deploy"):
        assert re.search(rf"^{step}\b", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^200 in \d+ ms", done.stdout, re.MULTILINE), done.stdout
