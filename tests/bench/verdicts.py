"""How late the verdict is after ECS has ended a deployment, beside botocore's own ``services_stable`` waiter.

Both watch the same deployments: the waiter begins when ``gitops deploy`` says that it watches.
"""

from __future__ import annotations

import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from botocore.exceptions import WaiterError
from rich.console import Console
from rich.table import Table

from tests.bench.registering import registering
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, SERVICE
from tests.rehearsal.verdicts.bad import EXITS_AT_START, NEVER_HEALTHY, Bad
from tests.rehearsal.verdicts.shipped import Shipped, shipped

_COST = re.compile(r"([\d.]+) s of it watching with (\d+) calls to AWS")
_VERDICT = re.compile(rf"\] {SERVICE}-{ENVIRONMENT}:\d+ (succeeded|rolled back)")
_TRUTH = {"SUCCESSFUL": "succeeded", "ROLLBACK_SUCCESSFUL": "rolled back"}


@dataclass(frozen=True)
class Said:
    """What one of the two said of a deployment, how many seconds after its end, and with how many calls."""

    word: str
    late: float
    calls: int
    waited: float


@dataclass(frozen=True)
class Measured:
    """One deployment, by both."""

    kind: str
    truth: str
    lasted: float
    gitops: Said
    waiter: Said


def _wait(ecs: Any) -> tuple[str, float, int, float]:
    """botocore's waiter with its own defaults, every 15 s: its word, when it ended, its calls and its seconds."""
    calls = list[object]()
    ecs.meta.events.register("provide-client-params.ecs.DescribeServices", lambda **_: calls.append(_))
    begun, word = time.time(), "stable"
    try:
        ecs.get_waiter("services_stable").wait(cluster=HERE.cluster, services=[SERVICE])
    except WaiterError as error:
        word = str(error)
    return word, time.time(), len(calls), time.time() - begun


def verdicts() -> None:
    """Print what registering takes; deploy good and bad commits and print the table."""
    with (
        tempfile.TemporaryDirectory(prefix="fairweather-bench-") as folder,
        shipped(Path(folder), "processes") as found,
    ):
        registering(found)
        measured = []
        for number in range(2):
            found.clone.change_the_page(f"{number}")
            commit = found.clone.commit(f"Good, number {number}")
            found.build(commit)
            measured.append(_measure(found, commit, "good"))
            measured.append(_broken(found, EXITS_AT_START, "exits at start"))
        measured.append(_broken(found, NEVER_HEALTHY, "never healthy"))
    _print(measured)


def _broken(found: Shipped, bad: Bad, kind: str) -> Measured:
    with found.broken(bad) as commit:
        return _measure(found, commit, kind)


def _measure(found: Shipped, commit: str, kind: str) -> Measured:
    ecs = found.clone.session("deploy").client("ecs")
    word, told, cost = "nothing", 0.0, (0.0, 0)
    command = ("gitops", "deploy", SERVICE, ENVIRONMENT, "--commit", commit)
    with ThreadPoolExecutor() as pool, found.clone.start(*command) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("watching deployment"):
                waiter = pool.submit(_wait, ecs)
            elif match := _VERDICT.search(line):
                told, word = time.time(), match[1]
            elif match := _COST.search(line):
                cost = float(match[1]), int(match[2])
    stable, ended, calls, waited = waiter.result()
    service = ecs.describe_services(cluster=HERE.cluster, services=[SERVICE])["services"][0]
    arn = service["currentServiceDeployment"]
    ours = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    end = ours["finishedAt"].timestamp()
    return Measured(
        kind,
        _TRUTH[ours["status"]],
        end - ours["createdAt"].timestamp(),
        Said(word, told - end, cost[1], cost[0]),
        Said(stable, ended - end, calls, waited),
    )


def _print(measured: list[Measured]) -> None:
    table = Table("deployment", "ended after", "who", "said", "late by", "calls", "calls a second")
    for one in measured:
        for who, said in (("gitops deploy", one.gitops), ("services_stable", one.waiter)):
            right = said.word == one.truth or (one.truth == "succeeded" and said.word == "stable")
            table.add_row(
                one.kind,
                f"{one.lasted:.1f} s",
                who,
                f"{said.word}{'' if right else f' (it was {one.truth})'}",
                f"{said.late:.2f} s",
                str(said.calls),
                f"{said.calls / said.waited:.2f}",
            )
    # A log has no width of its own: the table's is enough.
    Console(width=120).print(table)
    ours, theirs = mean(one.gitops.late for one in measured), mean(one.waiter.late for one in measured)
    rate = sum(one.gitops.calls for one in measured) / sum(one.gitops.waited for one in measured)
    wrong = sum(one.waiter.word == "stable" and one.truth != "succeeded" for one in measured)
    print(
        f"late by {ours:.2f} s on average (at most {max(one.gitops.late for one in measured):.2f} s, bar 1 s), "
        f"the waiter by {theirs:.1f} s: {theirs / ours:.0f} × as late, and wrong on {wrong} of {len(measured)}\n"
        f"{rate:.2f} calls a second on average (bar 1)",
        flush=True,
    )
