"""A new service: its name, its place, its files, and what is refused."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops import environments, repository
from gitops.checks import locks as check
from gitops.errors import GitopsError
from gitops.newservice import service
from gitops.newservice.service import Names, problems
from gitops.repository import Checkout
from gitops.stacks import listener
from gitops.taskdefs import tree
from tests.conftest import ROOT
from tests.gitops.conftest import Gitops
from tests.gitops.newservice.conftest import everything

KNOWN = list(environments.load_all(Checkout(ROOT)).values())


@pytest.mark.parametrize("name", ["alerts", "wind-alerts", "a1-b2-c3"])
def test_a_good_name(name: str) -> None:
    assert problems(Names(name, "/a"), KNOWN) == []


@pytest.mark.parametrize(
    "name", ["", "Alerts", "wind_alerts", "wind--alerts", "-alerts", "alerts-", "2nd", "a.b", "a/b", "../x", "ä", "a\n"]
)
def test_a_name_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(GitopsError, match="cannot name a service"):
        Names(name, "/a")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("aws-news", "Parameter Store refuses"),
        ("ssm", "Parameter Store refuses"),
        ("class", "a word of the Python language"),
        ("calendar", "a module named calendar"),
        ("flask", "a module named flask"),
        ("rehearsal", "a module named rehearsal"),
        ("typing-extensions", "a module named typing_extensions"),
    ],
)
def test_a_name_that_aws_or_python_would_refuse(name: str, reason: str) -> None:
    found = problems(Names(name, "/a"), KNOWN)
    assert len(found) == 1
    assert reason in found[0]


def test_the_longest_environment_sets_the_limit() -> None:
    # "-production-execution" takes 21 of the 64 characters of a role's name.
    assert problems(Names("a" * 43, "/a"), KNOWN) == []
    assert problems(Names("a" * 44, "/a"), KNOWN) == [
        f"its role {'a' * 44}-production-execution would have 65 characters; IAM takes 64"
    ]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("services/Starter/starter/views.py", "services/wind-alerts/wind_alerts/views.py"),
        ('PREFIX = "/starter"', 'PREFIX = "/v1/wind"'),
        ('CMD ["gunicorn", "starter:create_app()"]', 'CMD ["gunicorn", "wind_alerts:create_app()"]'),
        ("restarter starters", "restarter starters"),
    ],
)
def test_the_starter_is_filled_word_by_word(text: str, filled: str) -> None:
    assert Names("wind-alerts", "/v1/wind").fill(text) == filled


# Three folders and the entries of three environments move.
MOVES = 6
FULL = OSError(errno.ENOSPC, "No space left on device", "x")


@pytest.mark.parametrize(
    ("at", "error", "code", "said"),
    [
        *((at, FULL, 1, "error: x: No space left on device\n") for at in (1, 3, 4, MOVES)),
        *((at, None, 130, "interrupted: run the same command again to go on\n") for at in (2, MOVES)),
    ],
)
def test_a_move_that_fails_and_a_ctrl_c_in_between_undo_all(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch, at: int, error: OSError, code: int, said: str
) -> None:
    before, real, moved = everything(repository), Path.rename, []

    def move(path: Path, target: Path) -> Path:
        moved.append(target)
        if len(moved) == at:
            if error:
                raise error
            os.kill(os.getpid(), signal.SIGINT)
        return real(path, target)

    monkeypatch.setattr(Path, "rename", move)
    assert gitops("new-service", "alerts") == (code, "", said)
    assert len(moved) == at
    assert everything(repository) == before


def test_a_ctrl_c_before_the_first_move_leaves_nothing(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = everything(repository)
    monkeypatch.setattr("gitops.newservice.service._format", interrupted)
    assert gitops("new-service", "alerts").code == 130
    assert everything(repository) == before


def test_it_is_files_of_its_own_and_no_other_changes(repository: Path, gitops: Gitops) -> None:
    before = everything(repository)
    outcome = gitops("new-service", "alerts")
    assert outcome.code == 0, outcome.err
    after = everything(repository)
    assert {path: after[path] for path in before} == before
    new = after.keys() - before.keys()
    assert {re.sub(r"alerts(/.*|\.yaml)$", "alerts", path) for path in new} == {
        "infra/environments/production/alerts",
        "infra/environments/rehearsal/alerts",
        "infra/environments/staging/alerts",
        "services/alerts",
        "taskdefs/alerts",
        "tests/services/alerts",
    }
    assert {line.removeprefix("made ") for line in outcome.out.splitlines() if line.startswith("made ")} == new


Change = Callable[[Path], object]


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


STANDING = environments.load(Checkout(ROOT), "staging")
SERVICE, PRIORITY = next((name, int(one["ListenerPriority"])) for name, one in STANDING.services.items())
ENTRIES = "infra/environments/staging"
STAGING = f"{ENTRIES}/{SERVICE}.yaml"
# Without patterns of its own a service answers what no other does.
CATCH_ALL = f"parameters:\n  ListenerPriority: '{PRIORITY}'\n"


@pytest.mark.parametrize(
    ("words", "change", "said"),
    [
        ("Alerts", None, '"Alerts" cannot name a service'),
        ("json", None, "a module named json"),
        ("a" * 60, None, "IAM takes 64"),
        (SERVICE, None, f"{SERVICE} is there already: services/{SERVICE}, taskdefs"),
        ("alerts", folder("taskdefs/alerts"), "already: taskdefs/alerts"),
        ("alerts", folder("tests/services/alerts"), "already: tests/services/alerts"),
        # A folder at the top.
        ("infra", None, "infra is there already: infra"),
        ("alerts", write(f"{ENTRIES}/alerts.yaml", "{}"), "staging/alerts.yaml"),
        ("alerts --path /*", None, '"/*" is not a folder'),
        ("alerts --path=", None, '"" is not a folder'),
        ("alerts --path /health/*", None, "/health belongs to the services"),
        (f"alerts --priority {PRIORITY}", None, f"{PRIORITY} belongs to {SERVICE}"),
        (f"alerts --priority {PRIORITY + 1}", write(STAGING, CATCH_ALL), "would take every request"),
        ("alerts", write(STAGING, f"{CATCH_ALL}  PathPatterns: /alerts/*\n"), "has the same addresses"),
        (
            "alerts",
            write(f"{ENTRIES}/wether.yaml", "parameters: {ListenerPriority: '7'}"),
            "there is no taskdefs/wether/base.json",
        ),
        (
            "alerts",
            edit("infra/cloudformation/service.yaml", "  PathPatterns:\n", "  Patterns:\n"),
            "has no parameter PathPatterns",
        ),
        ("alerts", write("pyproject.toml", "[tool.ruff]\nnonsense = 1\n"), "ruff check failed"),
    ],
)
def test_it_says_why_and_changes_nothing(
    repository: Path, gitops: Gitops, words: str, change: Change | None, said: str
) -> None:
    if change:
        change(repository)
    before = everything(repository)
    outcome = gitops("new-service", *words.split())
    assert (outcome.code, outcome.out) == (1, "")
    assert said in outcome.err
    assert everything(repository) == before


@pytest.mark.parametrize("words", [[], ["alerts", "--priority", "first"], ["alerts", "maps"]])
def test_wrong_words_are_a_usage_error(repository: Path, gitops: Gitops, words: list[str]) -> None:
    before = everything(repository)
    assert gitops("new-service", *words).code == 2
    assert everything(repository) == before


HASH = "--hash=sha256:" + "a" * 64
HEADER = """\
# This file was autogenerated by uv via the following command:
#    make lock
"""
# What both locks hold alike.
FLASK = f"""\
click==8 \\
    {HASH} \\
    {HASH}
    # via flask
