"""The verb refuses before it writes: one line that says why, and a repository as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gitops.conftest import Gitops
from tests.gitops.newservice.conftest import everything

Change = Callable[[Path], object]


def nothing(_: Path) -> None:
    pass


def edit(where: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / where).read_text()
        assert old in text
        (root / where).write_text(text.replace(old, new))

    return change


def folder(where: str) -> Change:
    return lambda root: (root / where).mkdir(parents=True)


def write(where: str, text: str) -> Change:
    return lambda root: (root / where).write_text(text)


def remove(where: str) -> Change:
    return lambda root: (root / where).unlink()


STAGING = "infra/environments/staging.yaml"


@pytest.mark.parametrize(
    ("words", "change", "said"),
    [
        pytest.param(["Alerts"], nothing, '"Alerts" cannot name a service', id="name"),
        pytest.param(["json"], nothing, "a module named json", id="python's name"),
        pytest.param(["a" * 60], nothing, "IAM takes 64", id="long name"),
        pytest.param(["weather"], nothing, "weather is there already: services/weather, taskdefs", id="exists"),
        pytest.param(["alerts"], folder("taskdefs/alerts"), "already: taskdefs/alerts", id="left taskdefs"),
        pytest.param(["alerts"], folder("tests/services/alerts"), "already: tests/services/alerts", id="left tests"),
        pytest.param(["infra"], nothing, "infra is there already: infra", id="a folder at the top"),
        pytest.param(
            ["alerts", "--from", "wether"], nothing, "no service named wether (there are: weather)", id="from"
        ),
        pytest.param(["alerts", "--path", "/*"], nothing, '"/*" is not a folder', id="path"),
        pytest.param(["alerts", "--path", ""], nothing, '"" is not a folder', id="empty path"),
        pytest.param(["alerts", "--path", "/health/*"], nothing, "/health belongs to the services", id="health"),
        pytest.param(["alerts", "--priority", "100"], nothing, "100 belongs to weather", id="taken priority"),
        pytest.param(["alerts", "--priority", "200"], nothing, "would take every request", id="late priority"),
        pytest.param(
            ["alerts"],
            edit(STAGING, "  weather:\n", "  weather:\n    PathPatterns: /alerts/*\n"),
            "has the same addresses",
            id="taken path",
        ),
        pytest.param(
            ["alerts"],
            edit(STAGING, "  weather:\n", "  wether:\n"),
            "has no taskdefs/wether/base.json",
            id="stray entry",
        ),
        pytest.param(
            ["alerts"],
            edit("infra/cloudformation/registry.yaml", "WeatherRepository", "OtherRepository"),
            "registry.yaml has no WeatherRepository under Resources",
            id="no repository to copy",
        ),
        pytest.param(
            ["alerts"],
            edit("infra/cloudformation/service.yaml", "  MinTasks:\n", "  LeastTasks:\n"),
            "has no parameter MinTasks",
            id="template that does not fit",
        ),
        pytest.param(
            ["alerts"], write("requirements/dev.in", "boto3\n"), 'has no line "-c ../services/weather', id="dev.in"
        ),
        pytest.param(
            ["alerts"], write("services/weather/requirements.txt", "flask==3\n"), "has no gunicorn", id="lock"
        ),
        pytest.param(["alerts"], remove("services/weather/.dockerignore"), ".dockerignore is missing", id="file"),
        pytest.param(
            ["alerts"],
            edit("services/weather/Dockerfile", "weather:create_app()", "weather:app"),
            "services/weather/Dockerfile does not run",
            id="Dockerfile",
        ),
        pytest.param(
            ["alerts"],
            edit("taskdefs/weather/base.json", '"cpu": "256"', '"cpu": "300"'),
            "taskdefs/alerts/base.json: cpu",
            id="task definition that Fargate refuses",
        ),
        pytest.param(
            ["alerts"], write("pyproject.toml", "[tool.ruff]\nnonsense = 1\n"), "ruff check failed", id="formatting"
        ),
    ],
)
def test_it_says_why_and_changes_nothing(
    repository: Path, gitops: Gitops, words: list[str], change: Change, said: str
) -> None:
    change(repository)
    before = everything(repository)
    outcome = gitops("new-service", *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert said in outcome.err
    assert everything(repository) == before


def test_a_service_that_runs_nowhere_gives_no_sizes(repository: Path, gitops: Gitops) -> None:
    for name in ("staging", "production", "rehearsal"):
        path = repository / f"infra/environments/{name}.yaml"
        path.write_text(path.read_text().split("services:\n")[0] + "services: {}\n")
    before = everything(repository)
    outcome = gitops("new-service", "alerts")
    assert outcome.code == 1
    assert "weather runs in no environment" in outcome.err
    assert everything(repository) == before


@pytest.mark.parametrize("words", [[], ["alerts", "--priority", "first"], ["alerts", "maps"]])
def test_wrong_words_are_a_usage_error(repository: Path, gitops: Gitops, words: list[str]) -> None:
    before = everything(repository)
    assert gitops("new-service", *words).code == 2
    assert everything(repository) == before


def test_the_second_takes_after_the_first_that_was_made(repository: Path, gitops: Gitops) -> None:
    assert gitops("new-service", "wind-alerts", "--path", "/wind/*").code == 0
    outcome = gitops("new-service", "maps", "--from", "wind-alerts")
    assert outcome.code == 0, outcome.err
    assert "maps answers at /maps/, ListenerPriority 80" in outcome.out
    assert "maps:create_app()" in (repository / "services/maps/Dockerfile").read_text()
    for path in ("services/maps", "taskdefs/maps", "tests/services/maps"):
        texts = [file.read_text() for file in (repository / path).rglob("*") if file.is_file()]
        assert not [text for text in texts if "wind" in text or "starter" in text.lower()]
    base = json.loads((repository / "taskdefs/maps/base.json").read_text())
    assert base == json.loads((repository / "taskdefs/wind-alerts/base.json").read_text())
