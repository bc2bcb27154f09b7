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


def test_what_is_called_after_it() -> None:
    assert Names("wind-alerts", "/a").module == "wind_alerts"


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


class Moves:
    """Counts the moves into place, and does something at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, what: BaseException | None) -> None:
        self.count, self._at, self._what = 0, at, what
        real = Path.rename

        def move(path: Path, target: Path) -> Path:
            self.count += 1
            if self.count == self._at:
                if self._what:
                    raise self._what
                os.kill(os.getpid(), signal.SIGINT)
            return real(path, target)

        monkeypatch.setattr(Path, "rename", move)


@pytest.mark.parametrize("at", [1, 3, 4, MOVES])
def test_a_move_that_fails_undoes_those_before(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    before = everything(repository)
    moves = Moves(monkeypatch, at, OSError(errno.ENOSPC, "No space left on device", "x"))
    outcome = gitops("new-service", "alerts")
    assert moves.count == at
    assert (outcome.code, outcome.err) == (1, "error: x: No space left on device\n")
    assert everything(repository) == before


@pytest.mark.parametrize("at", [2, MOVES])
def test_a_ctrl_c_in_between_undoes_all(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    before = everything(repository)
    Moves(monkeypatch, at, None)
    outcome = gitops("new-service", "alerts")
    assert (outcome.code, outcome.out) == (130, "")
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


STANDING = environments.load(Checkout(ROOT), "staging")
SERVICE, PRIORITY = next((name, int(one["ListenerPriority"])) for name, one in STANDING.services.items())
STAGING = f"infra/environments/staging/{SERVICE}.yaml"
# Without patterns of its own a service answers what no other does.
CATCH_ALL = f"parameters:\n  ListenerPriority: '{PRIORITY}'\n"


@pytest.mark.parametrize(
    ("words", "change", "said"),
    [
        pytest.param(["Alerts"], nothing, '"Alerts" cannot name a service', id="name"),
        pytest.param(["json"], nothing, "a module named json", id="python's name"),
        pytest.param(["a" * 60], nothing, "IAM takes 64", id="long name"),
        pytest.param([SERVICE], nothing, f"{SERVICE} is there already: services/{SERVICE}, taskdefs", id="exists"),
        pytest.param(["alerts"], folder("taskdefs/alerts"), "already: taskdefs/alerts", id="left taskdefs"),
        pytest.param(["alerts"], folder("tests/services/alerts"), "already: tests/services/alerts", id="left tests"),
        pytest.param(["infra"], nothing, "infra is there already: infra", id="a folder at the top"),
        pytest.param(
            ["alerts"], write("infra/environments/staging/alerts.yaml", "{}"), "staging/alerts.yaml", id="left entry"
        ),
        pytest.param(["alerts", "--path", "/*"], nothing, '"/*" is not a folder', id="path"),
        pytest.param(["alerts", "--path", ""], nothing, '"" is not a folder', id="empty path"),
        pytest.param(["alerts", "--path", "/health/*"], nothing, "/health belongs to the services", id="health"),
        pytest.param(
            ["alerts", "--priority", str(PRIORITY)], nothing, f"{PRIORITY} belongs to {SERVICE}", id="taken priority"
        ),
        pytest.param(
            ["alerts", "--priority", str(PRIORITY + 1)],
            write(STAGING, CATCH_ALL),
            "would take every request",
            id="late priority",
        ),
        pytest.param(
            ["alerts"],
            write(STAGING, f"{CATCH_ALL}  PathPatterns: /alerts/*\n"),
            "has the same addresses",
            id="taken path",
        ),
        pytest.param(
            ["alerts"],
            write("infra/environments/staging/wether.yaml", "parameters: {ListenerPriority: '7'}"),
            "there is no taskdefs/wether/base.json",
            id="stray entry",
        ),
        pytest.param(
            ["alerts"],
            edit("infra/cloudformation/service.yaml", "  PathPatterns:\n", "  Patterns:\n"),
            "has no parameter PathPatterns",
            id="template that does not fit",
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
    #   werkzeug
requests==2 \\
    {HASH}
    # via
    #   -r services/weather/requirements.in
    #   werkzeug
"""


def part(*wanted: str) -> str:
    return service.lock_part(LOCK, wanted, "services/alerts/requirements.in") or ""


def test_it_is_what_uv_would_write() -> None:
    assert (
        part("flask")
        == f"""\
{HEADER}{FLASK}    # via -r services/alerts/requirements.in
markupsafe==2 \\
    {HASH}
    # via flask
"""
    )


def test_a_requirement_that_is_also_needed_by_another_names_both() -> None:
    text = part("flask", "click")
    assert "    # via\n    #   -r services/alerts/requirements.in\n    #   flask\n" in text
    assert check.problems("x", text) == []


def test_the_whole_of_it() -> None:
    assert part("flask", "requests").count("==") - 1 == LOCK.count("==") - 1


def test_of_a_lock_that_lacks_one_there_is_no_part() -> None:
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
