"""``rehearsal permissions``: asks the running emulator what was used and compares it with the templates."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import requests

from gitops import environments
from gitops.errors import GitopsError
from gitops.stacks import templates
from rehearsal import page, state
from rehearsal.emulator.used_permissions import PATH
from rehearsal.permissions import report
from rehearsal.permissions.compared import Compared, Use, compare
from rehearsal.permissions.granted import roles


def permissions(root: Path, arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Print what each role used and did not; always 0. GitopsError when no rehearsal runs."""
    running = state.load(root)
    if running is None:
        raise GitopsError("no rehearsal runs in this clone", fix="make rehearse, or make workflows")
    found = compared(root, running.endpoint)
    say(json.dumps(report.data(found), indent=2) if arguments.json else report.text(found))
    return 0


def compared(root: Path, endpoint: str) -> list[Compared]:
    """Every role of every template in ``root``, against what the emulator at ``endpoint`` has seen.

    Raises GitopsError when it does not answer, or when a template cannot be read.
    """
    every = environments.load_all(root).values()
    names = sorted(file.stem for file in (root / templates.FOLDER).glob("*.yaml"))
    granted = [role for name in names for role in roles(templates.document(templates.load(root, name)), name, every)]
    return compare(granted, uses(endpoint))


def uses(endpoint: str) -> list[Use]:
    """What the emulator remembers; GitopsError when it does not answer."""
    with page.loopback() as session:
        try:
            answer = session.get(endpoint + PATH, timeout=10)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=list[Use])
        except (requests.RequestException, msgspec.DecodeError) as error:
            raise GitopsError(f"the emulator does not say what was used: {error}", fix="make rehearse") from None
