"""The files under .github, parsed: what the rules look at and the mutations change."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from gitops import environments
from gitops.repository import Checkout
from tests.conftest import ROOT

Step = dict[str, Any]
Job = dict[str, Any]

SELF = "$/.github/"


@dataclass(frozen=True)
class GitHubFiles:
    """The text of every workflow and composite action by its path below .github."""

    texts: dict[str, str]

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """Each file's data. Every scalar is a string, so that ``on`` stays a name and nothing is converted."""
        return {name: yaml.load(text, Loader=yaml.CBaseLoader) for name, text in self.texts.items()}  # noqa: S506

    @property
    def workflows(self) -> dict[str, Any]:
        """The workflows by file name without its ending."""
        return {Path(name).stem: data for name, data in self.parsed.items() if name.startswith("workflows/")}

    @property
    def jobs(self) -> dict[tuple[str, str], Job]:
        """Every job by workflow and id."""
        return {
            (workflow, job): data
            for workflow, content in self.workflows.items()
            for job, data in content["jobs"].items()
        }

    def steps(self) -> list[tuple[str, Step]]:
        """Every step, those of composite actions included, with a name for the place it stands at."""
        found = [
            (f"{workflow}.{job}", step) for (workflow, job), data in self.jobs.items() for step in data.get("steps", [])
        ]
        for name, data in self.parsed.items():
            if name.startswith("actions/"):
                found += [(name, step) for step in data["runs"]["steps"]]
        return found

    def events(self, workflow: str) -> set[str]:
        """The events that start a workflow, through its callers where another workflow calls it."""
        own = set(self.workflows[workflow]["on"])
        if "workflow_call" not in own:
            return own
        path = f"{SELF}workflows/{workflow}.yml"
        callers = {caller for (caller, _), job in self.jobs.items() if job.get("uses") == path}
        return (own - {"workflow_call"}).union(*(self.events(caller) for caller in callers))

    def mutated(self, name: str, old: str, new: str) -> GitHubFiles:
        """A copy with one text exchanged everywhere in one file; the text must be there."""
        assert old in self.texts[name], f"{name} has no {old!r}: the mutation changes nothing"
        return replace(self, texts={**self.texts, name: self.texts[name].replace(old, new)})


def read() -> GitHubFiles:
    """The repository's own."""
    folder = ROOT / ".github"
    paths = sorted([*folder.glob("workflows/*.yml"), *folder.glob("actions/*/action.yml")])
    return GitHubFiles({path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths})


def deployed_environments() -> dict[str, environments.Environment]:
    """The environments that workflows deploy to: all but the one on this machine."""
    return environments.deployed(Checkout(ROOT))


def expressions(data: Any) -> list[str]:
    """What stands in each ``${{ }}`` of a value, at any depth."""
    return [found.strip() for found in re.findall(r"\$\{\{(.*?)\}\}", str(data), flags=re.DOTALL)]
