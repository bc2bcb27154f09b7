"""What a second ``make rehearse`` takes over from the first, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal import run, state
from rehearsal.state import State

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("OPENWEATHER_API_KEY", KEY)
    return State(port=4700, runtime="processes", api_key_sha256=run._digest(KEY))


def test_the_upstream_key_is_recognised_and_kept_nowhere(started: State, tmp_path: Path) -> None:
    state.save(tmp_path, started)
    assert not started.stand_in
    run._require_same(started, None, "auto")
    assert KEY not in (tmp_path / state.FOLDER / "state.json").read_text()


@pytest.mark.parametrize("now", ["", "f" * 32])
def test_another_key_is_refused_with_the_way_on(started: State, monkeypatch: pytest.MonkeyPatch, now: str) -> None:
    monkeypatch.setenv("OPENWEATHER_API_KEY", now)
    with pytest.raises(GitopsError, match=r"OPENWEATHER_API_KEY is not what it was .* → make stop first"):
        run._require_same(started, None, "auto")


@pytest.mark.parametrize(("port", "runtime"), [(4800, "auto"), (None, "containers")])
def test_another_port_or_runtime_is_refused(started: State, port: int | None, runtime: str) -> None:
    with pytest.raises(GitopsError, match=r"the rehearsal runs .* make stop first"):
        run._require_same(started, port, runtime)
