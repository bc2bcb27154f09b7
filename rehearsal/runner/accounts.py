"""An administrator's part, once per account: the bootstrap stack and the secrets of each deployed environment.

The emulator keeps accounts apart as AWS does. An access key of twelve digits is the root of that account.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from rehearsal.daemons import MARK

API_KEY = "OPENWEATHER_API_KEY"


def prepare(root: Path, marked: Path, endpoint: str, api_key: str, say: Callable[[str], None]) -> None:
    """Bring every deployed environment to where its workflows can begin, from the code in ``root``.

    What is there already stays. Raises GitopsError with the verb's own words when one fails.
    """
    for name, environment in environments.deployed(root).items():
        say(f"account {environment.account} is {name}")
        variables = administrator(environment, endpoint) | {MARK: str(marked)}
        _gitops(root, ["apply", name, "--stack", "bootstrap"], variables)
        for service in environment.services:
            for secret in secret_names(root, service, name):
                value = api_key if secret == API_KEY else secrets.token_hex(16)
                words = ["secret", "put", service, name, secret, "--from-env", secret]
                _gitops(root, words, {**variables, secret: value})


def administrator(environment: Environment, endpoint: str) -> dict[str, str]:
    """The variables of a command that an administrator of the environment's account runs."""
    return {
        "AWS_ACCESS_KEY_ID": environment.account,
        "AWS_SECRET_ACCESS_KEY": "administrator",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def secret_names(root: Path, service: str, environment: str) -> list[str]:
    """The secrets that the rendered task definition reads."""
    rendered = json.loads((root / "taskdefs" / service / "rendered" / f"{environment}.json").read_text())
    return sorted(secret["name"] for c in rendered["containerDefinitions"] for secret in c.get("secrets", []))


def _gitops(root: Path, words: list[str], variables: Mapping[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GITHUB_"))}
    done = subprocess.run(
        [sys.executable, "-m", "gitops", *words],
        cwd=root,
        env=inherited | dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise GitopsError(f"gitops {' '.join(words)}: {done.stderr.strip()}", exit_code=done.returncode)
