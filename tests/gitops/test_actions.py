"""The three ways a step speaks to GitHub Actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import actions


@pytest.fixture(autouse=True)
def _outside_of_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


def test_outside_of_actions_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    actions.summary("# hello")
    actions.output("digest", "sha256:1")
    actions.annotation("error", "title", "message")
    assert capsys.readouterr().out == ""


def test_summaries_are_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    actions.summary("# one")
    actions.summary("two\n")
    assert file.read_text() == "# one\n\ntwo\n\n"


def test_a_value_of_several_lines_cannot_set_another_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    actions.output("verdict", "succeeded")
    actions.output("report", "first\nEOF\nverdict=failed")
    first, opening, *inside, closing = file.read_text().splitlines()
    assert first == "verdict=succeeded"
    name, delimiter = opening.split("<<")
    assert (name, closing) == ("report", delimiter)
    assert inside == ["first", "EOF", "verdict=failed"]
    assert len(delimiter) > 20


def test_an_annotation_escapes_what_would_end_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    actions.annotation("error", "weather: a, b", "100%\nnext: line")
    assert capsys.readouterr().out == "::error title=weather%3A a%2C b::100%25%0Anext: line\n"
