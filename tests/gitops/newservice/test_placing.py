"""Whole or not at all: what goes wrong while files move is undone, and so is a Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.gitops.conftest import Gitops
from tests.gitops.newservice.conftest import everything

# Three folders and five files move.
MOVES = 8


class Moves:
    """Counts the moves into place, and does something at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, what: BaseException | None) -> None:
        self.count, self._at, self._what = 0, at, what
        for name in ("rename", "replace"):
            self._watch(monkeypatch, name, getattr(Path, name))

    def _watch(self, monkeypatch: pytest.MonkeyPatch, name: str, real: object) -> None:
        def move(path: Path, target: Path) -> Path:
            self.count += 1
            if self.count == self._at:
                if self._what:
                    raise self._what
                os.kill(os.getpid(), signal.SIGINT)
            return real(path, target)  # type: ignore[operator,no-any-return]

        monkeypatch.setattr(Path, name, move)


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
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_ctrl_c_before_the_first_move_leaves_nothing(
    repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = everything(repository)
    monkeypatch.setattr("gitops.newservice.placing._format", interrupted)
    assert gitops("new-service", "alerts").code == 130
    assert everything(repository) == before


def test_what_changes_keeps_its_rights_and_what_is_beside_it(repository: Path, gitops: Gitops) -> None:
    staging = repository / "infra/environments/staging.yaml"
    staging.chmod(0o640)
    before = everything(repository)
    outcome = gitops("new-service", "alerts")
    assert outcome.code == 0, outcome.err
    after = everything(repository)
    assert stat.S_IMODE(staging.stat().st_mode) == 0o640
    changed = {path for path in before if after[path] != before[path]}
    new = after.keys() - before.keys()
    assert changed == {
        "infra/cloudformation/registry.yaml",
        "infra/environments/production.yaml",
        "infra/environments/rehearsal.yaml",
        "infra/environments/staging.yaml",
        "requirements/dev.in",
    }
    assert {path.split("/alerts/")[0] for path in new} == {"services", "taskdefs", "tests/services"}
    said = outcome.out.splitlines()
    assert {line.removeprefix("made ") for line in said if line.startswith("made ")} == new
    assert {line.removeprefix("changed ") for line in said if line.startswith("changed ")} == changed
    for path in changed:
        kept = [line for line in before[path].splitlines() if line not in after[path].splitlines()]
        assert kept == [], f"{path} lost a line"
