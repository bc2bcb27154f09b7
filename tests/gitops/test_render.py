"""gitops render in a repository: what it writes, what --check refuses, and mistakes told in lines."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gitops.conftest import Gitops, base, write

RENDERED = "taskdefs/app/rendered"


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_writes_one_file_for_each_environment(repository: Path, gitops: Gitops) -> None:
    outcome = gitops("render")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [f"wrote {RENDERED}/production.json", f"wrote {RENDERED}/staging.json"]
    production = json.loads((repository / RENDERED / "production.json").read_text())
    assert (production["cpu"], production["family"]) == ("512", "app-production")
    assert production["executionRoleArn"] == "arn:aws:iam::222222222222:role/app-production-execution"
    assert production["containerDefinitions"][0]["image"] == "${image}"
    assert production["containerDefinitions"][0]["environment"] == [
        {"name": "AREA", "value": "eu-west-2"},
        {"name": "CITY", "value": "Paris"},
    ]
    assert sorted(path.name for path in (repository / RENDERED).iterdir()) == ["production.json", "staging.json"]


def test_a_second_run_changes_nothing(repository: Path, gitops: Gitops) -> None:
    gitops("render")
    before = files(repository)
    assert gitops("render").out == "2 rendered task definitions were fresh\n"
    assert gitops("render", "--check", "app") == (0, "2 rendered task definitions are fresh\n", "")
    assert files(repository) == before


def test_check_names_what_is_missing_stale_and_orphaned(repository: Path, gitops: Gitops) -> None:
    gitops("render")
    (repository / RENDERED / "staging.json").unlink()
    write(repository / "taskdefs/app/production.json", {"cpu": "512", "memory": "2048"})
    write(repository / RENDERED / "old.json", "{}")
    before = files(repository)
    outcome = gitops("render", "--check")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines[0] == f"error: {RENDERED}/production.json is stale"
    assert '-  "memory": "1024",' in lines
    assert '+  "memory": "2048",' in lines
    assert f"{RENDERED}/staging.json is missing" in lines
    assert f"{RENDERED}/old.json belongs to no environment" in lines
    assert lines[-1].endswith("→ gitops render")
    assert files(repository) == before
    assert gitops("render").code == 0
    assert gitops("render", "--check").code == 0
    assert not (repository / RENDERED / "old.json").exists()


def test_a_long_difference_is_cut(repository: Path, gitops: Gitops) -> None:
    gitops("render")
    write(repository / RENDERED / "staging.json", "".join(f"line {number}\n" for number in range(99)))
    outcome = gitops("render", "--check")
    assert "… and more" in outcome.err
    assert len(outcome.err.splitlines()) < 30


@pytest.mark.parametrize("ending", ["", "\n\n", "\r\n"])
def test_check_compares_bytes(repository: Path, gitops: Gitops, ending: str) -> None:
    gitops("render")
    path = repository / RENDERED / "staging.json"
    path.write_bytes(path.read_bytes().removesuffix(b"\n") + ending.encode())
    assert gitops("render", "--check").code == 1


def test_every_mistake_is_told_with_its_file_and_nothing_is_written(repository: Path, gitops: Gitops) -> None:
    broken = base() | {"cpus": "256"}
    broken["containerDefinitions"][0]["user"] = "${usr}"
    write(repository / "taskdefs/app/base.json", broken)
    ports = [{"containerPort": 90, "hostPort": 80}]
    overlay = {"memory": "300", "containerDefinitions": [{"name": "app", "portMappings": ports}]}
    write(repository / "taskdefs/app/production.json", overlay)
    user = "${usr} is no variable of this environment (a literal is written ${!usr})"
    memory = "300 does not go with cpu 256 on Fargate (MiB: 512, 1024, 2048)"
    app, port = "containerDefinitions[app]", "hostPort 80 must be the containerPort under awsvpc, or left out"
    outcome = gitops("render")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert sorted(line.partition(" →")[0].removeprefix("error: ") for line in lines) == [
        f"taskdefs/app/base.json: {app}.user: {user} (in production, staging)",
        "taskdefs/app/base.json: cpus: unknown key (in production, staging)",
        f"taskdefs/app/production.json: {app}.portMappings[90]: {port} (in production)",
        f"taskdefs/app/production.json: memory: {memory} (in production)",
    ]
    assert lines[-1].endswith("→ correct what is named, then gitops render")
    assert not (repository / RENDERED).exists()


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("taskdefs/app/base.json", "{\n", "taskdefs/app/base.json: not JSON at line 2, column 1"),
        ("taskdefs/app/staging.json", '{"a": }', "taskdefs/app/staging.json: not JSON at line 1, column 7"),
        ("taskdefs/app/staging.json", '{"tags": null}', "taskdefs/app/staging.json: tags: null removes what"),
        ("taskdefs/app/stagin.json", "{}", "taskdefs/app/stagin.json: no environment stagin has the service app"),
        ("infra/environments/staging.yaml", "a: [", "infra/environments/staging.yaml is not YAML"),
    ],
)
def test_a_broken_file_is_named(repository: Path, gitops: Gitops, path: str, content: str, words: str) -> None:
    write(repository / path, content)
    outcome = gitops("render")
    assert outcome.code == 1
    assert outcome.err.startswith(f"error: {words}")
    assert not (repository / RENDERED).exists()


def test_a_file_that_is_not_text_is_named(repository: Path, gitops: Gitops) -> None:
    (repository / "taskdefs/app/base.json").write_bytes(b'{"family": "\xff"}')
    assert gitops("render").err.startswith("error: taskdefs/app/base.json: not UTF-8 at byte 12")


def test_a_service_that_nobody_has_is_named(repository: Path, gitops: Gitops) -> None:
    outcome = gitops("render", "ap", "app")
    assert outcome.code == 1
    assert outcome.err.startswith("error: no service named ap (there are: app)")
    write(repository / "infra/environments/staging/ghost.yaml", "parameters: {}")
    assert gitops("render").err.startswith("error: infra/environments/staging/ghost.yaml: there is no taskdefs/ghost/")
    (repository / "taskdefs/app/base.json").unlink()
    assert gitops("render").err.startswith("error: no service has a taskdefs/<service>/base.json")


def test_what_a_removed_service_left_behind_is_an_orphan(repository: Path, gitops: Gitops) -> None:
    write(repository / "taskdefs/gone/rendered/staging.json", "{}")
    gitops("render", "app")
    assert gitops("render", "--check", "app").code == 0
    assert "taskdefs/gone/rendered/staging.json belongs to no environment" in gitops("render", "--check").err
    assert gitops("render").out == "removed taskdefs/gone/rendered/staging.json\n"


def test_a_disk_that_is_full_leaves_the_old_file(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    gitops("render")
    before = files(repository)
    write(repository / "taskdefs/app/staging.json", {"memory": "1024"})

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    outcome = gitops("render")
    assert outcome.code == 1
    assert "staging.json cannot be written: No space left on device → make room" in outcome.err
    assert {name: files(repository).get(name) for name in before} == before
    assert len(files(repository)) == len(before) + 1


def test_rendering_imports_no_client(repository: Path) -> None:
    program = (
        "import sys; from gitops.cli import main; code = main(['render']);"
        "print(sorted({'boto3', 'botocore.client', 'botocore.session', 'rich', 'requests'} & sys.modules.keys()));"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_committed_files_are_fresh(monkeypatch: pytest.MonkeyPatch, gitops: Gitops) -> None:
    monkeypatch.chdir(ROOT)
    outcome = gitops("render", "--check")
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_two_services_with_one_number_on_the_listener_are_named(
    repository: Path, gitops: Gitops, words: tuple[str, ...]
) -> None:
    assert gitops("render").code == 0
    write(repository / "taskdefs/maps/base.json", base())
    for service in ("app", "maps"):
        place = f"parameters: {{ListenerPriority: '100', PathPatterns: '/{service}/*'}}"
        write(repository / f"infra/environments/staging/{service}.yaml", place)
    outcome = gitops("render", *words)
    assert outcome.code == 1
    where = "infra/environments/staging/maps.yaml"
    assert outcome.err.startswith(f"error: {where}: ListenerPriority 100 belongs to app too, and ")
