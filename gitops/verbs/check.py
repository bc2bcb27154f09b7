"""``gitops check``: every checker, or the named ones, with one line each."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from gitops import github, tools
from gitops.arguments import argument, base_argument
from gitops.checks import running
from gitops.checks.catalogue import CHECKS
from gitops.checks.running import End, Result
from gitops.checks.selection import selected
from gitops.errors import GitopsError
from gitops.text import fence, fold, hide, table

MARKS: dict[End, str] = {"passed": "ok  ", "failed": "FAIL", "not run": "--  "}


ARGUMENTS = (
    argument("names", nargs="*", metavar="NAME", help="checks to run (default: all of them)"),
    base_argument,
    argument("--list", action="store_true", help="list the checks and run none"),
)


def run(arguments: argparse.Namespace) -> int:
    """Run the checks; 0 when all that run pass, 1 when any fails.

    Where a tool is missing a check did not run; named, or with CI set, it has failed: green means that it ran.
    """
    known = {check.name: check for check in CHECKS}
    if arguments.list:
        for check in sorted(CHECKS, key=lambda check: check.name):
            print(f"{check.name:<11} {check.about}")
        return 0
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        raise GitopsError(
            f"no check named {', '.join(unknown)} (there are: {', '.join(sorted(known))})",
            fix="check the spelling",
            exit_code=2,
        )
    wanted = arguments.names or selected(arguments.checkout, arguments.base).checks or list(known)
    chosen = [check for check in CHECKS if check.name in wanted]
    if len(chosen) < len(CHECKS) and not arguments.names:
        named = ", ".join(sorted(check.name for check in chosen))
        print(f"checks that the change since {arguments.base} can affect: {named}", flush=True)
    must_run = bool(arguments.names or os.environ.get("CI"))
    at_once = tools.cores()
    results = running.run(
        chosen, arguments.checkout, at_once=at_once, must_run=must_run, report=_print_line, base=arguments.base
    )
    failed = [result for result in results if result.end == "failed"]
    for result in failed:
        print(f"\n=== {result.name} ===\n{hide(result.output.rstrip())}")
        github.annotation("error", f"check {result.name}", f"gitops check {result.name} fails")
    print(f"\nchecks: {_count(results)}")
    github.summary(summary(results))
    return 1 if failed else 0


def summary(results: Sequence[Result]) -> str:
    """The job summary: a table of all checks, and the output of each failed one in a fold."""
    failed = [result.name for result in results if result.end == "failed"]
    title = f"### checks: {_count(results)}" + (f"; {', '.join(failed)} failed" if failed else "")
    rows = [(one.name, "**failed**" if one.end == "failed" else one.end, f"{one.seconds:.1f}") for one in results]
    lines = [title, "", *table(("check", "result", "seconds:"), rows)]
    for result in results:
        if result.end != "passed":
            lines += ["", fold(result.name, fence(result.output.rstrip().splitlines()))]
    return "\n".join(lines)


def _count(results: Sequence[Result]) -> str:
    ends = [result.end for result in results]
    not_run = f", {ends.count('not run')} not run" if "not run" in ends else ""
    return f"{ends.count('passed')} of {len(ends)} passed{not_run}"


def _print_line(result: Result) -> None:
    why = f"  {result.output.strip()}" if result.end == "not run" else ""
    print(f"{MARKS[result.end]} {result.name:<11} {result.seconds:5.1f} s{why}", flush=True)
