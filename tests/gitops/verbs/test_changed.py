from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.verbs.changed import changed_paths, changed_services

ROOT = Path(__file__).parents[3]
KNOWN = ["alerts", "weather"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        (["services/weather/weather/app.py"], ["weather"]),
        (["taskdefs/weather/rendered/staging.json"], ["weather"]),
        (["taskdefs/alerts/base.json", "services/weather/Dockerfile"], ["alerts", "weather"]),
        (["infra/cloudformation/network.yaml", "docs/x.md", "gitops/cli.py"], []),
        (["tests/services/weather/test_page.py"], []),
        (["services/README.md"], []),
        (["services/gone/app.py"], []),
        (["other/services/weather/x"], []),
    ],
)
def test_a_service_is_changed_by_what_its_deploy_is_made_of(paths: list[str], expected: list[str]) -> None:
    assert changed_services(paths, KNOWN) == expected


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    def run(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)

    run("init", "-q", "-b", "main")
    (tmp_path / "infra" / "environments").mkdir(parents=True)
    (tmp_path / "infra" / "environments" / "staging.yaml").write_text("x")
    for service in KNOWN:
        (tmp_path / "services" / service).mkdir(parents=True)
        (tmp_path / "services" / service / "Dockerfile").write_text("FROM scratch\n")
    run("add", ".")
    run("commit", "-qm", "one")
    (tmp_path / "services" / "weather" / "Dockerfile").rename(tmp_path / "services" / "weather" / "ä file")
    run("add", ".")
    run("commit", "-qm", "two")
    return tmp_path


def test_both_names_of_a_moved_file_count(clone: Path) -> None:
    assert changed_paths(clone, "HEAD~1", "HEAD") == ["services/weather/Dockerfile", "services/weather/ä file"]


@pytest.mark.parametrize("base", ["", "0" * 40, "f" * 40])
def test_without_a_base_nothing_is_known_to_be_unchanged(clone: Path, base: str) -> None:
    assert changed_paths(clone, base, "HEAD") is None


def test_the_verb_needs_nothing_installed(clone: Path, tmp_path: Path) -> None:
    (clone / "services" / "weather" / "Dockerfile").write_text("FROM scratch\n")
    output = tmp_path / "output"
    done = subprocess.run(
        # -S leaves out everything that was installed; -P the folder it starts in.
        [sys.executable, "-S", "-P", "-m", "gitops", "changed", "--base", "HEAD~1", "--json"],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["weather"]
    assert output.read_text() == 'services=["weather"]\n'
