"""Bring an environment's stacks to what the templates say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gitops import aws, environments, github
from gitops.arguments import argument, environment_argument, stack_argument
from gitops.deploy.by_stack import Witness
from gitops.display import drawing
from gitops.errors import GitopsError
from gitops.stacks import order, plan, report
from gitops.stacks.access import Access
from gitops.stacks.apply import Applied, Applier, require_bootstrap, require_reviewed
from gitops.stacks.order import Unit
from gitops.stacks.plan import Plan
from gitops.text import plain, table

ARGUMENTS = (
    environment_argument,
    stack_argument,
    argument("--plan-hash", metavar="HASH", help="refuse unless the plan still has this hash"),
    argument("--plan", type=Path, metavar="FILE", help="refuse unless the plan is the one in this file"),
)


def run(arguments: argparse.Namespace) -> int:
    """Apply the stacks in their order and say what each took."""
    environment = environments.load(arguments.checkout, arguments.environment)
    every = order.load(arguments.checkout, environment)
    units = order.select(every, arguments.stack)
    reviewed = plan.read(arguments.plan) if arguments.plan else None
    reviewed_hash = _reviewed_hash(arguments.plan_hash, reviewed)
    role: aws.Role = "administrator" if order.chooses_bootstrap(arguments.stack) else "infrastructure"
    access = Access(arguments.checkout, environment, role)
    with aws.explained(environment):
        require_bootstrap(access, every, units)
        now: Plan | None = None
        if reviewed_hash:
            now = plan.plan(access, every, [unit.label for unit in units])
            if now.hash != reviewed_hash:
                print("\n".join(report.lines(now)))
            require_reviewed(now, reviewed_hash, reviewed)
        done = _apply(access, every, units, now)
        # A part of an environment says nothing of what the whole no longer asks for.
        found = [] if arguments.stack else access.left_over(every)
    left_over = [orphan.line(environment.environment) for orphan in found]
    print("\n".join([*_table(done), *left_over]))
    github.summary(
        "\n".join([_markdown(environment.environment, done, verdict(done)), *(f"\n- {line}" for line in left_over)])
    )
    return 0


def _reviewed_hash(given: str | None, reviewed: Plan | None) -> str:
    if given is not None and not given.strip():
        # An empty workflow input must not turn the check off.
        raise GitopsError("--plan-hash is empty", fix="give the hash that gitops plan printed")
    if given is not None and reviewed is not None and given.strip() != reviewed.hash:
        raise GitopsError("--plan-hash is not the hash of the plan in --plan", fix="give one of the two")
    return given.strip() if given is not None else reviewed.hash if reviewed is not None else ""


def _apply(access: Access, every: list[Unit], units: list[Unit], now: Plan | None) -> list[Applied]:
    applier: Applier | None = None
    witness: Witness | None = None
    done: list[Applied] = []
    try:
        with drawing() as display:
            witness = Witness(access, display)
            applier = Applier(access, every, now, display, witness)
            for unit in units:
                done.append(applier.apply(unit))  # noqa: PERF401 (what is done is told even when the next fails)
    except KeyboardInterrupt:
        if applier is not None and applier.running:
            print(
                f"AWS goes on with {applier.running} if it was started; "
                "the same command again waits for it and goes on from there",
                file=sys.stderr,
            )
        raise
    except GitopsError as error:
        print("\n".join(_table(done)))
        failed = witness.explain(error) if witness is not None else None
        if failed is not None:
            print(f"\n{failed.text}", flush=True)
            error.others += (failed.headline,)
        github.annotation("error", f"apply {access.environment.environment}", error.problem)
        where = f" at {applier.running}" if applier is not None and applier.running else ""
        end = f"failed{where}, {verdict(done)}" if done else f"failed{where}"
        text = f"{_markdown(access.environment.environment, done, end)}\n\n**failed**: {plain(error.problem)}"
        github.summary(f"{text}\n\n{failed.markdown}" if failed is not None else text)
        raise
    return done


def _table(done: list[Applied]) -> list[str]:
    width = max((len(one.label) for one in done), default=0)
    lines = [f"{one.label:<{width}}  {one.result:<10}  {one.seconds:7.1f} s" for one in done]
    total = sum(one.seconds for one in done)
    return [*lines, f"{'all':<{width}}  {'':<10}  {total:7.1f} s"] if len(done) > 1 else lines


def verdict(done: Sequence[Applied]) -> str:
    """How many stacks were created and updated; "no changes" said outright."""
    results = [one.result for one in done]
    if set(results) <= {"no changes"}:
        return f"no changes in {len(done)} {'stack' if len(done) == 1 else 'stacks'}"
    counts = {"created": results.count("created"), "updated": results.count("updated")}
    counts["unchanged"] = results.count("no changes")
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number)


def _markdown(environment: str, done: list[Applied], end: str) -> str:
    rows = [(one.label, one.result, f"{one.seconds:.1f}") for one in done]
    return "\n".join([f"### apply {environment}: {end}", "", *table(("stack", "result", "seconds:"), rows)])
