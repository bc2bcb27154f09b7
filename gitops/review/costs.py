"""What two states of a repository cost a month, and the difference."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from gitops.review import prices
from gitops.review.changes import document, template_defaults
from gitops.review.markdown import plain
from gitops.review.prices import Running


class Costs(NamedTuple):
    """A line for each environment whose price changes, and what all of them cost now."""

    lines: tuple[str, ...] = ()
    at_rest: str = ""


def costs(base: dict[str, str], head: dict[str, str]) -> Costs:
    """The costs of two states, each a path's text by path; GitopsError for a file that cannot be read."""
    before, after = _running(base), _running(head)
    lines = []
    for name in after:
        was, now = before.get(name), after[name]
        words = prices.difference(was, now) if was and now else ""
        if words:
            lines.append(f"**{plain(name)}**: {words}")
    return Costs(tuple(lines), prices.at_rest(after))


def _running(texts: dict[str, str]) -> dict[str, Running | None]:
    defaults = template_defaults(texts)
    found: dict[str, Running | None] = {}
    for path, text in sorted(texts.items()):
        pure = PurePosixPath(path)
        if not pure.match("infra/environments/*.yaml"):
            continue
        environment = document(path, text) or {}
        # What is reached by profiles of its own is this machine, which costs nothing.
        if environment.get("aws_config_file"):
            continue
        rendered = {
            one.parts[1]: document(other, content) or {}
            for other, content in texts.items()
            if (one := PurePosixPath(other)).match(f"taskdefs/*/rendered/{pure.stem}.json")
        }
        found[pure.stem] = prices.running(environment, defaults, rendered)
    return found
