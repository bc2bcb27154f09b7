"""gitops diff between commits of a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.repository import Checkout
from tests.gitops.conftest import Gitops, base, commit, write


def larger() -> dict[str, object]:
    return base() | {"cpu": "1024", "memory": "2048"}


def test_the_work_tree_against_main(repository: Path, gitops: Gitops) -> None:
    write(repository / "taskdefs/app/base.json", larger())
    gitops("render")
    first = commit(repository)
    assert gitops("diff").out.startswith("**No changes**")
    write(repository / "taskdefs/app/base.json", base())
    gitops("render")
    outcome = gitops("diff")
    assert outcome.code == 0
    assert "0 added, 1 changed, 0 removed; 2 risks to look at" in outcome.out
    assert "- **app in staging**: memory falls from `2048` to `512`" in outcome.out
    assert '-  "memory": "2048",\n+  "memory": "512",' in outcome.out
    assert f"From `{first}` to `the work tree on {first}`" in outcome.out


@pytest.mark.parametrize("where", ["work tree", "commit"])
def test_what_was_not_rendered_again_is_the_first_line(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    gitops("render")
    commit(repository)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write(repository / "taskdefs/app/base.json", larger())
    words = ("--base", "HEAD") if where == "work tree" else ("--base", "HEAD~1", "--head", "HEAD")
    if where == "commit":
        commit(repository, "not rendered")
        write(repository / "taskdefs/app/base.json", base())
    outcome = gitops("diff", *words)
    annotation, first, *_ = outcome.out.splitlines()
    # Only staging: production's overlay says its own size.
    stale = "taskdefs/app/rendered/staging.json"
    assert annotation == f"::warning title=gitops diff::stale: {stale}"
    assert first.startswith(f"**Stale**: `{stale}` — run `gitops render`.")
    assert outcome.code == 0
    assert "no changes" not in outcome.out.lower()


def test_what_does_not_render_is_said_and_the_rest_is_shown(repository: Path, gitops: Gitops) -> None:
    gitops("render")
    commit(repository)
    write(repository / "taskdefs/app/base.json", {**base(), "memory": "513"})
    rendered = repository / "taskdefs/app/rendered/staging.json"
    rendered.write_text(rendered.read_text().replace('"512"', '"1024"'))
    outcome = gitops("diff")
    assert outcome.code == 0
    assert outcome.out.startswith("**Does not render**: taskdefs/app/base.json: memory: ")
    assert "0 added, 1 changed, 0 removed; no risk found" in outcome.out
    (repository / "infra/environments/staging.yaml").write_text("environment: staging\n")
    assert "**Does not render**: infra/environments/staging.yaml: Object missing required field" in gitops("diff").out


def test_a_safety_taken_out_of_an_environment_is_a_risk(repository: Path, gitops: Gitops) -> None:
    template = "Parameters: {Days: {Type: Number}, MinTasks: {Type: Number, Default: 2}}\nResources: {A: {Type: B}}\n"
    write(repository / "infra/cloudformation/service.yaml", template)
    environment = repository / "infra/environments/staging.yaml"
    environment.write_text(environment.read_text() + "requires: [provenance]\n")
    gitops("render")
    commit(repository)
    environment.write_text(environment.read_text().replace("[provenance]", "[]"))
    write(repository / "infra/environments/staging/app.yaml", "parameters: {MinTasks: '1'}")
    outcome = gitops("diff")
    assert "0 added, 2 changed, 0 removed; 2 risks to look at" in outcome.out
    assert "`provenance` is no longer required" in outcome.out
    assert "`services.app.MinTasks` falls from `2` to `1`" in outcome.out
    assert "- **staging**: about −$10 a month, to $10 (tasks −$10; " in outcome.out


def test_a_branch_is_compared_with_where_it_began(repository: Path, gitops: Gitops) -> None:
    gitops("render")
    start = commit(repository)
    write(repository / "infra/environments/third.yaml", "environment: third\n")
    commit(repository, "on main")
    Checkout(repository).git("checkout", "-q", "-b", "branch", start)
    write(repository / "taskdefs/app/staging.json", {"cpu": "512", "memory": "1024"})
    gitops("render")
    head = commit(repository, "on a branch")
    outcome = gitops("diff", "--base", "main", "--head", "HEAD")
    assert f"From `{start}` to `{head}`" in outcome.out
    assert "0 added, 1 changed, 0 removed; no risk found" in outcome.out
    assert "third" not in outcome.out


def test_the_summary_of_the_job_gets_it_too(
    repository: Path, gitops: Gitops, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository)
    summary = tmp_path_factory.mktemp("actions") / "summary.md"
    run = {"SERVER_URL": "https://github.com", "REPOSITORY": "o/r", "RUN_ID": "7", "STEP_SUMMARY": str(summary)}
    for name, value in run.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    gitops("render")
    outcome = gitops("diff")
    assert summary.read_text().strip() == outcome.out.strip()
    assert "[the run](https://github.com/o/r/actions/runs/7)" in outcome.out


def test_an_unknown_commit_is_named_and_unrelated_histories_are_refused(repository: Path, gitops: Gitops) -> None:
    commit(repository)
    for option in ("--base", "--head"):
        outcome = gitops("diff", option, "nowhere")
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith("error: nowhere is not a commit of this repository")
    Checkout(repository).git("checkout", "-q", "--orphan", "other")
    commit(repository, "unrelated")
    outcome = gitops("diff", "--base", "main")
    assert outcome.code == 1
    assert "share no commit in this clone" in outcome.err
