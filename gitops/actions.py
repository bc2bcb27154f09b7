"""What a GitHub Actions step tells its job: the summary, its outputs and annotations.

Each is silent outside of Actions, so a verb calls them without asking where it runs.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

Level = Literal["notice", "warning", "error"]


def summary(markdown: str) -> None:
    """Append Markdown to the job's summary, the file that GITHUB_STEP_SUMMARY names."""
    _append("GITHUB_STEP_SUMMARY", markdown.rstrip("\n") + "\n\n")


def output(name: str, value: str) -> None:
    """Set one output of the step, in the file that GITHUB_OUTPUT names.

    A value of several lines stands between two random delimiters, as
    docs.github.com/actions/reference/workflow-commands says: with a fixed one,
    a value that holds it could set outputs of its own.
    """
    if "\n" in value or "\r" in value:
        delimiter = f"end-{secrets.token_hex(16)}"
        _append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    else:
        _append("GITHUB_OUTPUT", f"{name}={value}\n")


def run_url() -> str:
    """Where this attempt of the run is shown; empty outside of Actions.

    docs.github.com/actions/reference/variables-reference: the variables are set in every job.
    """
    names = ("SERVER_URL", "REPOSITORY", "RUN_ID", "RUN_ATTEMPT")
    server, repository, run_id, attempt = (os.environ.get(f"GITHUB_{name}", "") for name in names)
    if not (server and repository and run_id):
        return ""
    return f"{server}/{repository}/actions/runs/{run_id}" + (f"/attempts/{attempt}" if attempt else "")


def annotation(level: Level, title: str, message: str) -> None:
    """Print one annotation, shown on the run's page; only inside of GitHub Actions."""
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::{level} title={_property(title)}::{_data(message)}", flush=True)


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
