"""gitops drill: failures on purpose under steady load, and whether anything was lost."""

from __future__ import annotations

import argparse

from gitops import aws, environments, github
from gitops.arguments import argument, confirm, confirm_argument, environment_argument
from gitops.clock import Clock
from gitops.cloudformation import CloudFormation
from gitops.deploy.status import url
from gitops.display import Event, drawing
from gitops.drills import results
from gitops.drills.fleet import Operations
from gitops.drills.kinds import KINDS, USUAL, upstream
from gitops.drills.load import DEFAULT_RATE, Schedule, place
from gitops.drills.results import Result, failures
from gitops.drills.run import Order, hold
from gitops.environments import Environment
from gitops.errors import GitopsError

_MOST_TIMES = 50
_LONGEST_WITHIN = 900.0


ARGUMENTS = (
    environment_argument,
    argument("--service", help="a service of the environment (default: its only one)"),
    argument(
        "--drill",
        action="append",
        choices=KINDS,
        dest="drills",
        help="may be repeated (default: all but an outage)",
    ),
    argument("--times", type=int, default=1, help="hold each so often in a row (default: 1)"),
    argument("--rate", type=int, default=DEFAULT_RATE, help=f"requests a second (default: {DEFAULT_RATE})"),
    argument("--path", help="the path asked for (default: the beginning of the service's own)"),
    argument(
        "--within", type=float, default=300.0, metavar="SECONDS", help="how long recovery may take (default: 300)"
    ),
    argument("--name", default="", help="the host name to ask for, where the certificate is for that one"),
    confirm_argument,
)
_EACH = "\n".join(f"  {name:<{max(map(len, KINDS))}}  {kind.does}" for name, kind in KINDS.items())
EPILOG = f"""\
drills:
{_EACH}

Requests go to the environment's own load balancer. A real environment's name has to be typed first.
Ends with 1 when a request was lost, a verdict was wrong or recovery took too long."""


def run(arguments: argparse.Namespace) -> int:
    """Hold the drills one after the other, and report them all."""
    environment = environments.load(arguments.checkout, arguments.environment)
    service = environment.chosen_service(arguments.service)
    path = arguments.path or environment.rehearsal(service).page or environment.beginning(service)
    schedule = Schedule(arguments.rate)
    _require(arguments, path)
    with aws.explained(environment):
        session = aws.session(arguments.checkout, environment, "drill")
        stack = CloudFormation.of(session).stack(environment.stack_name("platform"))
        address = url(stack.outputs, session.client("elbv2").meta.endpoint_url or "")
        operations = Operations(session, environment, service)
        order = Order(
            arguments.root,
            place(address, arguments.name),
            path,
            schedule,
            arguments.within,
            upstream(environment, service),
        )
        kinds = arguments.drills or USUAL
        _confirm(environment, arguments.confirm, kinds, service)
        held = _hold_all(kinds, arguments, operations, order)
    legend = results.legend(schedule.rate, f"{address.rstrip('/')}{path}")
    print(f"\n{results.text(held)}\n\n{legend}")
    title = f"drills of {service} in {environment.environment}"
    github.summary(results.markdown(title, legend, held))
    failed = [f"{one.kind}: {problem}" for one in held for problem in failures(one)]
    if failed:
        github.annotation("error", title, "\n".join(failed))
        raise GitopsError(failed[0], others=tuple(failed[1:]), fix="docs/drills.md says how to find out why")
    return 0


def _hold_all(kinds: list[str], arguments: argparse.Namespace, operations: Operations, order: Order) -> list[Result]:
    held: list[Result] = []
    with drawing() as display:
        for kind in kinds:
            for number in range(1, arguments.times + 1):
                title = kind if arguments.times == 1 else f"{kind} {number} of {arguments.times}"
                asked_for = arguments.drills is not None
                held.append(hold(kind, title, order, operations, Clock(), display, asked_for=asked_for))
                display.show(_end(title, held[-1]))
    return held


def _end(title: str, result: Result) -> Event:
    if result.skipped:
        return Event(title, f"not applicable: {result.skipped}")
    found, numbers = failures(result), result.tally
    text = f"{numbers.sent:,} sent, {numbers.lost:,} lost, {numbers.slow:,} slow, p99 {numbers.p99 * 1000:.0f} ms"
    return Event(title, f"{text}: {found[0] if found else 'held'}", mood="failed" if found else "done")


def _require(arguments: argparse.Namespace, path: str) -> None:
    if not 1 <= arguments.times <= _MOST_TIMES:
        raise GitopsError(f"{arguments.times} times is out of bounds", fix=f"--times from 1 to {_MOST_TIMES}")
    if not 0 < arguments.within <= _LONGEST_WITHIN:
        raise GitopsError(f"{arguments.within:g} s is out of bounds", fix=f"--within up to {_LONGEST_WITHIN:g}")
    if not path.startswith("/") or not path.isprintable() or " " in path:
        raise GitopsError(f"not a path: {path}", fix="--path /")


def _confirm(environment: Environment, given: str | None, kinds: list[str], service: str) -> None:
    """Nothing to confirm on this machine; elsewhere the environment's name, typed."""
    if given is None and environment.aws_config_file is not None:
        return
    if given is None:
        where = f"{environment.environment} (account {environment.account})"
        print(f"{service} in {where} will fail on purpose: {', '.join(kinds)}")
    confirm(environment, given, "drill it")
