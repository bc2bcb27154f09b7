"""``rehearsal workflow``: one workflow, or all of them, as a person starts it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitops import Checkout, GitopsError, deployed, environments
from rehearsal import daemons, permissions
from rehearsal.daemons import FOLDER, State
from rehearsal.runner import act, results, workflows
from rehearsal.runner.events import Event
from rehearsal.runner.results import Run
from rehearsal.runner.run import Runner
from rehearsal.runner.workflows import Workflow
from rehearsal.services import needs
from rehearsal.steps import Steps
from rehearsal.up import dirty_note, up

Say = Callable[[str], None]
# The stacks come first, then the service in them; what removes them comes last. A later workflow runs in between.
SHIPS = "service"
FIRST, LAST = ("infrastructure", SHIPS), ("teardown",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which workflow, and what starts it."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a file in .github/workflows (default: all of them)")
    parser.add_argument("--on", metavar="EVENT", help="which of its triggers (default: the first that is common)")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="an input of a dispatch (repeatable)"
    )
    parser.add_argument("--event", type=Path, metavar="FILE", help="the event's payload, as JSON")


def workflow(checkout: Checkout, arguments: argparse.Namespace, say: Say) -> int:
    """Bring AWS up unless it runs, and run workflows of HEAD against it; 0 when every one succeeds."""
    binary = act.find(checkout)
    given = inputs(arguments.input)
    head = checkout.commit("HEAD")
    environment = environments.rehearsed(checkout, arguments.environment)
    wanted = [needs(checkout, environment, service, head) for service in environment.services]
    with daemons.locked(checkout):
        if note := dirty_note(checkout):
            say(note)
        running = up(checkout, environment, wanted, Steps(checkout, say), arguments.port, arguments.runtime)
        runner = Runner(checkout, running, wanted, binary, checkout.root, build_settings(checkout, running, say), say)
        runner.prepare()
        every = workflows.read(runner.repository.checkout)
        if arguments.name is None:
            if given or arguments.event or arguments.on:
                raise GitopsError("inputs and events belong to one workflow", fix="name the workflow")
            done = []
            for name, chosen in everything(checkout, every):
                done.append(_one(runner, name, runner.event(every[name], None, chosen), say))
                if name == SHIPS:
                    # A second time, by hand and of one more commit: a rollback needs somewhere to go back to.
                    done.append(_one(runner, name, runner.one_more_commit(), say))
            say(f"\n{results.times(done)}\n")
            say(permissions.text(permissions.compared(checkout, running.endpoint)))
        elif arguments.name in every:
            event = runner.event(every[arguments.name], arguments.on, given)
            if arguments.event is not None:
                event = replace(event, payload=_payload(arguments.event))
            done = [_one(runner, arguments.name, event, say)]
        else:
            raise GitopsError(
                f"no workflow named {arguments.name} (there are: {', '.join(every)})", fix="check the spelling"
            )
    return 0 if all(one.code == 0 for one in done) else 1


def build_settings(checkout: Checkout, running: State, say: Say) -> dict[str, str]:
    """How images are built here: packed for processes, with a base image of this machine for containers."""
    if running.runtime == "processes":
        return {"FAIRWEATHER_BUILDER": "pack"}
    from rehearsal import base_image

    built = {service for one in deployed(checkout).values() for service in one.services}
    return base_image.build_settings(checkout, checkout.root / FOLDER, sorted(built), say)


def everything(checkout: Checkout, every: dict[str, Workflow]) -> list[tuple[str, dict[str, str]]]:
    """All workflows that something other than a workflow starts, in a working order, with the inputs they need.

    A confirmation is typed as it is asked for: the environment's name. The
    environment that others take images from is the last to go.
    """
    there = deployed(checkout)
    first_to_go = min(there, key=lambda name: sum(other.registry == name for other in there.values()))
    answers = {
        "environment": first_to_go,
        "confirm": first_to_go,
        "service": next(iter(there[first_to_go].services)),
    }
    started = [name for name, found in every.items() if set(found.triggers) - {"workflow_call"}]
    return [(name, _answered(every[name], answers)) for name in ordered(started)]


def ordered(names: Iterable[str]) -> list[str]:
    """In the order in which each finds what it works on."""
    every = list(names)
    between = sorted(set(every) - set(FIRST) - set(LAST))
    return [name for name in (*FIRST, *between, *LAST) if name in every]


def inputs(words: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping; GitopsError for another form."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise GitopsError(f"--input {word} has no value", fix="--input NAME=VALUE")
        found[name] = value
    return found


def _answered(found: Workflow, answers: dict[str, str]) -> dict[str, str]:
    asked = (found.triggers.get("workflow_dispatch") or {}).get("inputs", {})
    only_by_hand = not set(found.triggers) - {"workflow_dispatch", "workflow_call"}
    return {name: answers[name] for name in asked if name in answers} if only_by_hand else {}


def _payload(path: Path) -> dict[str, Any]:
    try:
        payload: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GitopsError(f"{path} is no event: {error}", fix="give a file of JSON") from None
    return payload


def _one(runner: Runner, name: str, event: Event, say: Say) -> Run:
    say(f"\n▸ {name} on {event.name}  {event.sha[:12]}")
    done = runner.run(name, event, lambda job: say(results.job_text(job)))
    say(results.end_text(done, str((runner.folder / "last/act.log").relative_to(runner.checkout.root))))
    return done
