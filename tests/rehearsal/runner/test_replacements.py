from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal.runner import replacements, workflows
from tests.conftest import ROOT

PIN = "actions/checkout@" + "1" * 40


def test_every_action_from_outside_has_one_that_stands_for_it() -> None:
    used = workflows.used(ROOT)
    mapped = replacements.mapping(used)
    assert set(mapped) == {action for action, _ in used}
    assert {path.name for path in replacements.FOLDER.iterdir()} == {path.name for path in mapped.values()}, (
        "a replacement that no workflow needs"
    )


def test_a_new_pin_needs_no_edit() -> None:
    assert replacements.mapping([(PIN, {"ref": "main"})]) == {PIN: replacements.FOLDER / "checkout"}


def test_an_action_nobody_replaced_is_named() -> None:
    with pytest.raises(GitopsError, match=r"nothing stands for the action someone/new@v1"):
        replacements.mapping([("someone/new@v1", {})])


def test_an_input_that_is_not_honoured_is_refused() -> None:
    with pytest.raises(GitopsError, match="does not know the input fetch-dept"):
        replacements.mapping([(PIN, {"fetch-dept": "0"})])


@pytest.mark.parametrize("folder", sorted(replacements.FOLDER.iterdir()), ids=lambda path: path.name)
def test_a_replacement_uses_every_input_it_takes(folder: Path) -> None:
    text = (folder / "action.yml").read_text()
    assert [name for name in replacements.inputs(folder) if f"${{{{ inputs.{name} }}}}" not in text] == []
