"""The command that has something happen in the rehearsal that runs here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import requests

from gitops import Checkout, GitopsError
from rehearsal import daemons, page
from rehearsal.emulator.happenings import HAPPENINGS, KINDS, Told


def happen(checkout: Checkout, told: Told | None, say: Callable[[str], None]) -> int:
    """Have it happen, or say what can and what is due; always 0.

    Raises GitopsError where no rehearsal runs, and where it cannot happen.
    """
    if told and (problem := told.problem()):
        raise GitopsError(problem, fix="rehearsal happen")
    running = daemons.load(checkout)
    if running is None:
        raise GitopsError("no rehearsal runs in this clone", fix="make rehearse")
    request: dict[str, Any] = (
        {"method": "GET"} if told is None else {"method": "POST", "data": msgspec.json.encode(told)}
    )
    try:
        with page.loopback() as session:
            answer = session.request(url=running.endpoint + HAPPENINGS, timeout=60, **request)
            now = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise GitopsError(f"the emulator does not answer: {type(error).__name__}", fix="make rehearse") from None
    if not answer.ok:
        raise GitopsError(now.get("problem", f"the emulator answered {answer.status_code}"), fix="rehearsal happen")
    if told is None:
        width = max(map(len, KINDS))
        for name, kind in KINDS.items():
            options = "".join(f" --{one}" for one in kind.fields)
            say(f"{name:<{width}}  {kind.what}{f'  [{options.strip()}]' if options else ''}")
    for one in now["due"]:
        where = one.get("service") or one.get("operation") or "any"
        say(f"due: {one['kind']} of {where}, {one['times']} times")
    say(f"answers are {now['late']:g} s late, a rollback shows for {now['rollback']:g} s")
    return 0