colorama==0.4 ; sys_platform == 'win32' \\
    {HASH}
    # via click
flask==3 \\
    {HASH}
"""
LOCK = f"""\
{HEADER}certifi==1 \\
    {HASH}
    # via requests
{FLASK}    # via -r services/weather/requirements.in
markupsafe==2 \\
    {HASH}
    # via
    #   flask
    #   jinja2
requests==2 \\
    {HASH}
    # via
    #   -r services/weather/requirements.in
    #   werkzeug
"""
ALERTS = "services/alerts/requirements.in"


def part(*wanted: str) -> str:
    return service.lock_part(LOCK, wanted, ALERTS) or ""


def test_a_part_of_a_lock_is_what_uv_would_write() -> None:
    assert part("flask") == f"{HEADER}{FLASK}    # via -r {ALERTS}\nmarkupsafe==2 \\\n    {HASH}\n    # via flask\n"
    assert part("flask", "requests").count("==") == LOCK.count("==")
    # A requirement that is also needed by another names both.
    text = part("flask", "click")
    assert f"    # via\n    #   -r {ALERTS}\n    #   flask\n" in text
    assert check.problems("x", text) == []
    # Of a lock that lacks one there is no part.
    assert part("gunicorn", "flask") == ""


BY_NAME = environments.load_all(Checkout(ROOT))
SERVICES = Checkout(ROOT).services()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_all_its_parts(service: str) -> None:
    assert service in tree.services(Checkout(ROOT))
    assert (ROOT / repository.tests(service)).is_dir()
    assert [name for name, environment in BY_NAME.items() if service in environment.services]


def test_nothing_is_left_of_a_service_that_is_gone() -> None:
    assert tree.services(Checkout(ROOT)) == SERVICES
    assert {service for environment in BY_NAME.values() for service in environment.services} == set(SERVICES)


def test_each_gets_the_requests_that_are_its_own() -> None:
    every = listener.rules(Checkout(ROOT), BY_NAME)
    assert {(rule.service, rule.environment) for rule in every} == {
        (service, name) for name, environment in BY_NAME.items() for service in environment.services
    }
    assert listener.problems(every) == []
