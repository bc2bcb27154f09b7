"""Which local action stands for which action from outside, taken from the workflows' own pins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from gitops.errors import GitopsError

FOLDER = Path(__file__).parent / "actions"


def mapping(uses: Iterable[tuple[str, Mapping[str, str]]], folder: Path = FOLDER) -> dict[str, Path]:
    """``owner/repository@ref`` to the folder that replaces it.

    A new pin needs no edit here. Raises GitopsError for an action without a
    replacement, and for an input that the replacement does not honour: to
    ignore it would show a workflow working that does not.
    """
    found: dict[str, Path] = {}
    for action, given in uses:
        name = action.partition("@")[0].rsplit("/", 1)[-1]
        replacement = folder / name
        if not (replacement / "action.yml").is_file():
            raise GitopsError(
                f"nothing stands for the action {action} when workflows run on this machine",
                fix=f"write rehearsal/runner/actions/{name}/action.yml",
            )
        unknown = sorted(set(given) - inputs(replacement))
        if unknown:
            raise GitopsError(
                f"the replacement of {action} does not know the input {', '.join(unknown)}",
                fix=f"honour it in rehearsal/runner/actions/{name}, or check the spelling",
            )
        found[action] = replacement
    return found


def inputs(replacement: Path) -> set[str]:
    """The inputs that a replacement honours."""
    data = yaml.safe_load((replacement / "action.yml").read_bytes())
    return set(data.get("inputs") or {})
