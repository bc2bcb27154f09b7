from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitops.drills import upstream
from gitops.environments import Upstream
from gitops.errors import GitopsError
from gitops.rollout.watch import Clock

APPEND = "import sys; open('told', 'a').write(sys.argv[1] + '\\n')"
TOLD = Upstream(["python", "-c", APPEND], ["broken", "silent"], "normal", "/ready")


class Time:
    """A clock that a test moves by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self.sleep)


class Service:
    """Answers as its upstream was told, or always the same."""

    def __init__(self, root: Path, always: str | None = None) -> None:
        self.root, self.always = root, always

    def ask(self, path: str) -> str:
        assert path == "/ready"
        if self.always is not None:
            return self.always
        return "" if (self.root / "told").read_text().split()[-1] == "normal" else "status 503"


def test_each_failure_shows_and_ends(tmp_path: Path) -> None:
    time, said = Time(), list[str]()
    mended, problems = upstream.fail(tmp_path, TOLD, Service(tmp_path).ask, time.clock, said.append)
    assert problems == ()
    assert (tmp_path / "told").read_text().split() == ["broken", "silent", "normal"]
    assert mended == time.now == 2 * upstream.LASTS
    assert said == ["the upstream is broken", "the upstream is silent", "the upstream is normal"]


def test_a_failure_that_nobody_notices_proves_nothing(tmp_path: Path) -> None:
    _, problems = upstream.fail(tmp_path, TOLD, Service(tmp_path, always="").ask, Time().clock, lambda _: None)
    assert problems == (
        "/ready does not say that the upstream is broken",
        "/ready does not say that the upstream is silent",
    )


def test_a_service_that_stays_down_is_a_problem(tmp_path: Path) -> None:
    service = Service(tmp_path, always="status 503")
    _, problems = upstream.fail(tmp_path, TOLD, service.ask, Time().clock, lambda _: None)
    assert problems == ("/ready still fails after the upstream works again",)


def test_the_upstream_works_again_whatever_happens(tmp_path: Path) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upstream.fail(tmp_path, TOLD, interrupted, Time().clock, lambda _: None)
    assert (tmp_path / "told").read_text().split() == ["broken", "normal"]


def test_a_command_that_fails_is_one_line(tmp_path: Path) -> None:
    broken = Upstream([sys.executable, "-c", "raise SystemExit('nobody listens')"], ["broken"], "normal", "/ready")
    with pytest.raises(GitopsError, match=r"cannot be told to be .*: nobody listens"):
        upstream.fail(tmp_path, broken, lambda _: "", Time().clock, lambda _: None)
