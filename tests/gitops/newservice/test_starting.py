"""Where each file of a new service comes from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.newservice import starting
from gitops.newservice.names import Names
from tests.conftest import ROOT
from tests.gitops.newservice.conftest import copy

WEATHER, ALERTS = Names("weather"), Names("wind-alerts")
COPIED = [pattern for pattern, how in starting.FILES.items() if how not in ("starter", "locked")]
LOGS, SERVER = "services/weather/weather/logs.py", "services/weather/gunicorn.conf.py"


def path_of(pattern: str, names: Names) -> Path:
    return Path(pattern.format(service=names.service, module=names.module))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return copy(tmp_path)


def made(root: Path) -> dict[Path, str]:
    return starting.files(root, WEATHER, ALERTS, "/alerts")


def append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}{line}\n")


def test_the_table_names_every_file_and_every_starter_file_has_its_line() -> None:
    assert set(made(ROOT)) == {path_of(pattern, ALERTS) for pattern in starting.FILES}
    written = [path for path in starting.STARTER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(written) == sum(how == "starter" for how in starting.FILES.values())


@pytest.mark.parametrize("pattern", COPIED)
def test_what_is_copied_has_one_source(repository: Path, pattern: str) -> None:
    """A change in the source is a change in the next service."""
    before = made(repository)[path_of(pattern, ALERTS)]
    append(repository / path_of(pattern, WEATHER), "# changed")
    assert made(repository)[path_of(pattern, ALERTS)] == f"{before}# changed\n"


@pytest.mark.parametrize("pattern", COPIED)
def test_a_copy_differs_in_the_names_alone(pattern: str) -> None:
    before = (ROOT / path_of(pattern, WEATHER)).read_text().splitlines()
    after = made(ROOT)[path_of(pattern, ALERTS)].splitlines()
    differs = [old for old, new in zip(before, after, strict=True) if old != new]
    assert "weather" not in "\n".join(after).lower()
    assert all("weather" in line for line in differs)
    assert bool(differs) is (starting.FILES[pattern] != "as it is")


@pytest.mark.parametrize("pattern", COPIED)
def test_a_file_that_is_gone_is_named(repository: Path, pattern: str) -> None:
    where = path_of(pattern, WEATHER)
    (repository / where).unlink()
    with pytest.raises(GitopsError, match=f"{re.escape(str(where))} is missing → restore it, or give another service"):
        made(repository)


@pytest.mark.parametrize(
    ("where", "added", "said"),
    [
        pytest.param(LOGS, "import requests", "imports requests", id="package that only the source has"),
        pytest.param(LOGS, "from cachetools import TTLCache", "imports cachetools", id="name of such a package"),
        pytest.param(LOGS, "from weather import views", "imports weather", id="the source's package"),
        pytest.param(LOGS, "from . import views", r"imports \.", id="relative"),
        pytest.param(SERVER, "import weather.cache", r"imports weather\.cache", id="module"),
        pytest.param(SERVER, "from weather.cache import Cache", r"imports weather\.cache", id="name of a module"),
        pytest.param(SERVER, "from weather import cache", r"imports weather\.cache", id="module by its name"),
        pytest.param(SERVER, "from weather.config import WAITERS", r"imports weather\.config\.WAITERS", id="name"),
        pytest.param(SERVER, "def f():\n    import requests", "imports requests", id="inside a function"),
        pytest.param(SERVER, "def f(:", "not Python", id="not Python"),
    ],
)
def test_an_import_that_a_new_service_does_not_have(repository: Path, where: str, added: str, said: str) -> None:
    append(repository / where, added)
    with pytest.raises(GitopsError, match=rf"^{re.escape(where)}:\d+: {said}") as refused:
        made(repository)
    assert refused.value.fix


@pytest.mark.parametrize(
    "added",
    [
        "import weather.config",
        "from weather import views, logs, create_app",
        "from weather.logs import JsonLines",
        "from weather.config import LONGEST_DRAIN, Settings",
        "from werkzeug.exceptions import NotFound",
        "import json, os.path",
    ],
)
def test_an_import_that_it_has(repository: Path, added: str) -> None:
    append(repository / SERVER, added)
    text = made(repository)[path_of("services/{service}/gunicorn.conf.py", ALERTS)]
    assert text.endswith(added.replace("weather", "wind_alerts") + "\n")


def test_every_wrong_import_is_told_at_once(repository: Path) -> None:
    for where in (LOGS, SERVER):
        append(repository / where, "import requests")
    with pytest.raises(GitopsError) as refused:
        made(repository)
    assert [line.split(":")[0].strip() for line in str(refused.value).splitlines()] == [SERVER, LOGS]
